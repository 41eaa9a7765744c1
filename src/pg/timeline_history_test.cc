#include "pg/timeline_history.h"

#include <gtest/gtest.h>

namespace walkback::pg {
namespace {

constexpr std::string_view kText =
    "1\t0/3000158\tno recovery target specified\n"
    "\n"
    "3\t1/A0000000\tbefore 2026-11-22 15:46:59+00\n";

TimelineHistory history() { return TimelineHistory::parse({4}, kText).value(); }

TEST(TimelineHistory, ReadsAndWritesAsPostgres) {
  ASSERT_EQ(history().switches().size(), 2u);
  EXPECT_EQ(history().switches()[1].parent.value, 3u);
  EXPECT_EQ(history().switches()[1].at.text(), "1/A0000000");
  EXPECT_EQ(history().switches()[1].reason, "before 2026-11-22 15:46:59+00");
  EXPECT_EQ(history().text(), kText);
}

TEST(TimelineHistory, SaysWhichTimelineHoldsAnLsn) {
  EXPECT_EQ(history().timeline_of({0}).value, 1u);
  EXPECT_EQ(history().timeline_of({0x3000157}).value, 1u);
  EXPECT_EQ(history().timeline_of({0x3000158}).value, 3u);
  EXPECT_EQ(history().timeline_of({0x19FFFFFFF}).value, 3u);
  EXPECT_EQ(history().timeline_of({0x1A0000000}).value, 4u);
}

TEST(TimelineHistory, SaysWhereAncestorsBeginAndEnd) {
  EXPECT_EQ(history().begin_of({1}), Lsn{0});
  EXPECT_EQ(history().begin_of({3}), Lsn{0x3000158});
  EXPECT_EQ(history().begin_of({4}), Lsn{0x1A0000000});
  EXPECT_EQ(history().end_of({1}), Lsn{0x3000158});
  EXPECT_EQ(history().end_of({4}), std::nullopt);
  EXPECT_TRUE(history().contains({4}));
  EXPECT_FALSE(history().contains({2})) << "a sibling";
  EXPECT_EQ(history().begin_of({2}), std::nullopt);
}

TEST(TimelineHistory, TheFirstTimelineHasNoAncestors) {
  const TimelineHistory first(TimelineId{1});
  EXPECT_EQ(first.timeline_of({12345}).value, 1u);
  EXPECT_EQ(first.text(), "");
}

TEST(TimelineHistory, CommentsAndBlanksAreSkipped) {
  const auto history = TimelineHistory::parse({2}, "# made by hand\n  \n 1 0/10 \n");
  ASSERT_TRUE(history.ok());
  EXPECT_EQ(history->switches().at(0).reason, "");
}

// As PostgreSQL writes it for a copy that was sent along timeline 2 to a moment before 2 left 1.
TEST(TimelineHistory, ATimelineLeftBeforeItBeganHoldsNothing) {
  const auto history = TimelineHistory::parse({3}, "1\t0/3000000\tr\n2\t0/2000000\tr\n");
  ASSERT_TRUE(history.ok());
  EXPECT_EQ(history->timeline_of({0x1FFFFFF}).value, 1u);
  EXPECT_EQ(history->timeline_of({0x2000000}).value, 3u);
  EXPECT_EQ(history->end_of({1}), Lsn{0x2000000});
  EXPECT_EQ(history->begin_of({2}), history->end_of({2}));
  EXPECT_EQ(history->begin_of({3}), Lsn{0x2000000});
}

TEST(TimelineHistory, RefusesWhatCannotBe) {
  for (const char* text : {"x\t0/1\tr\n", "1\n", "1\t01\n", "0\t0/1\n", "4\t0/1\n", "5\t0/1\n",
                           "2\t0/1\n1\t0/2\n", "1\t0/1\n1\t0/2\n"}) {
    EXPECT_EQ(TimelineHistory::parse({4}, text).error().kind, ErrorKind::kInvalid) << text;
  }
}

TEST(HistoryFileName, IsTheTimelineInHexadecimal) {
  EXPECT_EQ(history_file_name({0x1F}), "0000001F.history");
  EXPECT_EQ(parse_history_file_name("0000001F.history")->value, 0x1Fu);
  EXPECT_FALSE(parse_history_file_name("00000000.history").ok());
  EXPECT_FALSE(parse_history_file_name("1F.history").ok());
}

}  // namespace
}  // namespace walkback::pg
