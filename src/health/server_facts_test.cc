#include "health/server_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/testing/manual_clock.h"
#include "pgconn/testing/scratch_cluster.h"

namespace walkback::health {
namespace {

TEST(ServerFacts, AreWhatARealServerSays) {
  pgconn::testing::ScratchCluster cluster;
  cluster.configure(
      "archive_mode = on\narchive_command = 'false'\narchive_timeout = 90\nwal_level = logical\n");
  cluster.start();
  cluster.sql("SELECT pg_create_physical_replication_slot('left', true)");
  cluster.sql("SELECT pg_create_restore_point('x')");
  const std::string segment = *cluster.sql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())");
  cluster.sql("SELECT pg_switch_wal()");
  const auto connection = cluster.connect();
  // The archiver looks when it is told that a segment is ready.
  for (int i = 0; i < 600 && *cluster.sql("SELECT failed_count FROM pg_stat_archiver") == "0";
       ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const Result<ServerFacts> facts = read_server(*connection, system_clock());
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_EQ(std::to_string(facts->system_identifier.value),
            *cluster.sql("SELECT system_identifier FROM pg_control_system()"));
  EXPECT_FALSE(facts->in_recovery);
  EXPECT_EQ(facts->timeline, pg::TimelineId{1});
  EXPECT_GT(facts->wal_end, pg::Lsn{0x1000000});
  EXPECT_EQ(facts->ahead.count(), 0) << "one host has one clock";
  EXPECT_TRUE(facts->archiver.on && facts->archiver.has_command);
  EXPECT_TRUE(facts->archiver.failing());
  EXPECT_EQ(facts->archiver.timeout, std::chrono::seconds(90));
  EXPECT_EQ(facts->archiver.last_failed, segment);
  EXPECT_GE(facts->archiver.failures, 1u);
  EXPECT_LT(abs(facts->clock - *facts->archiver.last_failed_at), std::chrono::minutes(2));
  ASSERT_EQ(facts->slots.size(), 1u);
  EXPECT_EQ(facts->slots[0].name, "left");
  EXPECT_FALSE(facts->slots[0].active || facts->slots[0].lost);
  EXPECT_GT(facts->slots[0].held_bytes, 0u);
}

TEST(ServerFacts, ArchivingThatWaitsForARestartIsToldFromOneThatIsOff) {
  pgconn::testing::ScratchCluster cluster;
  cluster.start();
  const auto look = [&] { return read_server(*cluster.connect(), system_clock())->archiver; };
  EXPECT_FALSE(look().on || look().waits_for_restart);
  cluster.sql("ALTER SYSTEM SET archive_mode = on");
  cluster.sql("SELECT pg_reload_conf()");
  for (int i = 0; i < 600 && !look().waits_for_restart; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_TRUE(!look().on && look().waits_for_restart);
}

TEST(ServerFacts, ClocksThatDifferAreCompared) {
  pgconn::testing::ScratchCluster cluster;
  cluster.start();
  const auto connection = cluster.connect();
  ManualClock slow(system_clock().now() + -std::chrono::hours(1));
  const auto ahead = read_server(*connection, slow)->ahead;
  EXPECT_GT(ahead, std::chrono::minutes(59));
  EXPECT_LT(ahead, std::chrono::minutes(70));
  ManualClock fast(system_clock().now() + std::chrono::hours(1));
  EXPECT_LT(read_server(*connection, fast)->ahead, -std::chrono::minutes(50));
}

TEST(ServerFacts, WithoutArchivingThatIsAFact) {
  pgconn::testing::ScratchCluster cluster;
  cluster.start();
  EXPECT_FALSE(read_server(*cluster.connect(), system_clock())->archiver.on);
  pgconn::testing::ScratchCluster empty;
  empty.configure("archive_mode = on\n");
  empty.start();
  const auto archiver = read_server(*empty.connect(), system_clock())->archiver;
  EXPECT_TRUE(archiver.on);
  EXPECT_FALSE(archiver.has_command);
}

}  // namespace
}  // namespace walkback::health
