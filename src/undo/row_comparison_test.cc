#include "undo/row_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::undo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// "1=a 2=b": keys and their values; a key alone has none; "!" before one that is not wanted.
std::vector<ToldRow> rows(const std::vector<std::string>& texts) {
  std::vector<ToldRow> told;
  for (std::string text : texts) {
    ToldRow row;
    row.wanted = !text.starts_with('!');
    if (!row.wanted) text.erase(0, 1);
    row.key = row.label = text.substr(0, text.find('='));
    row.digest = text.substr(row.key.size());
    row.at = {static_cast<uint32_t>(told.size()), 1};
    told.push_back(std::move(row));
  }
  return told;
}

ToldRows source(std::vector<ToldRow> rows) {
  return [rows = std::move(rows), next = size_t{0}]() mutable -> Result<std::optional<ToldRow>> {
    return next == rows.size() ? std::nullopt : std::optional(rows[next++]);
  };
}

class RowComparisonTest : public ::testing::Test {
 protected:
  RowComparison compare(const std::vector<std::string>& then, const std::vector<std::string>& now,
                        size_t most_listed = 100) {
    auto found =
        compare_rows(source(rows(then)), source(rows(now)), most_listed,
                     [&](const ToldRow& row, Difference difference) -> Result<void> {
                       told_.push_back(row.label + (difference == Difference::kChanged ? "*" : ""));
                       return success();
                     });
    EXPECT_TRUE(found.ok());
    return *found;
  }

  std::vector<std::string> told_;  // rows of then; "*" where they changed
};

TEST_F(RowComparisonTest, RowsArePairedByTheirKeys) {
  const RowComparison found =
      compare({"1=a", "2=b", "4=d", "5=e"}, {"0=z", "1=a", "2=x", "3=c", "5=e", "6=f"});
  EXPECT_EQ(found.then, 4u);
  EXPECT_EQ(found.same, 2u);
  EXPECT_EQ(found.only_then, 1u);
  EXPECT_EQ(found.only_now, 3u);
  EXPECT_EQ(found.changed, 1u);
  EXPECT_THAT(
      found.listed,
      ElementsAre(DifferentRow{Difference::kOnlyNow, "0"}, DifferentRow{Difference::kChanged, "2"},
                  DifferentRow{Difference::kOnlyNow, "3"}, DifferentRow{Difference::kOnlyThen, "4"},
                  DifferentRow{Difference::kOnlyNow, "6"}));
  EXPECT_THAT(told_, ElementsAre("2*", "4"));
}

TEST_F(RowComparisonTest, WithoutAKeyCopiesCount) {
  const RowComparison found = compare({"a", "a", "a", "b"}, {"a", "b", "b"});
  EXPECT_EQ(found.same, 2u);
  EXPECT_EQ(found.only_then, 2u);
  EXPECT_EQ(found.only_now, 1u);
  EXPECT_THAT(told_, ElementsAre("a", "a"));
}

TEST_F(RowComparisonTest, ATableThatIsEmptyNowIsOnlyThen) {
  EXPECT_EQ(compare({"1=a", "2=b"}, {}).only_then, 2u);
  EXPECT_EQ(compare({}, {"1=a"}).only_now, 1u);
  EXPECT_EQ(compare({}, {}), RowComparison());
}

// A row that met the condition then may not meet it any more: it changed, and is not gone.
TEST_F(RowComparisonTest, TheConditionMayHoldThenOrNow) {
  const RowComparison found =
      compare({"1=a", "!2=b", "!3=c", "4=d", "!5=e"}, {"!1=x", "!2=y", "3=z", "!6=f"});
  EXPECT_EQ(found.then, 2u);
  EXPECT_EQ(found.changed, 2u);
  EXPECT_EQ(found.only_then, 1u);
  EXPECT_EQ(found.only_now, 0u);
  EXPECT_EQ(found.same, 0u);
  EXPECT_THAT(told_, ElementsAre("1*", "3*", "4"));
}

TEST_F(RowComparisonTest, OfEachKindTheFirstAreListed) {
  std::vector<std::string> then, now;
  for (char c = 'a'; c <= 'z'; ++c) {
    then.push_back(std::string("1") + c);
    now.push_back(std::string("2") + c);
  }
  const RowComparison found = compare(then, now, 3);
  EXPECT_EQ(found.only_then, 26u);
  EXPECT_EQ(found.listed.size(), 6u);
  EXPECT_EQ(told_.size(), 26u) << "all of them are told";
}

TEST_F(RowComparisonTest, AnErrorOfEitherSideEndsIt) {
  const ToldRows broken = []() -> Result<std::optional<ToldRow>> {
    return make_error(ErrorKind::kTransient, "gone");
  };
  const auto ignore = [](const ToldRow&, Difference) -> Result<void> { return success(); };
  EXPECT_FALSE(compare_rows(broken, source({}), 1, ignore).ok());
  EXPECT_FALSE(compare_rows(source({}), broken, 1, ignore).ok());
}

UndoTable table(bool has_key) {
  TableShape shape;
  shape.name = {1, "public.t", false};
  shape.columns = {Column{"id", "integer"}, Column{"\"V w\"", "text"}};
  if (has_key) shape.keys = {{"t_pkey", true, true, {{"id", "id", "="}}}};
  return make_undo_table(1, shape, shape);
}

TEST(ToldRowsQuery, RowsAreToldByTheirKeyOrByAllOfThem) {
  const std::string keyed = told_rows_query(table(true), "ONLY public.t t", "");
  EXPECT_THAT(keyed, HasSubstr("ROW(t.id)::text AS key"));
  EXPECT_THAT(keyed, HasSubstr("'id=' || coalesce(t.id::text, 'NULL') AS label"));
  EXPECT_THAT(keyed, HasSubstr("true AS wanted"));
  const std::string whole = told_rows_query(table(false), "ONLY public.t t", "");
  EXPECT_THAT(whole, HasSubstr("'' AS digest, left(ROW(t.id, t.\"V w\")::text, 200) AS label"));
}

TEST(ToldRowsQuery, AConditionOfAKeyedTableKeepsTheRowsThatDoNotMeetIt) {
  const std::string condition = "id > 5 -- all";
  const std::string keyed = told_rows_query(table(true), "ONLY public.t t", condition);
  EXPECT_THAT(keyed, HasSubstr("(\nid > 5 -- all\n) IS TRUE AS wanted"));
  EXPECT_THAT(keyed, Not(HasSubstr("WHERE")));
  EXPECT_THAT(told_rows_query(table(false), "ONLY public.t t", condition),
              HasSubstr("FROM ONLY public.t t WHERE (\nid > 5 -- all\n)) AS rows"));
  EXPECT_THAT(where_clause(""), IsEmpty());
}

}  // namespace
}  // namespace walkback::undo
