// What RowChanges says against what a server says of its own rows, before and after.
#include "undo/row_changes.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "undo/testing/cluster_wal.h"
#include "wal/test_log.h"

namespace walkback::undo {
namespace {

using pgconn::testing::ScratchCluster;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Tid tid(const pgconn::Value& text) {
  unsigned block = 0, offset = 0;
  EXPECT_EQ(sscanf(text->c_str(), "(%u,%u)", &block, &offset), 2);
  return {block, static_cast<uint16_t>(offset)};
}

// A server with tables whose rows are told apart by an id that no statement changes.
class RowChangesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<ScratchCluster>(pgconn::testing::Arguments{"--wal-segsize=1"});
    cluster_->configure("max_prepared_transactions = 5\nautovacuum = off\n");
    cluster_->start();
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  void SetUp() override {
    session_ = cluster_->connect();
    sql("DROP SCHEMA IF EXISTS s CASCADE");
    sql("CREATE SCHEMA s");
  }

  void sql(const std::string& statement) {
    const auto answer = session_->query(statement);
    ASSERT_TRUE(answer.ok()) << statement << ": " << answer.error().message;
  }

  using Rows = std::map<std::string, Tid>;  // by id
  Rows rows_of(const std::string& table) {
    Rows rows;
    const auto answer = session_->query("SELECT id, ctid FROM ONLY " + table);
    EXPECT_TRUE(answer.ok()) << answer.error().message;
    for (const auto& row : answer.value().rows) rows[*row[0]] = tid(row[1]);
    return rows;
  }
  wal::RelationLocator file_of(const std::string& table) {
    const auto answer = session_->query(
        "SELECT d.dattablespace, d.oid, pg_relation_filenode($1::regclass) FROM pg_database d"
        " WHERE d.datname = current_database()",
        {table});
    const auto number = [&](size_t i) {
      return static_cast<pg::Oid>(std::stoul(*answer.value().rows[0][i]));
    };
    return {number(0), number(1), number(2)};
  }

  // Runs it, and expects of each table what the table itself says before and after.
  void expect_told(const std::vector<std::string>& statements,
                   const std::vector<std::string>& tables, const std::string& end = "COMMIT",
                   const std::string& end_later = {}) {
    std::map<std::string, Rows> before, after;
    for (const std::string& table : tables) before[table] = rows_of(table);
    const pg::Lsn from =
        pg::Lsn::parse(*pgconn::query_text(*session_, "SELECT pg_current_wal_insert_lsn()"))
            .value();
    sql("BEGIN");
    const auto xid = static_cast<pg::Xid>(
        std::stoull(*pgconn::query_text(*session_, "SELECT pg_current_xact_id()")));
    for (const std::string& statement : statements) sql(statement);
    for (const std::string& table : tables) after[table] = rows_of(table);
    sql(end);
    if (!end_later.empty()) sql(end_later);
    const RowChanges changes = testing::changes_of(*cluster_, from, xid);
    for (const std::string& table : tables) {
      std::vector<ChangedRow> expected;
      for (const auto& [id, was] : before[table]) {
        const auto now = after[table].find(id);
        if (now == after[table].end()) {
          expected.push_back({was, std::nullopt});
        } else if (now->second != was) {
          expected.push_back({was, now->second});
        }
      }
      std::ranges::sort(expected);
      std::vector<ChangedRow> inserted;
      for (const auto& [id, now] : after[table]) {
        if (!before[table].contains(id)) inserted.push_back({std::nullopt, now});
      }
      std::ranges::sort(inserted);
      expected.insert(expected.end(), inserted.begin(), inserted.end());
      EXPECT_EQ(changes.of(file_of(table)), expected) << table;
      changed_[table] = expected.size();
    }
  }

  static inline std::unique_ptr<ScratchCluster> cluster_;
  std::unique_ptr<pgconn::Connection> session_;
  std::map<std::string, size_t> changed_;  // of the last transaction
};

TEST_F(RowChangesTest, DeletesUpdatesAndInserts) {
  sql("CREATE TABLE s.t AS SELECT g AS id, 0 AS v, repeat('x', 100) AS w FROM"
      " generate_series(1, 5000) g");
  expect_told({"DELETE FROM s.t WHERE id % 7 = 0", "UPDATE s.t SET v = 1 WHERE id % 5 = 0",
               "INSERT INTO s.t SELECT g, 2, '' FROM generate_series(6001, 6100) g"},
              {"s.t"});
  EXPECT_EQ(changed_["s.t"], 714u + 858u + 100u);
}

TEST_F(RowChangesTest, TheNetEffectOfManyChangesToOneRow) {
  sql("CREATE TABLE s.t AS SELECT g AS id, 0 AS v FROM generate_series(1, 40) g");
  expect_told({"UPDATE s.t SET v = v + 1 WHERE id <= 20", "UPDATE s.t SET v = v + 1 WHERE id <= 10",
               "UPDATE s.t SET v = v + 1 WHERE id <= 10", "DELETE FROM s.t WHERE id <= 5",
               "INSERT INTO s.t SELECT g, 0 FROM generate_series(41, 60) g",
               "UPDATE s.t SET v = 9 WHERE id > 50", "DELETE FROM s.t WHERE id > 55",
               "SELECT * FROM s.t FOR UPDATE"},
              {"s.t"});
  EXPECT_EQ(changed_["s.t"], 20u + 15u);
}

TEST_F(RowChangesTest, SavepointsCountWhenTheyWereKept) {
  sql("CREATE TABLE s.t AS SELECT g AS id, 0 AS v FROM generate_series(1, 100) g");
  expect_told({"DELETE FROM s.t WHERE id <= 10", "SAVEPOINT a", "DELETE FROM s.t WHERE id <= 20",
               "SAVEPOINT b", "UPDATE s.t SET v = 1 WHERE id <= 30", "ROLLBACK TO SAVEPOINT b",
               "UPDATE s.t SET v = 2 WHERE id = 40", "SAVEPOINT c",
               "INSERT INTO s.t VALUES (101, 1), (102, 1)", "ROLLBACK TO SAVEPOINT c",
               "INSERT INTO s.t VALUES (103, 1)", "RELEASE SAVEPOINT a",
               "UPDATE s.t SET v = 3 WHERE id = 103"},
              {"s.t"});
  EXPECT_EQ(changed_["s.t"], 20u + 1u + 1u);
}

TEST_F(RowChangesTest, CopyAndWideRowsAndOnConflict) {
  sql("CREATE TABLE s.t (id int PRIMARY KEY, w text)");
  sql("ALTER TABLE s.t ALTER w SET STORAGE EXTERNAL");
  sql("INSERT INTO s.t SELECT g, repeat('x', 3000) FROM generate_series(1, 50) g");
  // COPY inserts many rows with one record; 15's CREATE TABLE AS and COPY both do.
  const std::string csv = fmt::format("{}/rows.csv", cluster_->directory());
  sql(
      fmt::format("COPY (SELECT g, repeat('y', g % 3000) FROM generate_series(101, 3100) g) TO '{}'"
                  " CSV",
                  csv));
  expect_told(
      {fmt::format("COPY s.t FROM '{}' CSV", csv), "UPDATE s.t SET w = w || 'z' WHERE id < 20",
       "INSERT INTO s.t VALUES (1, 'a'), (4000, 'b') ON CONFLICT (id) DO UPDATE SET w = 'c'",
       "INSERT INTO s.t VALUES (2, 'a'), (4001, 'b') ON CONFLICT DO NOTHING"},
      {"s.t"});
  EXPECT_EQ(changed_["s.t"], 3000u + 19u + 2u);
}

TEST_F(RowChangesTest, RowsThatMoveBetweenPartitions) {
  sql("CREATE TABLE s.p (id int, k int) PARTITION BY RANGE (k)");
  sql("CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES FROM (0) TO (10)");
  sql("CREATE TABLE s.p2 PARTITION OF s.p FOR VALUES FROM (10) TO (20)");
  sql("INSERT INTO s.p SELECT g, g % 20 FROM generate_series(1, 200) g");
  expect_told({"UPDATE s.p SET k = k + 5 WHERE k < 15", "DELETE FROM s.p WHERE id <= 20"},
              {"s.p1", "s.p2"});
  EXPECT_EQ(changed_["s.p1"], 100u);
}

TEST_F(RowChangesTest, APreparedTransactionIsItsBodys) {
  sql("CREATE TABLE s.t AS SELECT g AS id, 0 AS v FROM generate_series(1, 100) g");
  expect_told(
      {"DELETE FROM s.t WHERE id <= 10", "SAVEPOINT a", "UPDATE s.t SET v = 1 WHERE id < 20"},
      {"s.t"}, "PREPARE TRANSACTION 'one'", "COMMIT PREPARED 'one'");
  EXPECT_EQ(changed_["s.t"], 19u);
}

TEST_F(RowChangesTest, WhatOthersDoMeanwhileIsTheirs) {
  sql("CREATE TABLE s.t AS SELECT g AS id, 0 AS v FROM generate_series(1, 100) g");
  const auto other = cluster_->connect();
  const pg::Lsn from =
      pg::Lsn::parse(*pgconn::query_text(*session_, "SELECT pg_current_wal_insert_lsn()")).value();
  const Rows before = rows_of("s.t");
  sql("BEGIN");
  const auto xid = static_cast<pg::Xid>(
      std::stoull(*pgconn::query_text(*session_, "SELECT pg_current_xact_id()")));
  sql("DELETE FROM s.t WHERE id = 1");
  ASSERT_TRUE(other->query("DELETE FROM s.t WHERE id = 2").ok());
  ASSERT_TRUE(other->query("INSERT INTO s.t VALUES (101, 0)").ok());
  sql("COMMIT");
  EXPECT_THAT(testing::changes_of(*cluster_, from, xid).of(file_of("s.t")),
              ElementsAre(ChangedRow{before.at("1"), std::nullopt}));
}

// Any statements, with savepoints in any depth, by seed.
TEST_F(RowChangesTest, RandomTransactionsAreToldAsTheTableTells) {
  const char* given = std::getenv("WALKBACK_SEED");
  const unsigned seed =
      given == nullptr ? 1 : static_cast<unsigned>(std::hash<std::string>()(given));
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto pick = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  sql("CREATE TABLE s.t AS SELECT g AS id, 0 AS v, repeat('x', g % 90) AS w FROM"
      " generate_series(1, 400) g");
  int next = 1000;
  for (int round = 0; round < 12; ++round) {
    std::vector<std::string> statements, savepoints;
    for (int i = pick(30); i >= 0; --i) {
      switch (pick(5)) {
        case 0:
          statements.push_back(fmt::format("DELETE FROM s.t WHERE id % 13 = {}", pick(12)));
          break;
        case 1:
          statements.push_back(
              fmt::format("UPDATE s.t SET v = v + 1, w = w || 'y' WHERE id % 7 = {}", pick(6)));
          break;
        case 2:
          statements.push_back(fmt::format(
              "INSERT INTO s.t SELECT g, 0, '' FROM generate_series({}, {}) g", next, next + 9));
          next += 10;
          break;
        case 3:
          savepoints.push_back(fmt::format("s{}", i));
          statements.push_back("SAVEPOINT " + savepoints.back());
          break;
        default:
          if (savepoints.empty()) break;
          statements.push_back((pick(1) == 0 ? "ROLLBACK TO SAVEPOINT " : "RELEASE SAVEPOINT ") +
                               savepoints.back());
          savepoints.pop_back();
      }
    }
    expect_told(statements, {"s.t"});
  }
}

// ---- bytes that no server wrote ----

constexpr wal::RelationLocator kFile{1663, 5, 16384};

class MadeUpRecords : public ::testing::Test {
 protected:
  Result<void> see(RowChanges& changes, uint8_t rmgr, uint8_t info, size_t main_bytes,
                   const wal::RelationLocator& file = kFile) {
    wal::TestLog log;
    log.append_block(rmgr, info, 700, file, 3, Bytes(main_bytes, std::byte{1}));
    wal::RecordReader reader({wal::TestLog::kSegmentBytes, {}, {}});
    reader.feed(log.name(1), log.segment(1));
    wal::Record record;
    EXPECT_EQ(reader.next(record), wal::Outcome::kRecord);
    return changes.see(record);
  }
};

TEST_F(MadeUpRecords, TooShortIsCorrupt) {
  RowChanges changes({700}, 15);
  EXPECT_EQ(see(changes, wal::kHeapRmgr, wal::kHeapInsert, 2).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(see(changes, wal::kHeapRmgr, wal::kHeapDelete, 7).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(see(changes, wal::kHeapRmgr, wal::kHeapUpdate, 13).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(see(changes, wal::kHeap2Rmgr, wal::kHeap2MultiInsert, 3).error().kind,
            ErrorKind::kCorrupt);
  // 257 rows are announced, and one offset is there.
  EXPECT_EQ(see(changes, wal::kHeap2Rmgr, wal::kHeap2MultiInsert, 6).error().kind,
            ErrorKind::kCorrupt);
  EXPECT_THAT(changes.of(kFile), IsEmpty());
}

TEST_F(MadeUpRecords, OtherTransactionsAreNotLookedAt) {
  RowChanges of_others({701}, 15);
  EXPECT_TRUE(see(of_others, wal::kHeapRmgr, wal::kHeapInsert, 2).ok());
  EXPECT_THAT(of_others.of(kFile), IsEmpty());
}

}  // namespace
}  // namespace walkback::undo
