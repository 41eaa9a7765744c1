#include "undo/sql_statements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace walkback::undo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Cut into pieces of each size, which must make no difference.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> whole;
  for (size_t piece = text.size(); piece > 0; piece = piece / 2) {
    std::vector<std::string> statements;
    StatementSplitter splitter([&](const std::string& statement) -> Result<void> {
      statements.push_back(statement);
      return success();
    });
    for (size_t at = 0; at < text.size(); at += piece) {
      EXPECT_TRUE(splitter.feed(text.substr(at, piece)).ok());
    }
    EXPECT_TRUE(splitter.finish().ok()) << text;
    if (piece == text.size()) whole = statements;
    EXPECT_EQ(statements, whole) << "in pieces of " << piece;
  }
  return whole;
}

TEST(StatementSplitter, CommentsAndPsqlsCommandsAreNoStatements) {
  EXPECT_THAT(split("--\n-- PostgreSQL database dump; a\n--\n\n\\restrict x'y;\n\nSET a = 0;\n"
                    "/* b; /* c; */ d; */ SELECT 1;\n-- end"),
              ElementsAre("SET a = 0", "SELECT 1"));
  EXPECT_THAT(split("\n\n-- nothing; at all\n"), IsEmpty());
}

TEST(StatementSplitter, QuotesEndNothing) {
  EXPECT_THAT(split("INSERT INTO a VALUES ('x;''y\\', E'a\\';b', e'\\\\');SELECT 1;"),
              ElementsAre("INSERT INTO a VALUES ('x;''y\\', E'a\\';b', e'\\\\')", "SELECT 1"));
  EXPECT_THAT(split("SELECT E'a''\\';b';SELECT 'a''\\';"),
              ElementsAre("SELECT E'a''\\';b'", "SELECT 'a''\\'"));
  EXPECT_THAT(split("CREATE TABLE \"a;\"\"\n--'\" (b int);SELECT name'x;';SELECT 2;"),
              ElementsAre("CREATE TABLE \"a;\"\"\n--'\" (b int)", "SELECT name'x;'", "SELECT 2"));
}

TEST(StatementSplitter, DollarQuotesEndNothing) {
  EXPECT_THAT(
      split("DO $$a;'b$$;DO $x1$ $y$; $$; $x1$;SELECT a$b$, $1 - $2;SELECT '$$';"),
      ElementsAre("DO $$a;'b$$", "DO $x1$ $y$; $$; $x1$", "SELECT a$b$, $1 - $2", "SELECT '$$'"));
}

TEST(StatementSplitter, WhatStandsInAStatementStays) {
  EXPECT_THAT(split("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);\n"
                    "SELECT 1 -- a; b\n - 1 /* ; */ / 2;SELECT - -1;"),
              ElementsAre("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
                          "SELECT 1 -- a; b\n - 1 /* ; */ / 2", "SELECT - -1"));
}

TEST(StatementSplitter, ATextThatIsCutIsSaidToBe) {
  for (const std::string text : {"SELECT 1", "SELECT 'a;", "DO $$ ;", "SELECT 1 /* ;", "/* a"}) {
    StatementSplitter splitter([](const std::string&) -> Result<void> { return success(); });
    ASSERT_TRUE(splitter.feed(text).ok());
    EXPECT_EQ(splitter.finish().error().kind, ErrorKind::kCorrupt) << text;
  }
}

TEST(StatementSplitter, WhatAStatementSetsEndsWithTheTransaction) {
  EXPECT_EQ(within_transaction("SET default_tablespace = ''"), "SET LOCAL default_tablespace = ''");
  EXPECT_EQ(within_transaction("SELECT pg_catalog.set_config('search_path', '', false)"),
            "SET LOCAL search_path = ''");
  EXPECT_EQ(within_transaction("SELECT pg_catalog.setval('a', 1)"),
            "SELECT pg_catalog.setval('a', 1)");
}

}  // namespace
}  // namespace walkback::undo
