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
  EXPECT_TRUE(filter("", Kind::kDrop).asked_for({{}, shop}));
  EXPECT_FALSE(filter("", Kind::kDelete).asked_for({{}, shop}));
  EXPECT_TRUE(filter("payments", {}).asked_for({{}, shop}));
  EXPECT_FALSE(filter("payments", {}).asked_for({{}, other}));
  EXPECT_FALSE(filter("carts", {}).asked_for({{}, shop}));
}

TEST_F(FilterTest, ARewriteIsNoDropAndAnAlteredOneAnUpdate) {
  const std::vector<TouchedFile> rewritten{{kPayments, {}, FileFate::kRewritten}};
  const std::vector<TouchedFile> altered{{kPayments, {}, FileFate::kAltered, 500}};
  const std::vector<TouchedFile> index{{kIndex, {}, FileFate::kDropped}};
  EXPECT_FALSE(filter("", Kind::kDrop).asked_for({rewritten, {}}));
  EXPECT_FALSE(filter("", Kind::kDrop).asked_for({index, {}}));
  EXPECT_TRUE(filter("", Kind::kUpdate).asked_for({altered, {}}));
  EXPECT_EQ(filter("", Kind::kUpdate).asked_for({altered, {}})->gone, 500u);
}

TEST_F(FilterTest, ShowsTheRowsOfWhatIsAskedFor) {
  const std::vector<TouchedFile> files{{kPayments, {.inserted = 5, .deleted = 7}},
                                       {{1663, 5, 17000}, {.deleted = 100}}};
  const auto rows = [&](const Filter& filter) { return filter.asked_for({files, {}})->rows; };
  EXPECT_EQ(rows(filter("payments", {})), (wal::RowCounts{.inserted = 5, .deleted = 7}));
  EXPECT_EQ(rows(filter("payments", Kind::kDelete)), (wal::RowCounts{.deleted = 7}));
  EXPECT_EQ(rows(filter("", Kind::kDelete)), (wal::RowCounts{.deleted = 107}));
  EXPECT_FALSE(filter("payments", {}, 13).asked_for({files, {}}));
  EXPECT_FALSE(filter("carts", {}).asked_for({files, {}}));
}

TEST_F(FilterTest, WhatIsNeverShownIsNotAskedFor) {
  const std::vector<TouchedFile> index{{kIndex, {}, FileFate::kCreated}};
  const std::vector<TouchedFile> catalog{{{1663, 5, 1259}, {.updated = 4}}};
  const std::vector<TouchedFile> locked{{kPayments, {}}};
  for (const auto* files : {&index, &catalog, &locked}) {
    EXPECT_FALSE(filter("", {}).asked_for({*files, {}}));
  }
}

TEST_F(FilterTest, ANameLearntLaterCounts) {
  const std::vector<TouchedFile> files{{{1663, 5, 17000}, {.deleted = 1}}};
  const Filter ledger = filter("ledger", {});
  EXPECT_FALSE(ledger.asked_for({files, {}}));
  wal::CatalogRow row;
  row.database = 5;
  row.oid = row.file = 17000;
  row.name = "ledger";
  row.schema = 2200;
  row.kind = 'r';
  names_.see(row);
  EXPECT_TRUE(ledger.asked_for({files, {}}));
}

}  // namespace
}  // namespace walkback::find
