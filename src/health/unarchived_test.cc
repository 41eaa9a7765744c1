#include "health/unarchived.h"

#include <gtest/gtest.h>

#include "base/testing/simulated_files.h"
#include "catalog/testing/scratch_archive.h"

namespace walkback::health {
namespace {

using catalog::at;
using catalog::ScratchArchive;
using catalog::ScratchTimeline;

constexpr uint32_t kSegmentBytes = ScratchTimeline::kSegmentBytes;

class Unarchived : public testing::Test {
 protected:
  Unarchived() { EXPECT_TRUE(make_directories(files_, "/pg_wal", 0700).ok()); }

  void server_has(const ScratchTimeline& log, uint64_t number) {
    const auto file = files_.create("/pg_wal/" + log.file(number), 0600);
    ASSERT_TRUE(file.ok() && (*file)->write_at(0, log.content(number)).ok());
  }
  UnarchivedFacts find(const ScratchTimeline& log, bool server_answers = true,
                       uint32_t timeline = 1) {
    catalog::SegmentLists lists(archive_.wal());
    const auto chain = catalog::WalChain::load(lists, {timeline});
    ServerFacts server;
    server.timeline = log.id();
    server.wal_end = log.end();
    const auto found = find_unarchived(archive_.wal(), *chain, server_answers ? &server : nullptr,
                                       files_, "/pg_wal");
    EXPECT_TRUE(found.ok()) << found.error().message;
    return *found;
  }

  ScratchArchive archive_;
  SimulatedFiles files_{1};
  ScratchTimeline log_{1};
};

TEST_F(Unarchived, TheOldestCommitThatIsNotInTheRepository) {
  log_.commit(700, 10);
  archive_.put_all(log_);
  const pg::Lsn archived = log_.end();
  log_.insert();
  log_.abort(701, 15);
  log_.commit(702, 20);
  log_.commit(703, 30);
  server_has(log_, log_.segment_of_end());
  const UnarchivedFacts found = find(log_);
  EXPECT_EQ(found.archived_until, archived);
  EXPECT_EQ(found.first_commit, at(20));
  EXPECT_EQ(found.bytes, log_.end() - archived);
  EXPECT_EQ(found.lost, "");
  // The same is seen when the server is gone; not how far it was.
  const UnarchivedFacts without = find(log_, false);
  EXPECT_EQ(without.first_commit, at(20));
  EXPECT_EQ(without.bytes, std::nullopt);
}

// Checkpoints and snapshots are no loss, however long ago they were.
TEST_F(Unarchived, AnIdleClusterLacksNothing) {
  log_.commit(700, 10);
  archive_.put_all(log_);
  log_.running(701, 701);
  log_.checkpoint(4000);
  server_has(log_, log_.segment_of_end());
  EXPECT_EQ(find(log_).first_commit, std::nullopt);
  EXPECT_GT(*find(log_).bytes, 0u);
}

TEST_F(Unarchived, LooksThroughSegmentsForTheFirstCommit) {
  log_.commit(700, 10);
  archive_.put_all(log_);
  for (int i = 0; i < 3; ++i) {
    log_.insert();
    log_.switch_segment();
  }
  log_.commit(701, 50);
  for (uint64_t number = 2; number <= log_.segment_of_end(); ++number) server_has(log_, number);
  EXPECT_EQ(find(log_).first_commit, at(50));
}

TEST_F(Unarchived, ASegmentThatNobodyHasIsLost) {
  log_.commit(700, 10);
  archive_.put_all(log_);
  log_.commit(701, 20);
  const std::string lost = log_.file(log_.segment_of_end());
  log_.switch_segment();
  log_.commit(702, 30);
  server_has(log_, log_.segment_of_end());
  EXPECT_EQ(find(log_).lost, lost);
  // Without a server nobody knows that there was one.
  EXPECT_EQ(find(log_, false).lost, "");
}

TEST_F(Unarchived, ATimelineThatIsNotArchivedYetIsReadFromWhereItBegins) {
  log_.commit(700, 10);
  archive_.put_all(log_);
  log_.insert();
  ScratchTimeline child = log_.fork(2);
  child.commit(800, 60);
  server_has(child, child.segment_of_end());
  const UnarchivedFacts found = find(child);
  EXPECT_EQ(found.first_commit, at(60));
  EXPECT_EQ(found.lost, "");
}

// Of the segment in which the timelines parted, the repository has what the parent wrote.
TEST_F(Unarchived, WhatTheParentArchivedIsThere) {
  log_.commit(700, 10);
  ScratchTimeline child = log_.fork(2);
  archive_.put_all(log_);
  archive_.put_history(child);
  child.commit(800, 60);
  server_has(child, child.segment_of_end());
  const UnarchivedFacts found = find(child, true, 2);
  EXPECT_EQ(found.archived_until, child.begin());
  EXPECT_EQ(found.first_commit, at(60));
}

TEST_F(Unarchived, EverythingIsThere) {
  log_.commit(700, 10);
  archive_.put_all(log_);
  const UnarchivedFacts found = find(log_);
  EXPECT_EQ(found.bytes, 0u);
  EXPECT_EQ(found.first_commit, std::nullopt);
  EXPECT_EQ(found.archived_until.value % kSegmentBytes, 0u);
}

}  // namespace
}  // namespace walkback::health
