#include "drill/sql_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pgconn/testing/scratch_cluster.h"

namespace walkback::drill {
namespace {

using pgconn::testing::ScratchCluster;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

CheckedAnswer judged(const std::optional<std::string>& expect, const pgconn::Value& value) {
  return judge({"one", "postgres", "SELECT", expect}, pgconn::Table{{"c"}, {{value}}});
}

TEST(JudgeCheck, WithoutAnExpectedAnswerItHasToBeTrue) {
  EXPECT_TRUE(judged(std::nullopt, "t").as_expected);
  EXPECT_FALSE(judged(std::nullopt, "f").as_expected);
  EXPECT_FALSE(judged(std::nullopt, "1").as_expected);
  EXPECT_FALSE(judged(std::nullopt, std::nullopt).as_expected);
}

TEST(JudgeCheck, ElseItHasToBeTheSame) {
  EXPECT_TRUE(judged("42", "42").as_expected);
  EXPECT_FALSE(judged("42", "042").as_expected);
  EXPECT_TRUE(judged("", "").as_expected);
  EXPECT_FALSE(judged("NULL", std::nullopt).as_expected) << "NULL is no value";
  EXPECT_EQ(judged("42", std::nullopt).found, "NULL");
}

TEST(JudgeCheck, OneValueIsAnAnswer) {
  const SqlCheck check{"one", "postgres", "SELECT", std::nullopt};
  EXPECT_FALSE(judge(check, pgconn::Table{{"c"}, {}}).as_expected);
  EXPECT_FALSE(judge(check, pgconn::Table{{"c"}, {{"t"}, {"t"}}}).as_expected);
  EXPECT_FALSE(judge(check, pgconn::Table{{"c", "d"}, {{"t", "t"}}}).as_expected);
  const CheckedAnswer error = judge(check, make_error(ErrorKind::kInvalid, "no such table"));
  EXPECT_FALSE(error.as_expected);
  EXPECT_EQ(error.found, "no such table");
}

TEST(ChecksProof, NamesWhatWasNotAsExpected) {
  EXPECT_EQ(checks_proof({}).outcome, ProofOutcome::kNotProved);
  EXPECT_EQ(checks_proof({{"a", "x", "t", "t", true}}).outcome, ProofOutcome::kProved);
  const Proof proof = checks_proof({{"a", "x", "t", "t", true}, {"b", "shop", "42", "41", false}});
  EXPECT_EQ(proof.outcome, ProofOutcome::kFailed);
  EXPECT_EQ(proof.text, "1 of 2 were not answered as expected");
  EXPECT_THAT(proof.details, ElementsAre("b (database shop): found 41, expected 42"));
}

class AskChecks : public ::testing::Test {
 protected:
  void SetUp() override { cluster_.start(); }
  CheckedAnswer answer(const std::string& sql, const std::string& database = "postgres") {
    const Connect connect = [&](const std::string& name) {
      return pgconn::connect({.conninfo = cluster_.conninfo(name)});
    };
    const auto answers = ask({{"one", database, sql, std::nullopt}}, 1, connect, {});
    EXPECT_TRUE(answers.ok());
    return answers->at(0);
  }
  ScratchCluster cluster_;
};

TEST_F(AskChecks, AsTheUserWouldFindThingsAndWithoutWriting) {
  cluster_.sql("CREATE SCHEMA own");
  cluster_.sql("CREATE TABLE own.notes AS SELECT 1 AS id");
  cluster_.sql("ALTER DATABASE postgres SET search_path = own");
  EXPECT_TRUE(answer("SELECT count(*) = 1 FROM notes").as_expected);
  EXPECT_THAT(answer("INSERT INTO notes VALUES (2) RETURNING true").found,
              HasSubstr("read-only transaction"));
  EXPECT_THAT(answer("SELECT pg_sleep(20) IS NOT NULL").found, HasSubstr("statement timeout"));
  EXPECT_THAT(answer("SELECT true", "nowhere").found, HasSubstr("nowhere"));
  EXPECT_THAT(answer("SELECT count(*) FROM missing").found, HasSubstr("missing"));
}

TEST_F(AskChecks, AskedToStopItStops) {
  std::stop_source stop;
  stop.request_stop();
  const auto answers = ask(
      {{"one", "postgres", "SELECT true", std::nullopt}}, 1,
      [](const std::string&) { return make_error(ErrorKind::kIo, "no"); }, stop.get_token());
  EXPECT_EQ(answers.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace walkback::drill
