#include "restore/target_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "wal/names.h"
#include "wal/page_header.h"
#include "wal/test_log.h"

namespace walkback::restore {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kSecond = 1'000'000;
// 2000-01-01, PostgreSQL's epoch, in ours.
constexpr int64_t kPgEpoch = 946'684'800 * kSecond;

// Second `s` of the story.
Timestamp at(int64_t s) { return {kPgEpoch + s * kSecond}; }

// A log written record by record, 100 bytes each, and the search that reads it.
class TargetSearchTest : public testing::Test {
 protected:
  static constexpr uint64_t kRecordBytes = 100;
  static constexpr uint64_t kStart = 1000;

  TargetSearchTest() {
    control_.major = 15;
    control_.next_xid = {700};
    control_.max_connections = 100;
  }

  void look_for(const RecoveryTarget& target, uint64_t consistent_from = kStart) {
    search_.emplace(target, control_, pg::Lsn{consistent_from});
  }
  void look_for_time(int64_t second) { look_for({.kind = TargetKind::kTime, .time = at(second)}); }
  void look_before(uint64_t xid) { look_for({.kind = TargetKind::kBeforeXid, .xid = xid}); }

  // Each returns where its record starts.
  uint64_t commit(pg::Xid xid, int64_t second, std::vector<pg::Xid> subxids = {}) {
    return ended(0x00, xid, second, subxids);
  }
  uint64_t abort(pg::Xid xid, int64_t second) { return ended(0x20, xid, second, {}); }
  // An update in place of its row in pg_database, as 15 logs it.
  uint64_t mark_database(pg::Oid database, int32_t connection_limit) {
    Bytes row(100);
    std::memcpy(row.data(), &database, sizeof database);
    std::memcpy(row.data() + 80, &connection_limit, sizeof connection_limit);
    Bytes body{std::byte{0}, std::byte{0x20}};  // block 0 of a main fork, with data
    put(body, static_cast<uint16_t>(row.size()));
    put(body, wal::RelationLocator{1664, 0, 1262});
    put(body, uint32_t{0});
    put(body, uint8_t{255});
    put(body, uint8_t{2});
    body.insert(body.end(), row.begin(), row.end());
    put(body, uint16_t{3});
    return record_of(wal::kHeapRmgr, wal::kHeapInplace, 0, body);
  }
  uint64_t drop_files_of_database(pg::Xid xid, pg::Oid database) {
    Bytes body;
    put(body, database);
    put(body, int32_t{1});
    put(body, pg::Oid{1663});
    return record(wal::kDatabaseRmgr, 0x20, xid, body);  // XLOG_DBASE_DROP since 15
  }
  uint64_t insert() { return record(wal::kHeapRmgr, 0x00, 1, {}); }
  uint64_t restore_point(const std::string& name, int64_t second) {
    Bytes body;
    put(body, second * kSecond);
    Bytes text(64);
    std::memcpy(text.data(), name.data(), name.size());
    body.insert(body.end(), text.begin(), text.end());
    return record(wal::kXlogRmgr, 0x70, 0, body);
  }
  uint64_t checkpoint(int64_t second, uint64_t next_xid = 700) {
    return record(wal::kXlogRmgr, 0x10, 0,
                  wal::checkpoint_body({lsn_}, {1}, {next_xid}, kPgEpoch / kSecond + second));
  }
  uint64_t end_of_recovery(int64_t second) {
    Bytes body;
    put(body, second * kSecond);
    put(body, uint32_t{2});
    put(body, uint32_t{1});
    return record(wal::kXlogRmgr, 0x90, 0, body);
  }
  void end_of_log() { search_->finish(); }

  const StopPoint& stop() {
    EXPECT_TRUE(search_->stop().has_value()) << "no stop was found";
    static const StopPoint kNone;
    return search_->stop() ? *search_->stop() : kNone;
  }
  void expect_stop_before(uint64_t start) {
    EXPECT_EQ(stop().target.value, start);
    EXPECT_FALSE(stop().inclusive);
    EXPECT_EQ(stop().end.value, start);  // records follow each other closely here
    EXPECT_EQ(stop().last.value, start - kRecordBytes);
    EXPECT_EQ(stop().read_to.value, start + kRecordBytes) << "the record is read to see it";
  }
  void expect_stop_after(uint64_t start) {
    EXPECT_EQ(stop().target.value, start);
    EXPECT_TRUE(stop().inclusive);
    EXPECT_EQ(stop().end.value, start + kRecordBytes);
    EXPECT_EQ(stop().last.value, start);
    EXPECT_EQ(stop().read_to.value, start + kRecordBytes);
  }

  template <typename T>
  static void put(Bytes& bytes, T value) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof(value));
  }

  uint64_t ended(uint8_t info, pg::Xid xid, int64_t second, const std::vector<pg::Xid>& subxids) {
    Bytes body;
    put(body, second * kSecond);
    if (!subxids.empty()) {
      info |= 0x80;            // XLOG_XACT_HAS_INFO
      put(body, uint32_t{2});  // XACT_XINFO_HAS_SUBXACTS
      put(body, static_cast<int32_t>(subxids.size()));
      for (pg::Xid subxid : subxids) put(body, subxid);
    }
    return record(wal::kTransactionRmgr, info, xid, body);
  }

  // With `main_data` alone.
  uint64_t record(uint8_t rmgr, uint8_t info, pg::Xid xid, const Bytes& main_data) {
    Bytes body;
    if (!main_data.empty()) {
      body = {std::byte{255}, static_cast<std::byte>(main_data.size())};  // XLR_BLOCK_ID_DATA_SHORT
      body.insert(body.end(), main_data.begin(), main_data.end());
    }
    return record_of(rmgr, info, xid, body);
  }
  uint64_t record_of(uint8_t rmgr, uint8_t info, pg::Xid xid, const Bytes& body) {
    Bytes bytes(wal::kRecordHeaderBytes);  // the reader has checked it
    bytes.insert(bytes.end(), body.begin(), body.end());
    const auto total = static_cast<uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &total, sizeof(total));
    wal::Record record{pg::Lsn{lsn_}, pg::Lsn{lsn_ + kRecordBytes}, {}, xid, rmgr, info, bytes};
    Result<void> seen = search_->see(record);
    EXPECT_TRUE(seen.ok()) << seen.error().message;
    lsn_ += kRecordBytes;
    return lsn_ - kRecordBytes;
  }

  pg::ControlFile control_;
  std::optional<TargetSearch> search_;
  uint64_t lsn_ = kStart;
};

// The files go before the commit: a stop in between would leave a database without files.
TEST_F(TargetSearchTest, BeforeADropOfADatabaseIsBeforeItsFilesGo) {
  look_before(702);
  commit(701, 10);
  const uint64_t gone = drop_files_of_database(702, 16390);
  const uint64_t between = commit(703, 11);
  commit(702, 12);
  expect_stop_before(gone);
  EXPECT_EQ(search_->passed().commits, 1u);
  EXPECT_EQ(search_->commits_given_up(), 2u);
  EXPECT_EQ(search_->first_left_out()->lsn.value, between);
  EXPECT_THAT(search_->passed().half_dropped, IsEmpty());
  ASSERT_TRUE(search_->stopped_before_removal());
  EXPECT_EQ(search_->stopped_before_removal()->xid, 702u);
  EXPECT_EQ(search_->stopped_before_removal()->what, "database 16390");
  EXPECT_EQ(search_->stopped_before_removal()->at.value, gone);
  EXPECT_EQ(search_->stopped_before_removal()->between, 1u);
}

// Since 15.4 it is marked as invalid first, in a record that may be no transaction's.
TEST_F(TargetSearchTest, BeforeADropOfADatabaseIsBeforeItIsMarkedAsInvalid) {
  look_before(702);
  mark_database(16389, -2);
  mark_database(16390, -1);  // VACUUM
  const uint64_t marked = mark_database(16390, -2);
  const uint64_t between = commit(701, 10);
  drop_files_of_database(702, 16390);
  commit(702, 12);
  expect_stop_before(marked);
  EXPECT_EQ(search_->first_left_out()->lsn.value, between);
}

TEST_F(TargetSearchTest, ATargetWithinADropIsKnownToBe) {
  look_for_time(11);
  mark_database(16390, -2);
  drop_files_of_database(702, 16390);
  commit(702, 12);
  EXPECT_THAT(search_->passed().half_dropped, ElementsAre(testing::Pair("database 16390", 702)));
}

TEST_F(TargetSearchTest, ADropThatWasRolledBackOrIsAnothersMovesNoStop) {
  look_before(703);
  drop_files_of_database(702, 16390);
  abort(702, 10);
  drop_files_of_database(704, 16391);
  drop_files_of_database(0, 16392);  // ALTER DATABASE SET TABLESPACE, when the move is committed
  const uint64_t wanted = commit(703, 11);
  expect_stop_before(wanted);
  EXPECT_THAT(search_->passed().half_dropped, ElementsAre(testing::Pair("database 16391", 704)));
}

TEST_F(TargetSearchTest, ATimeStopsBeforeTheFirstLaterCommit) {
  look_for_time(20);
  commit(701, 10);
  commit(702, 20);
  insert();
  const uint64_t later = commit(703, 21);
  commit(704, 30);
  end_of_log();
  expect_stop_before(later);
  EXPECT_EQ(search_->passed().last->xid, 702u);
  EXPECT_EQ(search_->first_left_out()->xid, 703u);
  EXPECT_EQ(search_->commits_given_up(), 2u);
}

TEST_F(TargetSearchTest, AnAbortOrARestorePointEndsATimeToo) {
  look_for_time(20);
  commit(701, 10);
  const uint64_t later = abort(702, 21);
  end_of_log();
  expect_stop_before(later);
}

TEST_F(TargetSearchTest, CommitsBehindTheStopWithAnEarlierTimeAreListed) {
  look_for_time(20);
  commit(701, 10);
  const uint64_t later = commit(702, 25);
  commit(703, 19);  // its time was taken before, its record written after
  end_of_log();
  expect_stop_before(later);
  ASSERT_EQ(search_->earlier_times_left_out().size(), 1u);
  EXPECT_EQ(search_->earlier_times_left_out()[0].xid, 703u);
}

TEST_F(TargetSearchTest, ATimeBehindTheLastCommitNeedsProofThatNothingLiesBetween) {
  look_for_time(20);
  commit(701, 10);
  end_of_log();
  EXPECT_FALSE(search_->stop().has_value());
  EXPECT_EQ(search_->last_timed()->xid, 701u);
}

TEST_F(TargetSearchTest, ALaterCheckpointIsSuchProof) {
  look_for_time(20);
  commit(701, 10);
  const uint64_t proof = checkpoint(30);
  insert();
  end_of_log();
  expect_stop_before(proof);
}

TEST_F(TargetSearchTest, APromotionIsSuchProof) {
  look_for_time(20);
  commit(701, 10);
  const uint64_t proof = end_of_recovery(30);
  end_of_log();
  expect_stop_before(proof);
}

TEST_F(TargetSearchTest, ACheckpointIsNoProofForWhatCommitsAfterItWithAnEarlierTime) {
  look_for_time(20);
  checkpoint(30);
  commit(701, 10);
  end_of_log();
  EXPECT_FALSE(search_->stop().has_value());
}

TEST_F(TargetSearchTest, BeforeAnXidStopsBeforeItsCommitAndItIsTheFirstLeftOut) {
  look_before(702);
  commit(701, 10);
  insert();
  const uint64_t wanted = commit(702, 11);
  commit(703, 12);
  end_of_log();
  expect_stop_before(wanted);
  EXPECT_EQ(search_->passed().last->xid, 701u);
  EXPECT_EQ(search_->first_left_out()->xid, 702u);
  EXPECT_EQ(search_->commits_given_up(), 2u);
}

TEST_F(TargetSearchTest, AnXidStopsAfterItsCommit) {
  look_for({.kind = TargetKind::kXid, .xid = 702});
  commit(701, 10);
  const uint64_t wanted = commit(702, 11);
  commit(703, 12);
  end_of_log();
  expect_stop_after(wanted);
  EXPECT_EQ(search_->passed().last->xid, 702u);
  EXPECT_EQ(search_->first_left_out()->xid, 703u);
}

TEST_F(TargetSearchTest, ASubtransactionMeansItsTransaction) {
  look_before(705);
  insert();
  const uint64_t parent = commit(704, 10, {705, 706});
  end_of_log();
  expect_stop_before(parent);
  EXPECT_THAT(search_->notes(),
              ElementsAre(testing::HasSubstr("subtransaction of transaction 704")));
}

TEST_F(TargetSearchTest, ARolledBackTransactionIsNoTarget) {
  look_before(702);
  abort(702, 10);
  commit(703, 11);
  end_of_log();
  EXPECT_FALSE(search_->stop().has_value());
  EXPECT_EQ(search_->rolled_back()->xid, 702u);
}

TEST_F(TargetSearchTest, ANumberUsedAgainIsNamedWithItsEpochs) {
  constexpr uint64_t kEpoch = uint64_t{1} << 32;
  look_before(702);
  commit(702, 10);
  checkpoint(11, (kEpoch >> 1));  // two billion transactions later
  checkpoint(12, kEpoch + 700);
  commit(702, 13);
  end_of_log();
  EXPECT_THAT(search_->candidates(), ElementsAre(702u, kEpoch + 702));
}

TEST_F(TargetSearchTest, AnXidWithItsEpochMeansOneTransaction) {
  constexpr uint64_t kEpoch = uint64_t{1} << 32;
  look_before(kEpoch + 702);
  commit(702, 10);
  checkpoint(11, kEpoch >> 1);
  checkpoint(12, kEpoch + 700);
  const uint64_t wanted = commit(702, 13);
  end_of_log();
  expect_stop_before(wanted);
  EXPECT_THAT(search_->candidates(), ElementsAre(kEpoch + 702));
}

TEST_F(TargetSearchTest, ARestorePointIsPassedAndTheLatestOfItsNameCounts) {
  look_for({.kind = TargetKind::kName, .name = "before"});
  restore_point("before", 10);
  commit(701, 11);
  const uint64_t latest = restore_point("before", 12);
  commit(702, 13);
  end_of_log();
  expect_stop_after(latest);
  EXPECT_EQ(search_->commits_given_up(), 1u);
  EXPECT_EQ(search_->passed().last->what, "restore point 'before'");
  EXPECT_THAT(search_->notes(), testing::SizeIs(1));
}

TEST_F(TargetSearchTest, ANameNobodyGaveHasTheNearestNamesThereAre) {
  look_for({.kind = TargetKind::kName, .name = "deploy-3"});
  for (const char* name : {"deploy-1", "nightly", "deplyo-3", "w", "x", "y", "z", "before"})
    restore_point(name, 10);
  restore_point("deploy-1", 20);
  end_of_log();
  EXPECT_FALSE(search_->stop().has_value());
  const auto& nearest = search_->nearest_restore_points();
  ASSERT_EQ(nearest.size(), 5u);
  EXPECT_EQ(nearest[0].what, "restore point 'deplyo-3'");
  EXPECT_EQ(nearest[1].what, "restore point 'deploy-1'");
  EXPECT_EQ(nearest[1].time, at(20)) << "the latest of its name";
}

TEST_F(TargetSearchTest, AnLsnReplaysWhatLiesBeforeIt) {
  look_for({.kind = TargetKind::kLsn, .lsn = pg::Lsn{kStart + 2 * kRecordBytes}});
  commit(701, 10);
  insert();
  const uint64_t next = commit(702, 11);
  end_of_log();
  expect_stop_before(next);
}

TEST_F(TargetSearchTest, TheEndOfTheLogIsAnLsnToo) {
  look_for({.kind = TargetKind::kLsn, .lsn = pg::Lsn{kStart + 2 * kRecordBytes}});
  insert();
  const uint64_t last = commit(701, 10);
  end_of_log();
  expect_stop_after(last);
}

TEST_F(TargetSearchTest, AnLsnBehindTheLogIsNotReached) {
  look_for({.kind = TargetKind::kLsn, .lsn = pg::Lsn{kStart + 5 * kRecordBytes}});
  insert();
  end_of_log();
  EXPECT_FALSE(search_->stop().has_value());
}

TEST_F(TargetSearchTest, BehindAPagesEndTheNextPagesHeaderIsTheEndToo) {
  lsn_ = 2 * wal::kWalPageBytes - kRecordBytes;
  const uint64_t page_end = lsn_ + kRecordBytes;
  look_for({.kind = TargetKind::kLsn, .lsn = pg::Lsn{page_end + wal::kShortHeaderBytes}});
  const uint64_t last = insert();
  end_of_log();
  expect_stop_after(last);
}

TEST_F(TargetSearchTest, AFewBytesBehindTheLogIsBehindIt) {
  look_for({.kind = TargetKind::kLsn, .lsn = pg::Lsn{kStart + kRecordBytes + 8}});
  insert();
  end_of_log();
  EXPECT_FALSE(search_->stop().has_value());
}

TEST_F(TargetSearchTest, LatestIsTheLastRecord) {
  look_for({.kind = TargetKind::kLatest});
  commit(701, 10);
  const uint64_t last = insert();
  end_of_log();
  expect_stop_after(last);
  EXPECT_EQ(search_->passed().commits, 1u);
}

TEST_F(TargetSearchTest, ImmediateIsTheEndOfTheBackup) {
  look_for({.kind = TargetKind::kImmediate}, kStart + 2 * kRecordBytes);
  insert();
  const uint64_t last_of_backup = insert();
  commit(701, 10);
  end_of_log();
  expect_stop_after(last_of_backup);
  EXPECT_EQ(search_->passed().commits, 0u);
}

TEST_F(TargetSearchTest, TheLimitsOfThePrimaryAreKnown) {
  look_for({.kind = TargetKind::kLatest});
  insert();
  end_of_log();
  EXPECT_EQ(search_->passed().limits.max_connections, 100);
  EXPECT_THAT(search_->passed().tablespaces, IsEmpty());
}

}  // namespace
}  // namespace walkback::restore
