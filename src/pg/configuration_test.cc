#include "pg/configuration.h"

#include <gtest/gtest.h>

namespace walkback::pg {
namespace {

std::optional<std::string> value_in(std::string_view line) {
  return Configuration::parse(line).value("a");
}

TEST(Configuration, ReadsEveryFormOfALine) {
  EXPECT_EQ(value_in("a = 1"), "1");
  EXPECT_EQ(value_in("a 1"), "1");
  EXPECT_EQ(value_in("a=1#comment"), "1");
  EXPECT_EQ(value_in("  a\t= on \r"), "on");
  EXPECT_EQ(value_in("A = 'x'"), "x");
  EXPECT_EQ(value_in("a = 10MB"), "10MB");
  EXPECT_EQ(value_in("a = -1"), "-1");
  EXPECT_EQ(value_in("a = 0.5"), "0.5");
  EXPECT_EQ(value_in("a = 0x1F"), "0x1F");
  EXPECT_EQ(value_in("a = 1.5e-3"), "1.5e-3");
  EXPECT_EQ(value_in("a = en_US.UTF-8"), "en_US.UTF-8");
}

TEST(Configuration, UnquotesAsPostgres) {
  EXPECT_EQ(value_in("a = 'it''s'"), "it's");
  EXPECT_EQ(value_in(R"(a = 'it\'s')"), "it's");
  EXPECT_EQ(value_in(R"(a = 'x\ty\\z\101\60b')"), "x\ty\\zA0b");
  EXPECT_EQ(value_in("a = '# no comment'"), "# no comment");
  EXPECT_EQ(value_in("a = ''"), "");
  EXPECT_EQ(value_in("a = ''''"), "'");
}

TEST(Configuration, LinesThatAServerWouldRefuseAreInvalid) {
  for (const char* line :
       {"a", "a =", "= 1", "a = 1 2", "a = 'x", "a = 1.5GB", "a = b.c", "a-b = 1", "a = /path",
        "a = 'x' y", "1 = a", "a == 1", "a = 'x''", "a.b.c = 1", "a = ,"}) {
    EXPECT_EQ(Configuration::parse(line).first_invalid_line(), 1u) << line;
  }
}

TEST(Configuration, TheLastLineWinsAndNamesIgnoreCase) {
  const auto configuration = Configuration::parse("Port = 1\n# port = 2\nport = 3\nportal.x = 4\n");
  EXPECT_EQ(configuration.value("PORT"), "3");
  EXPECT_EQ(configuration.value("portal.x"), "4");
  EXPECT_EQ(configuration.value("other"), std::nullopt);
  EXPECT_EQ(configuration.first_invalid_line(), std::nullopt);
}

TEST(Configuration, IncludesAreLinesOfTheirOwnKind) {
  const auto configuration =
      Configuration::parse("include 'x.conf'\ninclude_if_exists = y\nInclude_Dir 'conf.d'\n");
  ASSERT_EQ(configuration.lines().size(), 3u);
  EXPECT_EQ(configuration.lines()[0].kind, ConfigurationLineKind::kInclude);
  EXPECT_EQ(configuration.lines()[0].value, "x.conf");
  EXPECT_EQ(configuration.lines()[1].kind, ConfigurationLineKind::kIncludeIfExists);
  EXPECT_EQ(configuration.lines()[2].kind, ConfigurationLineKind::kIncludeDirectory);
  EXPECT_EQ(configuration.value("include"), std::nullopt);
}

TEST(Configuration, WhatOthersWroteStaysAsItWas) {
  const std::string text =
      "# Debian\n\n  data_directory = '/var/lib'   # (change requires restart)\nbad\n";
  auto configuration = Configuration::parse(text);
  configuration.append_comment("walkback");
  configuration.append("restore_command", "it's \\ %p\nx");
  EXPECT_EQ(configuration.text(), text + "# walkback\nrestore_command = 'it''s \\\\ %p\\nx'\n");
  EXPECT_EQ(Configuration::parse(configuration.text()).value("restore_command"), "it's \\ %p\nx");
  EXPECT_EQ(configuration.first_invalid_line(), 4u);
}

TEST(Configuration, QuotingRoundTripsEveryByte) {
  std::string every;
  for (int c = 1; c < 256; ++c) every += static_cast<char>(c);
  EXPECT_EQ(value_in("a = " + quote_setting(every)), every);
}

TEST(MemorySetting, KnowsUnitsAndBlocks) {
  EXPECT_EQ(parse_memory_setting("128MB", 8192).value(), 128 << 20);
  EXPECT_EQ(parse_memory_setting("16384", 8192).value(), 128 << 20);
  EXPECT_EQ(parse_memory_setting(" 4 GB ", 1024).value(), int64_t{4} << 30);
  EXPECT_EQ(parse_memory_setting("0.5GB", 1024).value(), 512 << 20);
  EXPECT_EQ(parse_memory_setting("1.5e3", 1024).value(), 1500 * 1024);
  EXPECT_EQ(parse_memory_setting("0x10kB", 1).value(), 16 << 10);
  EXPECT_EQ(parse_memory_setting("-1", 1024).value(), -1024);
  for (const char* text : {"", "MB", "1mb", "1 KB", "1MBx", "1 MB 2", "1e400", "9999999999TB"}) {
    EXPECT_EQ(parse_memory_setting(text, 1024).error().kind, ErrorKind::kInvalid) << text;
  }
}

TEST(BooleanSetting, AcceptsAbbreviations) {
  for (const char* text : {"on", "ON", "t", "true", "tr", "y", "yes", "1", " on "}) {
    EXPECT_TRUE(parse_boolean_setting(text).value()) << text;
  }
  for (const char* text : {"off", "of", "f", "false", "n", "no", "0"}) {
    EXPECT_FALSE(parse_boolean_setting(text).value()) << text;
  }
  for (const char* text : {"", "o", "2", "truex", "none"}) {
    EXPECT_FALSE(parse_boolean_setting(text).ok()) << text;
  }
}

}  // namespace
}  // namespace walkback::pg
