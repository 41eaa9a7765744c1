#include "config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/keys.h"

namespace walkback::config {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kWhole = R"(
[cluster]
name = "payments"
[postgresql]
pgdata = "/srv/pg"
conninfo = "host=/tmp port=5433"
bin_dir = "/usr/lib/postgresql/15/bin"
[repository]
url = "file:///srv/walkback"
encryption = "none"
[backup]
workers = 4
compression_level = 5
[archive]
workers = 3
compression_level = 1
timeout_s = 30
[recovery]
workers = 6
action = "pause"
)";

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    char path[] = "/tmp/walkback-config-XXXXXX";
    directory_ = mkdtemp(path);
    path_ = directory_ + "/walkback.toml";
  }
  ~ConfigTest() override { std::filesystem::remove_all(directory_); }

  void write(std::string_view text, mode_t mode = 0644) {
    std::ofstream(path_) << text;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  Result<Config> load_with(const Environment& environment = {}) {
    return load(system_files(), path_, environment);
  }
  // What is wrong with a text, as "message | hint".
  static std::string wrong(std::string_view text) {
    Result<Config> config = parse(text, "w.toml");
    if (config.ok()) return "nothing";
    EXPECT_EQ(config.error().kind, ErrorKind::kInvalid);
    return config.error().message + " | " + config.error().hint;
  }
  static std::string wrong_variable(const std::string& name, const std::string& value) {
    Config config;
    Result<void> applied = apply_environment({{name, value}}, config);
    if (applied.ok()) return "nothing";
    EXPECT_EQ(applied.error().kind, ErrorKind::kInvalid);
    return applied.error().message + " | " + applied.error().hint;
  }

  std::string directory_, path_;
};

TEST_F(ConfigTest, EveryKeyIsRead) {
  write(kWhole);
  auto config = load_with();
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->cluster, "payments");
  EXPECT_EQ(config->pgdata, "/srv/pg");
  EXPECT_EQ(config->conninfo, "host=/tmp port=5433");
  EXPECT_EQ(config->bin_dir, "/usr/lib/postgresql/15/bin");
  EXPECT_EQ(config->repository_url, "file:///srv/walkback");
  EXPECT_EQ(config->encryption, "none");
  EXPECT_EQ(config->backup_workers, 4);
  EXPECT_EQ(config->backup_compression_level, 5);
  EXPECT_EQ(config->archive_workers, 3);
  EXPECT_EQ(config->archive_compression_level, 1);
  EXPECT_EQ(config->archive_timeout_s, 30);
  EXPECT_EQ(config->recovery_workers, 6);
  EXPECT_EQ(config->recovery_action, "pause");
}

TEST_F(ConfigTest, TheEnvironmentWinsOverTheFile) {
  write(kWhole);
  auto config = load_with({{"WALKBACK_REPOSITORY_URL", "file:///elsewhere"},
                           {"WALKBACK_BACKUP_WORKERS", "9"},
                           {"PATH", "/bin"}});
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->repository_url, "file:///elsewhere");
  EXPECT_EQ(config->backup_workers, 9);
  EXPECT_EQ(config->cluster, "payments");
}

TEST_F(ConfigTest, EveryKeyIsAlsoAVariable) {
  for (const Key& key : all_keys()) {
    std::string value = key.type == ValueType::kInteger ? std::to_string(key.max)
                        : key.type == ValueType::kPath  ? "/p"
                        : key.type == ValueType::kFlag  ? "false"
                        : key.type == ValueType::kSpan  ? "14 days"
                        : key.type == ValueType::kCron  ? "*/5 * * * *"
                        : key.type == ValueType::kPrice ? "0.0125"
                        : key.type == ValueType::kChoice
                            ? std::string(key.choices.substr(0, key.choices.find(',')))
                            : "text";
    Config config;
    auto applied = apply_environment({{key.variable(), value}}, config);
    ASSERT_TRUE(applied.ok()) << applied.error().message;
    if (key.number) {
      EXPECT_EQ(config.*key.number, key.max) << key.variable();
    } else if (key.flag) {
      EXPECT_FALSE(config.*key.flag) << key.variable();
      applied = apply_environment({{key.variable(), "yes"}}, config);
      ASSERT_FALSE(applied.ok());
      EXPECT_THAT(applied.error().message, HasSubstr("expected true or false"));
    } else if (key.list) {
      EXPECT_THAT(config.*key.list, testing::ElementsAre(value)) << key.variable();
    } else {
      EXPECT_EQ(config.*key.text, value) << key.variable();
    }
  }
}

TEST_F(ConfigTest, AScheduleIsACronExpressionOrNever) {
  const auto config = parse("[schedule]\nbackup = \"*/15 * * * *\"\ndrill = \"never\"\n", "w.toml");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->schedule_backup, "*/15 * * * *");
  EXPECT_EQ(config->schedule_drill, "never");
  EXPECT_THAT(wrong("[schedule]\n\nprune = \"61 * * * *\"\n"),
              testing::StartsWith("w.toml:3: schedule.prune: the minute \"61\""));
  EXPECT_THAT(wrong("[schedule]\nverify = \"0 0 30 2 *\"\n"), HasSubstr("never comes"));
  EXPECT_THAT(wrong("[schedule]\nverify = \"\"\n"), HasSubstr("w.toml:2: schedule.verify: "));
  EXPECT_THAT(wrong_variable("WALKBACK_SCHEDULE_BACKUP", "@reboot"),
              testing::StartsWith("WALKBACK_SCHEDULE_BACKUP: \"@reboot\" is no time"));
}

TEST_F(ConfigTest, ALengthOfTimeHasAUnit) {
  EXPECT_EQ(parse_span("14 days"), std::chrono::hours(14 * 24));
  EXPECT_EQ(parse_span("1 day"), std::chrono::hours(24));
  EXPECT_EQ(parse_span("10min"), std::chrono::minutes(10));
  EXPECT_EQ(parse_span("36hours"), std::chrono::hours(36));
  EXPECT_EQ(parse_span("2 weeks"), std::chrono::hours(2 * 7 * 24));
  for (const char* text : {"", "14", "14 dys", "0 days", "-1 days", "days", "14 days ago",
                           "99999999999999999999 days", "9223372036854775807 weeks", "1 s"}) {
    EXPECT_EQ(parse_span(text), std::nullopt) << text;
  }
}

TEST_F(ConfigTest, APriceIsADecimalNumber) {
  const auto config =
      parse("[cost]\nia_gb_month = 0.0131\nia_put_1000 = 1\nia_get_1000 = \"0.002\"\n", "w.toml");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(parse_price(config->cost_ia_gb_month), 0.0131);
  EXPECT_EQ(parse_price(config->cost_ia_put_1000), 1);
  EXPECT_EQ(parse_price(config->cost_ia_get_1000), 0.002);
  EXPECT_EQ(parse_price("0"), 0);
  for (const char* text : {"", "-0.1", "0,5", "1e9", "nan", "inf", "0.1 $", "$0.1"}) {
    EXPECT_EQ(parse_price(text), std::nullopt) << text;
  }
  EXPECT_THAT(wrong("[cost]\nia_gb_month = -0.5\n"), HasSubstr("expected a price"));
  EXPECT_THAT(wrong("[cost]\nia_gb_month = true\n"), HasSubstr("expected a price"));
  EXPECT_THAT(wrong_variable("WALKBACK_COST_IA_GB_MONTH", "cheap"), HasSubstr("expected a price"));
}

TEST_F(ConfigTest, TheSecondPlaceIsAnother) {
  EXPECT_THAT(wrong("[repository]\nurl = \"file:///r\"\nrequired = \"yes\"\n"),
              HasSubstr("expected true or false"));
  write(
      "[repository]\nurl = \"file:///r\"\nencryption = \"none\"\n"
      "[second_repository]\nurl = \"file:///r\"\nrequired = false\n");
  auto config = load_with();
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.error().message, HasSubstr("lie in one another"));
  write(
      "[repository]\nurl = \"file:///r\"\nencryption = \"none\"\nrequired = false\n"
      "[second_repository]\nurl = \"file:///s\"\nrequired = false\n");
  EXPECT_THAT(load_with().error().message, HasSubstr("neither repository.required"));
}

TEST_F(ConfigTest, AMissingFileSaysHowToMakeOne) {
  auto config = load_with();
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.error().kind, ErrorKind::kMissing);
  EXPECT_EQ(config.error().message, "there is no configuration at " + path_);
  EXPECT_THAT(config.error().hint, HasSubstr("walkback init"));
}

TEST_F(ConfigTest, TheEnvironmentAloneIsEnough) {
  auto config = load_with(
      {{"WALKBACK_REPOSITORY_URL", "file:///r"}, {"WALKBACK_REPOSITORY_ENCRYPTION", "none"}});
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->repository_url, "file:///r");
}

TEST_F(ConfigTest, PlainTextStorageMustBeChosen) {
  write("[repository]\nurl = \"file:///r\"\n");
  auto config = load_with();
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.error().message, HasSubstr("repository.encryption is missing"));
  EXPECT_THAT(config.error().hint, HasSubstr("plain text is a choice"));
}

TEST_F(ConfigTest, ARepositoryMustBeNamed) {
  write("[cluster]\nname = \"main\"\n");
  auto config = load_with();
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.error().message, HasSubstr("repository.url is missing"));
}

TEST_F(ConfigTest, InitReadsWhatIsThereAndAsksForNothing) {
  auto config = load_partial(system_files(), path_, {});
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->repository_url, "");
}

TEST_F(ConfigTest, CredentialsInTheRepositorysUrlAreRefusedAndNotShown) {
  const auto refused = parse("[repository]\nurl = \"s3://key:s3cret@bucket/x\"\n", "w.toml");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("repository.url"));
  EXPECT_EQ((refused.error().message + refused.error().hint).find("s3cret"), std::string::npos);
  EXPECT_TRUE(parse("[repository]\nurl = \"file:///srv/a@b\"\n", "w.toml").ok());
}

TEST_F(ConfigTest, AClusterIsNotCalledAsTheRepositorysOwnFolders) {
  for (const std::string name : {"events", "wal", "packs"}) {
    const auto refused = parse("[cluster]\nname = \"" + name + "\"\n", "w.toml");
    ASSERT_FALSE(refused.ok()) << name;
    EXPECT_THAT(refused.error().message, HasSubstr("none of backups, clusters, events"));
  }
}

TEST_F(ConfigTest, UnknownKeysNameTheClosest) {
  EXPECT_EQ(wrong("\n[repository]\nulr = \"file:///r\""),
            "w.toml:3: unknown key repository.ulr | the closest known one is repository.url");
  EXPECT_EQ(wrong("[backup]\nworker = 2"),
            "w.toml:2: unknown key backup.worker | the closest known one is backup.workers");
  EXPECT_THAT(wrong("[backups]\nworkers = 2"), HasSubstr("w.toml:1: unknown section [backups]"));
  EXPECT_EQ(
      wrong("[backup]\nzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz = 1"),
      "w.toml:2: unknown key backup.zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz | docs/cli.md lists every key");
  EXPECT_THAT(wrong("backup = 3"), HasSubstr("w.toml:1: unknown key backup"));
}

TEST_F(ConfigTest, WrongTypesSayWhatIsExpected) {
  EXPECT_THAT(wrong("[backup]\nworkers = \"two\""),
              HasSubstr("w.toml:2: backup.workers is a string, expected an integer from 1 to 64"));
  EXPECT_THAT(wrong("[backup]\nworkers = 2.5"), HasSubstr("is a decimal number, expected"));
  EXPECT_THAT(wrong("[cluster]\nname = 7"), HasSubstr("cluster.name is an integer, expected"));
  EXPECT_THAT(wrong("[cluster]\nname = [\"a\"]"), HasSubstr("cluster.name is an array"));
  EXPECT_THAT(wrong("[cluster.name]\nx = 1"), HasSubstr("cluster.name is a table"));
  EXPECT_THAT(wrong("[postgresql]\npgdata = true"), HasSubstr("is a boolean"));
  EXPECT_THAT(wrong("[postgresql]\npgdata = 2026-11-22"), HasSubstr("is a date or time"));
}

TEST_F(ConfigTest, WrongValuesSayWhatIsExpected) {
  EXPECT_THAT(wrong("[backup]\nworkers = 0"),
              HasSubstr("w.toml:2: backup.workers is 0, expected an integer from 1 to 64"));
  EXPECT_THAT(wrong("[backup]\ncompression_level = 20"),
              HasSubstr("expected an integer from 1 to 19"));
  EXPECT_THAT(wrong("[backup]\nworkers = 99999999999999"),
              HasSubstr("is 99999999999999, expected"));
  EXPECT_THAT(wrong("[postgresql]\npgdata = \"pg\""),
              HasSubstr("postgresql.pgdata is \"pg\", expected an absolute path"));
  EXPECT_THAT(wrong("[recovery]\naction = \"stop\""),
              HasSubstr("expected one of promote, pause, shutdown"));
  EXPECT_THAT(wrong("[repository]\nencryption = \"gpg\""), HasSubstr("expected one of age, none"));
  for (std::string name : {"", "../other", ".hidden", "a b", "-x", "a/b"}) {
    EXPECT_THAT(wrong("[cluster]\nname = \"" + name + "\""),
                HasSubstr("expected up to 64 letters"));
  }
}

TEST_F(ConfigTest, WhatIsNoTomlNamesTheLine) {
  EXPECT_THAT(wrong("[backup]\nworkers =\n"), HasSubstr("w.toml:2: "));
  EXPECT_THAT(wrong("[backup\n"), HasSubstr("w.toml:1: "));
  EXPECT_THAT(wrong("[backup]\nworkers = 1\nworkers = 2\n"), HasSubstr("w.toml:3: "));
  EXPECT_THAT(wrong("\n[@backup]\n"), HasSubstr("w.toml:2: "));
  EXPECT_NE(wrong(std::string(200'000, '[')), "nothing");
  EXPECT_NE(wrong("x = " + std::string(200'000, '[')), "nothing");
}

TEST_F(ConfigTest, ErrorsNeverQuoteAPassword) {
  EXPECT_THAT(wrong("[postgresql]\nconninfo = 12hunter2\n"), Not(HasSubstr("hunter2")));
  EXPECT_THAT(wrong("[postgresql]\nconninfo = \"password=hunter2\n"), Not(HasSubstr("hunter2")));
  EXPECT_THAT(wrong("[postgresql]\nconninfo = [\"password=hunter2\"]"), Not(HasSubstr("hunter2")));
}

TEST_F(ConfigTest, WrongVariablesAreNamed) {
  EXPECT_THAT(wrong_variable("WALKBACK_BACKUP_WORKERS", "many"),
              HasSubstr("WALKBACK_BACKUP_WORKERS is \"many\", expected an integer from 1 to 64"));
  EXPECT_THAT(wrong_variable("WALKBACK_BACKUP_WORKERS", "0"), HasSubstr("expected an integer"));
  EXPECT_THAT(wrong_variable("WALKBACK_BACKUP_WORKERS", "2 "), HasSubstr("expected an integer"));
  EXPECT_THAT(wrong_variable("WALKBACK_POSTGRESQL_PGDATA", "pg"), HasSubstr("an absolute path"));
  EXPECT_EQ(wrong_variable("WALKBACK_REPOSITORY_ULR", "x"),
            "the environment variable WALKBACK_REPOSITORY_ULR is no configuration key | the "
            "closest known "
            "one is WALKBACK_REPOSITORY_URL");
  EXPECT_THAT(wrong_variable("WALKBACK_IDENTITY_FILE", "/x"),
              HasSubstr("WALKBACK_ENCRYPTION_IDENTITY_FILE"));
}

TEST_F(ConfigTest, VariablesThatAreNotOursAreLeftAlone) {
  EXPECT_EQ(wrong_variable("WALKBACK_SEED", "7"), "nothing");
  EXPECT_EQ(wrong_variable("WALKBACK_CONFIG", "/x"), "nothing");
  EXPECT_EQ(wrong_variable("OTHER_BACKUP_WORKERS", "x"), "nothing");
}

constexpr std::string_view kWithPassword =
    "[postgresql]\nconninfo = \"host=db password=hunter2\"\n"
    "[repository]\nurl = \"file:///r\"\nencryption = \"none\"\n";

TEST_F(ConfigTest, AFileWithAPasswordThatEverybodyCanReadIsRefused) {
  write(kWithPassword, 0644);
  auto config = load_with();
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.error().kind, ErrorKind::kDenied);
  EXPECT_THAT(config.error().hint, HasSubstr("chmod 0600"));
  EXPECT_THAT(config.error().message, Not(HasSubstr("hunter2")));
}

TEST_F(ConfigTest, ThePrimarysPasswordIsOneToo) {
  std::string text(kWithPassword);
  text.replace(text.find("conninfo"), 8, "primary_conninfo");
  write(text, 0644);
  auto config = load_with();
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.error().kind, ErrorKind::kDenied);
}

TEST_F(ConfigTest, AFileWithAPasswordThatFewCanReadIsFine) {
  for (mode_t mode : {0600, 0640}) {
    write(kWithPassword, mode);
    EXPECT_TRUE(load_with().ok());
  }
}

TEST_F(ConfigTest, APasswordFromTheEnvironmentAsksNothingOfTheFile) {
  write(kWhole, 0644);
  EXPECT_TRUE(load_with({{"WALKBACK_POSTGRESQL_CONNINFO", "password=hunter2"}}).ok());
}

TEST(Config, WhatTellsOthersIsASecret) {
  Config config;
  EXPECT_FALSE(holds_password(config));
  for (std::string Config::*member :
       {&Config::alert_slack_url, &Config::alert_webhook_url, &Config::alert_pagerduty_key,
        &Config::alert_dead_mans_switch_url, &Config::alert_smtp_password}) {
    Config with;
    with.*member = "x";
    EXPECT_TRUE(holds_password(with));
  }
}

TEST(Config, AListIsAnArrayOrATextWithCommas) {
  Config config = parse("[encryption]\nrecipients = [\"age1a\", \"age1b\"]\n", "x").value();
  EXPECT_THAT(config.encryption_recipients, testing::ElementsAre("age1a", "age1b"));
  ASSERT_TRUE(apply_environment({{"WALKBACK_ENCRYPTION_RECIPIENTS", "age1c,age1d"}}, config).ok());
  EXPECT_THAT(config.encryption_recipients, testing::ElementsAre("age1c", "age1d"));
  for (const char* wrong : {"recipients = \"age1a\"", "recipients = [1]", "recipients = [\"\"]"}) {
    EXPECT_FALSE(parse(std::string("[encryption]\n") + wrong, "x").ok()) << wrong;
  }
  EXPECT_FALSE(apply_environment({{"WALKBACK_ENCRYPTION_RECIPIENTS", "a,,b"}}, config).ok());
}

TEST(Config, DrillsChecksAreTablesOfTheirOwn) {
  const auto read = parse(R"([drill]
directory = "/srv/drill"
[[drill.checks]]
name = "payments"
database = "shop"
sql = "SELECT count(*) FROM payments"
expect = 42
[[drill.checks]]
name = "owner"
sql = "SELECT owner FROM accounts WHERE id = 1"
expect = "Ada"
[[drill.checks]]
name = "recent"
sql = "SELECT max(at) > '2026-01-01' FROM payments"
[[drill.checks]]
name = "closed"
sql = "SELECT open FROM shop"
expect = false
)",
                          "/x.toml");
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->drill_checks.size(), 4u);
  EXPECT_EQ(read->drill_checks[0].database, "shop");
  EXPECT_EQ(read->drill_checks[0].expect, "42");
  EXPECT_EQ(read->drill_checks[1].database, "postgres");
  EXPECT_EQ(read->drill_checks[1].expect, "Ada");
  EXPECT_FALSE(read->drill_checks[2].expect);
  EXPECT_EQ(read->drill_checks[3].expect, "f");
  EXPECT_EQ(read->drill_directory, "/srv/drill");
}

TEST(Config, ACheckThatSaysTooLittleOrTooMuchIsRefused) {
  const auto wrong = [](const std::string& text) {
    const auto read = parse(text, "/x.toml");
    return read.ok() ? "nothing" : read.error().message + " | " + read.error().hint;
  };
  EXPECT_THAT(wrong("[drill]\nchecks = [\"SELECT 1\"]\n"), HasSubstr("expected tables | each"));
  EXPECT_THAT(wrong("[[drill.checks]]\nsql = \"SELECT 1\"\n"), HasSubstr("has no name"));
  EXPECT_THAT(wrong("[[drill.checks]]\nname = \"a\"\n"), HasSubstr("has no sql"));
  EXPECT_THAT(wrong("[[drill.checks]]\nname = \"a\"\nquery = \"b\"\n"),
              HasSubstr("/x.toml:3: unknown key drill.checks.query | a check has name, database"));
  EXPECT_THAT(wrong("[[drill.checks]]\nname = 1\n"), HasSubstr("is an integer, expected text"));
  EXPECT_THAT(wrong("[[drill.checks]]\nname = \"a\"\nexpect = 1.5\n"),
              HasSubstr("is a decimal number"));
}

TEST(Config, AMistypedSectionIsNamedWithTheClosest) {
  const auto wrong = parse("[repositry]\nurl = \"file:///r\"\n", "x");
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message, testing::HasSubstr("[repositry]"));
  EXPECT_THAT(wrong.error().hint, testing::HasSubstr("[repository]"));
}

TEST_F(ConfigTest, WithoutAFileAnErrorDoesNotNameOne) {
  const auto config = load_with({{"WALKBACK_REPOSITORY_URL", "file:///r"}});
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.error().message, HasSubstr("the environment, without a configuration file"));
}

TEST(Config, EncryptionWantsSomebodyToEncryptTo) {
  Config config;
  config.repository_url = "file:///srv/walkback";
  config.encryption = "age";
  EXPECT_THAT(check_complete(config, "x").error().message,
              testing::HasSubstr("encryption.recipients"));
  config.encryption_recipients = {"age1a"};
  EXPECT_TRUE(check_complete(config, "x").ok());
}

}  // namespace
}  // namespace walkback::config
