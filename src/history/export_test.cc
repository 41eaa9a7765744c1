#include "history/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pgconn/testing/scratch_cluster.h"

namespace walkback::history {
namespace {

constexpr int64_t kStart_us = 1'795'356'001'000'000;

catalog::Event event(const std::string& id) {
  catalog::Event event;
  event.id = id;
  event.kind = "backup";
  event.host = "db1";
  event.started_at = {kStart_us};
  return event;
}

catalog::Event done(const std::string& id) {
  catalog::Event ended = event(id);
  ended.ended_at = Timestamp{kStart_us + 1'500'000};
  ended.succeeded = true;
  ended.location = "clusters/main/7/backups/a/";
  ended.backup.emplace();
  ended.backup->timeline = {2};
  ended.backup->start_lsn = {0x3000028};
  ended.backup->stop_lsn = {0x30000F8};
  ended.backup->bytes_stored = 5'000'000'000;
  return ended;
}

TEST(Export, RowsAreMadeOnceAndFollowTheirEvents) {
  pgconn::testing::ScratchCluster cluster;
  cluster.start();
  auto connection = pgconn::connect({.conninfo = cluster.conninfo()}).value();
  auto ask = [&](const char* sql) { return pgconn::query_text(*connection, sql).value(); };

  EXPECT_EQ(export_history({done("a"), event("b")}, "main", *connection).value(), 2u);
  EXPECT_EQ(export_history({done("a"), event("b")}, "main", *connection).value(), 0u);
  EXPECT_EQ(ask("SELECT concat_ws(' ', outcome, duration_s, backup_type, timeline, start_lsn, "
                "stop_lsn, bytes_stored, location) FROM public.backup_history WHERE id = 'a'"),
            "done 1.5 full 2 0/3000028 0/30000F8 5000000000 clusters/main/7/backups/a/");
  EXPECT_EQ(ask("SELECT outcome FROM public.backup_history WHERE id = 'b'"), "no_end");

  catalog::Event killed = event("b");
  killed.killed = true;
  EXPECT_EQ(export_history({done("a"), killed}, "main", *connection).value(), 1u);
  EXPECT_EQ(ask("SELECT outcome FROM public.backup_history WHERE id = 'b'"), "killed");
  EXPECT_EQ(export_history({done("a")}, "other", *connection).value(), 1u);
  EXPECT_EQ(ask("SELECT count(*) FROM public.backup_history"), "3");
}

TEST(Export, ADrillSaysWhatARecoveryTook) {
  pgconn::testing::ScratchCluster cluster;
  cluster.start();
  auto connection = pgconn::connect({.conninfo = cluster.conninfo()}).value();
  auto ask = [&](const char* sql) { return pgconn::query_text(*connection, sql).value(); };
  catalog::Event drilled = done("d");
  drilled.kind = "drill";
  drilled.backup.reset();
  EXPECT_EQ(export_history({drilled}, "main", *connection).value(), 1u);
  // As in a table that an older walkback made and filled.
  ASSERT_TRUE(
      connection->query("ALTER TABLE public.backup_history DROP recovery_s, DROP wal_bytes").ok());

  drilled.drill.emplace();
  drilled.drill->backup = {"a"};
  drilled.drill->target = "time";
  drilled.drill->timeline = {3};
  drilled.drill->target_lsn = {0x30000F8};
  drilled.drill->restore_s = 40.5;
  drilled.drill->replay_s = 2;
  drilled.drill->prove_s = 7;
  drilled.drill->bytes_fetched = 5'000'000'000;
  drilled.drill->wal_bytes = 16'777'216;
  drilled.drill->proofs = {{"target", catalog::ProofOutcome::kProved},
                           {"checks", catalog::ProofOutcome::kFailed},
                           {"indexes", catalog::ProofOutcome::kFailed}};
  EXPECT_EQ(export_history({drilled}, "main", *connection).value(), 1u);
  EXPECT_EQ(export_history({drilled}, "main", *connection).value(), 0u);
  EXPECT_EQ(ask("SELECT concat_ws(' ', drill_backup, drill_target, timeline, stop_lsn, recovery_s, "
                "restore_s, replay_s, prove_s, bytes_fetched, wal_bytes, proofs_failed) "
                "FROM public.backup_history"),
            "a time 3 0/30000F8 42.5 40.5 2 7 5000000000 16777216 checks, indexes");
}

TEST(Export, NothingIsWrittenWhenSomethingCannotBe) {
  pgconn::testing::ScratchCluster cluster;
  cluster.start();
  auto connection = pgconn::connect({.conninfo = cluster.conninfo()}).value();
  catalog::Event broken = event("b");
  broken.detail = std::string("a\0b", 3);  // no text in PostgreSQL holds a zero byte
  EXPECT_FALSE(export_history({done("a"), broken}, "main", *connection).ok());
  EXPECT_EQ(pgconn::query_text(*connection, "SELECT to_regclass('public.backup_history') IS NULL")
                .value(),
            "t");
}

}  // namespace
}  // namespace walkback::history
