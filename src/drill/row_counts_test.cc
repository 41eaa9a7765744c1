#include "drill/row_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pgconn/testing/scratch_cluster.h"

namespace walkback::drill {
namespace {

using pgconn::testing::ScratchCluster;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TableRows table(const std::string& name, uint64_t rows) { return {"shop", "public", name, rows}; }

TEST(CompareRows, WhatSomebodyShouldLookAtIsSaid) {
  const std::vector<TableRows> before{table("gone", 5),     table("emptied", 7),
                                      table("halved", 100), table("shrunk", 100),
                                      table("same", 3),     table("was_empty", 0)};
  const std::vector<TableRows> now{table("emptied", 0), table("halved", 50), table("shrunk", 49),
                                   table("same", 3), table("new", 9)};
  EXPECT_THAT(compare_rows(now, before), ElementsAre("shop.public.gone is gone; it had 5 rows",
                                                     "shop.public.emptied is empty; it had 7 rows",
                                                     "shop.public.shrunk has 49 rows; it had 100"));
  EXPECT_TRUE(compare_rows(before, before).empty());
}

TEST(CountRows, OfEveryDatabaseAndEachTableOnce) {
  ScratchCluster cluster;
  cluster.start();
  cluster.sql("CREATE DATABASE shop");
  const auto shop = [&](const char* sql) { cluster.sql(sql, "shop"); };
  shop("CREATE TABLE public.\"Odd \"\"name\" AS SELECT generate_series(1, 30)");
  shop("CREATE TABLE public.parts (n int) PARTITION BY RANGE (n)");
  shop("CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES FROM (0) TO (100)");
  shop("INSERT INTO public.parts SELECT generate_series(1, 20)");
  shop("CREATE TABLE public.above (n int)");
  shop("CREATE TABLE public.below () INHERITS (public.above)");
  shop("INSERT INTO public.below VALUES (1), (2)");
  shop("CREATE UNLOGGED TABLE public.passing AS SELECT 1");
  shop("CREATE MATERIALIZED VIEW public.seen AS SELECT 1");
  shop("CREATE MATERIALIZED VIEW public.unseen AS SELECT 1 WITH NO DATA");
  cluster.sql("CREATE TABLE public.here AS SELECT generate_series(1, 4)");
  const Connect connect = [&](const std::string& database) {
    return pgconn::connect({.conninfo = cluster.conninfo(database)});
  };
  const Result<RowCounts> counts = count_rows(connect, silent_progress(), {});
  ASSERT_TRUE(counts.ok()) << counts.error().message;
  std::vector<std::string> names;
  for (const TableRows& one : counts->tables) {
    names.push_back(one.name() + " " + std::to_string(one.rows));
  }
  EXPECT_THAT(names,
              ::testing::UnorderedElementsAre("postgres.public.here 4", "shop.public.Odd \"name 30",
                                              "shop.public.parts_1 20", "shop.public.above 0",
                                              "shop.public.below 2", "shop.public.seen 1"));
  EXPECT_EQ(counts->rows, 57u);
  EXPECT_EQ(counts->databases, 2u);
  EXPECT_EQ(rows_proof(*counts).text, "57 rows of 6 tables in 2 databases were read");
}

TEST(CountRows, ATableThatCannotBeReadIsAFailureAndNotTheEnd) {
  RowCounts counts;
  counts.tables = {table("a", 1)};
  counts.unreadable = {"shop.public.b: invalid page in block 0 of relation base/5/16384"};
  const Proof proof = rows_proof(counts);
  EXPECT_EQ(proof.outcome, ProofOutcome::kFailed);
  EXPECT_THAT(proof.details, ElementsAre(HasSubstr("invalid page")));
}

}  // namespace
}  // namespace walkback::drill
