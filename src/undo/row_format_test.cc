#include "undo/row_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::undo {
namespace {

TableShape table(std::string schema, std::string name) {
  TableShape shape;
  shape.schema = std::move(schema);
  shape.table = std::move(name);
  shape.name.quoted = "\"" + shape.schema + "\"." + shape.table;
  shape.columns = {Column{"id", "integer"}, Column{"twice", "integer", true},
                   Column{"\"V\"", "text"}};
  return shape;
}

TEST(RowFormat, EachHasAName) {
  for (const auto format : {RowFormat::kSql, RowFormat::kCsv, RowFormat::kCopy, RowFormat::kJson}) {
    EXPECT_EQ(parse_row_format(row_format_name(format)), format);
  }
  EXPECT_EQ(parse_row_format("CSV"), std::nullopt);
}

TEST(RowFormat, WhatCopyReadsBackHasNoGeneratedColumns) {
  EXPECT_EQ(copied_columns(table("public", "t")), "t.id, t.\"V\"");
  EXPECT_EQ(copy_form(RowFormat::kCsv, true), "FORMAT csv, HEADER");
  EXPECT_EQ(copy_form(RowFormat::kCsv, false), "FORMAT csv");
  EXPECT_EQ(copy_form(RowFormat::kCopy, true), "FORMAT text");
}

TEST(RowFormat, ANameOfATableLeadsOutOfNoDirectoryAndIsNoOthers) {
  const auto name = [](const char* schema, const char* of_table) {
    return file_name_of(table(schema, of_table), "deleted", RowFormat::kCsv);
  };
  EXPECT_EQ(name("public", "payments"), "public.payments.deleted.csv");
  EXPECT_EQ(name("public", "../etc/x"), "public.%2E%2E%2Fetc%2Fx.deleted.csv");
  EXPECT_EQ(name("public", "Käse 1"), "public.Käse%201.deleted.csv");
  EXPECT_NE(name("a.b", "c"), name("a", "b.c"));
  EXPECT_NE(name("a", "b/c"), name("a", "b%2Fc"));
}

TEST(RowFormat, AChangeIsOneLineOfJson) {
  EXPECT_EQ(change_line(table("s", "t"), "deleted", "{\"a\":1}", ""),
            "{\"table\": \"\\\"s\\\".t\", \"change\": \"deleted\", \"before\": {\"a\":1}, "
            "\"after\": null}\n");
  EXPECT_EQ(row_line(table("s", "t"), "{\"doc\": {\n\"a\":\r\n1}}"),
            "{\"table\": \"\\\"s\\\".t\", \"row\": {\"doc\": { \"a\":  1}}}\n");
}

}  // namespace
}  // namespace walkback::undo
