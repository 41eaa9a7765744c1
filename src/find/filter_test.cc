#include "find/filter.h"

#include <gtest/gtest.h>

namespace walkback::find {
namespace {

constexpr wal::RelationLocator kPayments{1663, 5, 16384};
constexpr wal::RelationLocator kIndex{1663, 5, 16390};

class FilterTest : public testing::Test {
 protected:
  FilterTest() {
    names_.add({{{5,
                  "shop",
                  1663,
                  {{2200,
                    "public",
                    {{16384, "payments", 1663, 16384, 'r', 500},
                     {16390, "payments_pkey", 1663, 16390, 'i', 500}}}}},
                 {6, "other", 1663, {}}},
                {}},
               {});
  }
  Filter filter(std::string_view table, std::optional<Kind> kind, uint64_t min_rows = 0) {
    std::optional<TablePattern> pattern;
    if (!table.empty()) pattern = *TablePattern::parse(table);
    return {pattern, kind, min_rows, names_};
  }

  RelationNames names_;
};

TEST_F(FilterTest, ADroppedDatabaseIsADropAndOfTheTablesThatWereInIt) {
  const std::vector<pg::Oid> shop{5}, other{6};
  EXPECT_TRUE(filter("", Kind::kDrop).wants({{}, shop}));
  EXPECT_FALSE(filter("", Kind::kDelete).wants({{}, shop}));
  EXPECT_TRUE(filter("payments", {}).wants({{}, shop}));
  EXPECT_FALSE(filter("payments", {}).wants({{}, other}));
  EXPECT_FALSE(filter("carts", {}).wants({{}, shop}));
}

TEST_F(FilterTest, ARewriteIsNoDropAndAnAlteredOneAnUpdate) {
  const std::vector<TouchedFile> rewritten{{kPayments, {}, FileFate::kRewritten}};
  const std::vector<TouchedFile> altered{{kPayments, {}, FileFate::kAltered, 500}};
  const std::vector<TouchedFile> index{{kIndex, {}, FileFate::kDropped}};
  EXPECT_FALSE(filter("", Kind::kDrop).wants({rewritten, {}}));
  EXPECT_FALSE(filter("", Kind::kDrop).wants({index, {}}));
  EXPECT_TRUE(filter("", Kind::kUpdate).wants({altered, {}}));
  EXPECT_EQ(filter("", Kind::kUpdate).rows_shown({altered, {}}), 500u);
}

TEST_F(FilterTest, ShowsTheRowsOfWhatIsAskedFor) {
  const std::vector<TouchedFile> files{{kPayments, {.inserted = 5, .deleted = 7}},
                                       {{1663, 5, 17000}, {.deleted = 100}}};
  EXPECT_EQ(filter("payments", {}).rows_shown({files, {}}), 12u);
  EXPECT_EQ(filter("payments", Kind::kDelete).rows_shown({files, {}}), 7u);
  EXPECT_EQ(filter("", Kind::kDelete).rows_shown({files, {}}), 107u);
  EXPECT_EQ(filter("payments", {}, 13).rows_shown({files, {}}), 0u);
  EXPECT_EQ(filter("carts", {}).rows_shown({files, {}}), 0u);
}

}  // namespace
}  // namespace walkback::find
