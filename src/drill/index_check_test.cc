#include "drill/index_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::drill {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(JudgeAmcheck, WholeMeansWhatWasAskedFor) {
  EXPECT_EQ(judge_amcheck({0, ""}, true).outcome, ProofOutcome::kProved);
  EXPECT_THAT(judge_amcheck({0, ""}, true).text, HasSubstr("every row is in its indexes"));
  EXPECT_THAT(judge_amcheck({0, ""}, false).text, ::testing::Not(HasSubstr("every row")));
}

// pg_amcheck 15 of a table whose line pointer was overwritten.
TEST(JudgeAmcheck, CorruptionIsShownAsItWasFound) {
  const Proof proof =
      judge_amcheck({2,
                     "heap table \"shop.public.notes\", block 0, offset 2:\n"
                     "    line pointer redirection to item at offset 7 exceeds maximum offset 2\n"},
                    true);
  EXPECT_EQ(proof.outcome, ProofOutcome::kFailed);
  EXPECT_EQ(proof.text, "pg_amcheck found corruption");
  EXPECT_THAT(proof.details,
              ElementsAre("heap table \"shop.public.notes\", block 0, offset 2:",
                          "line pointer redirection to item at offset 7 exceeds maximum offset 2"));
}

TEST(JudgeAmcheck, OneThatDidNotRunProvesNothing) {
  const Proof proof = judge_amcheck({1, "pg_amcheck: error: query failed\n"}, true);
  EXPECT_EQ(proof.outcome, ProofOutcome::kFailed);
  EXPECT_EQ(proof.text, "pg_amcheck ended with 1");
}

}  // namespace
}  // namespace walkback::drill
