#include "find/transactions.h"

#include <gmock/gmock.h>

namespace walkback::find {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr wal::RelationLocator kPayments{1663, 5, 16384};
constexpr wal::RelationLocator kLedger{1663, 5, 16390};
constexpr wal::RelationLocator kCatalog{1663, 5, 1259};
constexpr int64_t kSecond = 1'000'000;

// One segment of WAL, as its index says it: records in the order in which they are added.
class Segment {
 public:
  explicit Segment(uint64_t number) : at_{number << 24} { summary_.row_lists.push_back({}); }

  Segment& works(pg::Xid xid, std::vector<wal::RelationRows> rows) {
    summary_.row_lists.push_back(std::move(rows));
    summary_.transactions.push_back({xid, static_cast<uint32_t>(summary_.plain_ends.size()),
                                     static_cast<uint32_t>(summary_.row_lists.size() - 1),
                                     static_cast<uint32_t>(summary_.kept.size())});
    return *this;
  }
  Segment& commits(pg::Xid xid, int64_t second) { return ends(xid, true, second); }
  Segment& rolls_back(pg::Xid xid, int64_t second) { return ends(xid, false, second); }

  // A record that is kept whole; `top` is the transaction of a subtransaction, where the record
  // says it.
  Segment& record(uint8_t rmgr, uint8_t info, pg::Xid xid, const Bytes& data, pg::Xid top = 0) {
    const bool is_short = data.size() < 256;
    const size_t top_bytes = top == 0 ? 0 : 5;
    Bytes bytes(wal::kRecordHeaderBytes + top_bytes + (is_short ? 2 : 5));
    const auto total = static_cast<uint32_t>(bytes.size() + data.size());
    std::memcpy(bytes.data(), &total, 4);
    std::memcpy(bytes.data() + 4, &xid, 4);
    bytes[16] = static_cast<std::byte>(info);
    bytes[17] = static_cast<std::byte>(rmgr);
    if (top != 0) {
      bytes[24] = std::byte{252};  // XLR_BLOCK_ID_TOPLEVEL_XID
      std::memcpy(bytes.data() + 25, &top, sizeof top);
    }
    const size_t main_at = 24 + top_bytes;
    bytes[main_at] = std::byte{static_cast<uint8_t>(is_short ? 255 : 254)};
    const auto length = static_cast<uint32_t>(data.size());
    std::memcpy(bytes.data() + main_at + 1, &length, is_short ? 1 : 4);
    bytes.insert(bytes.end(), data.begin(), data.end());
    summary_.kept.push_back({at_, at_ + total, std::move(bytes)});
    at_ = at_ + 512;
    return *this;
  }
  Segment& creates(pg::Xid xid, const wal::RelationLocator& file, pg::Fork fork = pg::Fork::kMain,
                   pg::Xid top = 0) {
    Bytes data;
    put(data, file);
    put(data, static_cast<uint32_t>(fork));
    return record(wal::kStorageRmgr, wal::kStorageCreate, xid, data, top);
  }
  Segment& empties(pg::Xid xid, const wal::RelationLocator& file) {
    Bytes data;
    put(data, uint32_t{0});  // blocks
    put(data, file);
    put(data, uint32_t{7});  // SMGR_TRUNCATE_ALL
    return record(wal::kStorageRmgr, wal::kStorageTruncate, xid, data);
  }
  // With what it drops, in PostgreSQL's order: the last first.
  Segment& commits_and_drops(pg::Xid xid, int64_t second,
                             const std::vector<wal::RelationLocator>& dropped) {
    constexpr uint32_t kHasRelations = 1u << 2;  // XACT_XINFO_HAS_RELFILENODES
    Bytes data;
    put(data, second * kSecond);
    put(data, kHasRelations);
    put(data, static_cast<uint32_t>(dropped.size()));
    for (const wal::RelationLocator& file : dropped) put(data, file);
    return record(wal::kTransactionRmgr, wal::kCommit | wal::kTransactionHasInfo, xid, data);
  }
  Segment& commits_with(pg::Xid xid, int64_t second, const std::vector<pg::Xid>& subxids) {
    constexpr uint32_t kHasSubxacts = 1u << 1;  // XACT_XINFO_HAS_SUBXACTS
    Bytes data;
    put(data, second * kSecond);
    put(data, kHasSubxacts);
    put(data, static_cast<uint32_t>(subxids.size()));
    for (const pg::Xid subxid : subxids) put(data, subxid);
    return record(wal::kTransactionRmgr, wal::kCommit | wal::kTransactionHasInfo, xid, data);
  }

  Segment& prepares(pg::Xid xid, int64_t second, const std::string& gid) {
    Bytes data;
    put(data, uint32_t{0x57F94534});  // xl_xact_prepare of 15, with nothing behind it
    put(data, uint32_t{0});
    put(data, xid);
    put(data, uint32_t{5});
    put(data, second * kSecond);
    for (int i = 0; i < 7; ++i) put(data, uint32_t{0});
    put(data, uint16_t{0});
    put(data, static_cast<uint16_t>(gid.size() + 1));
    for (int i = 0; i < 2; ++i) put(data, uint64_t{0});
    const auto align = [&] { data.resize((data.size() + 7) / 8 * 8); };
    align();
    for (const char c : gid) put(data, c);
    put(data, '\0');
    align();
    put(data, uint64_t{0});  // the end mark
    return record(wal::kTransactionRmgr, wal::kPrepare, xid, data);
  }
  Segment& stops_server(pg::Xid next_xid) {
    Bytes data(88);  // CheckPoint of 15: nextXid stands at 24
    const uint64_t next = next_xid;
    std::memcpy(data.data() + 24, &next, sizeof next);
    return record(wal::kXlogRmgr, wal::kXlogCheckpointShutdown, 0, data);
  }
  Segment& runs(pg::Xid oldest, pg::Xid next) {
    Bytes data;
    for (const uint32_t value : {0u, 0u, 0u, next, oldest, next - 1}) put(data, value);
    return record(wal::kStandbyRmgr, wal::kRunningTransactions, 0, data);
  }
  Segment& ends_recovery() {
    Bytes data;
    put(data, uint64_t{0});
    put(data, uint32_t{2});  // xl_end_of_recovery: this timeline, and the one before
    put(data, uint32_t{1});
    return record(wal::kXlogRmgr, wal::kXlogEndOfRecovery, 0, data);
  }
  Segment& commits_prepared(pg::Xid xid, int64_t second) {
    constexpr uint32_t kHasTwoPhase = 1u << 4;  // XACT_XINFO_HAS_TWOPHASE
    Bytes data;
    put(data, second * kSecond);
    put(data, kHasTwoPhase);
    put(data, xid);
    return record(wal::kTransactionRmgr, wal::kCommitPrepared | wal::kTransactionHasInfo, 0, data);
  }
  Segment& assigns(pg::Xid top, const std::vector<pg::Xid>& subxids, bool says_top = false) {
    Bytes data;
    put(data, top);
    put(data, static_cast<uint32_t>(subxids.size()));
    for (const pg::Xid subxid : subxids) put(data, subxid);
    return record(wal::kTransactionRmgr, wal::kAssignment, subxids.front(), data,
                  says_top ? top : 0);
  }

  Segment& moves_database(pg::Xid xid, pg::Oid database, pg::Oid from, pg::Oid to) {
    Bytes data;  // xl_dbase_create_file_copy_rec: where to, and where from
    for (const pg::Oid value : {database, to, database, from}) put(data, value);
    return record(wal::kDatabaseRmgr, 0x00, xid, data);
  }
  // A row of the catalog.
  Segment& puts(wal::CatalogRow row) {
    summary_.catalog_rows.push_back(std::move(row));
    return *this;
  }

  Segment& puts(wal::CatalogRowPart part) {
    summary_.catalog_row_parts.push_back(std::move(part));
    return *this;
  }

  const wal::SegmentSummary& summary() const { return summary_; }

 private:
  template <typename T>
  static void put(Bytes& data, const T& value) {
    const auto* raw = reinterpret_cast<const std::byte*>(&value);
    data.insert(data.end(), raw, raw + sizeof value);
  }
  Segment& ends(pg::Xid xid, bool committed, int64_t second) {
    summary_.plain_ends.push_back({at_, xid, committed, second * kSecond});
    at_ = at_ + 512;
    return *this;
  }

  pg::Lsn at_;
  wal::SegmentSummary summary_;
};

class Transactions : public testing::Test {
 protected:
  static Timestamp at(int64_t second) { return pg::from_pg_timestamp(second * kSecond); }
  std::vector<FoundTransaction> find(const std::vector<Segment>& segments) {
    search_.emplace(options_, names_, 15);
    for (const Segment& segment : segments) {
      EXPECT_TRUE(search_->see(segment.summary(), {UINT64_MAX}).ok());
    }
    return search_->finish();
  }
  static std::vector<uint64_t> xids(const std::vector<FoundTransaction>& found) {
    std::vector<uint64_t> xids;
    for (const FoundTransaction& transaction : found) xids.push_back(transaction.xid);
    return xids;
  }

  TransactionSearch::Options options_;
  RelationNames names_;
  std::optional<TransactionSearch> search_;
};

TEST_F(Transactions, ComeWithWhatTheyTookFirst) {
  const auto found = find({Segment(1)
                               .runs(700, 700)
                               .works(700, {{kPayments, {.inserted = 1000}}})
                               .commits(700, 10)
                               .works(701, {{kPayments, {.deleted = 5}}, {kLedger, {.updated = 1}}})
                               .commits(701, 20)
                               .works(702, {{kPayments, {.deleted = 7}}})
                               .rolls_back(702, 30)});
  EXPECT_THAT(xids(found), ElementsAre(701, 700, 702));
  EXPECT_EQ(found[0].outcome, Outcome::kCommitted);
  EXPECT_EQ(found[2].outcome, Outcome::kRolledBack) << "after those that happened";
  EXPECT_EQ(found[0].ended_at, at(20));
  EXPECT_EQ(found[0].began_at, at(10));
  EXPECT_EQ(found[1].began_at, std::nullopt) << "nothing is known of before";
  EXPECT_FALSE(found[1].may_be_more) << "it had no xid when the snapshot was taken";
  EXPECT_THAT(found[0].files, SizeIs(2));
  EXPECT_EQ(search_->totals().committed, 2u);
  EXPECT_EQ(search_->totals().rolled_back, 1u);
  EXPECT_EQ(search_->totals().deleted, 5u);
}

// Whatever is kept of them.
TEST_F(Transactions, AreCountedExactly) {
  Segment segment(1);
  for (pg::Xid xid = 700; xid < 900; ++xid) {
    segment.works(xid, {{kPayments, {.deleted = 1}}, {kLedger, {.inserted = 2}}});
    segment.commits(xid, xid);
  }
  segment.works(900, {{kPayments, {.deleted = 5}}}).rolls_back(900, 900);
  segment.works(901, {{kLedger, {.deleted = 70}}}).commits(901, 901);
  options_.keep = 2;
  options_.asked_for = [](const TouchedFiles& touched) -> std::optional<AskedFor> {
    std::optional<AskedFor> asked;
    for (const TouchedFile& file : touched.files) {
      if (file.file == kPayments) asked = AskedFor{file.rows, 0};
    }
    return asked;
  };
  for (const bool earliest_first : {false, true}) {
    options_.earliest_first = earliest_first;
    const auto found = find({segment});
    ASSERT_THAT(found, SizeIs(3)) << "two of those that committed, and one that did not";
    EXPECT_EQ(found[2].xid, 900u);
    if (earliest_first) {
      EXPECT_THAT(xids(found), ElementsAre(700, 701, 900));
    }
    const TransactionSearch::Tally& tally = search_->tally();
    EXPECT_EQ(tally.transactions, 200u);
    EXPECT_EQ(tally.sum.rows, (wal::RowCounts{.deleted = 200}));
    EXPECT_EQ(tally.first_xid, 700u);
    EXPECT_EQ(tally.first_at, at(700));
    EXPECT_EQ(tally.last_at, at(899));
  }
}

TEST_F(Transactions, AreWholeOverSegments) {
  const auto found =
      find({Segment(1).works(700, {{kPayments, {.deleted = 5}}}),
            Segment(2).works(700, {{kPayments, {.deleted = 7}}, {kLedger, {.updated = 2}}}),
            Segment(3).commits(700, 10)});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(2));
  EXPECT_EQ(found[0].files[0].rows, (wal::RowCounts{.deleted = 12}));
  EXPECT_EQ(found[0].files[1].rows, (wal::RowCounts{.updated = 2}));
}

TEST_F(Transactions, TakeTheirSubtransactionsWithThem) {
  const auto found =
      find({Segment(1)
                .works(700, {{kPayments, {.deleted = 1}}})
                .works(701, {{kPayments, {.deleted = 10}}})
                .works(702, {{kPayments, {.deleted = 100}}})
                .rolls_back(702, 5),  // to a savepoint
            Segment(2).works(701, {{kPayments, {.deleted = 20}}}).commits_with(700, 10, {701})});
  EXPECT_THAT(xids(found), ElementsAre(700, 702));
  EXPECT_EQ(found[0].files[0].rows.deleted, 31);
  EXPECT_EQ(found[0].subtransactions, 1u);
}

TEST_F(Transactions, ThatDoNotEndAreCalledThat) {
  const auto found = find({Segment(1).works(700, {{kPayments, {.deleted = 5}}})});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].outcome, Outcome::kUnfinished);
  EXPECT_EQ(found[0].ended_at, std::nullopt);
  EXPECT_EQ(search_->totals().committed, 0u);
}

TEST_F(Transactions, ThatACrashEndedAreNotCarriedOnForEver) {
  options_.until = at(100);
  for (const bool in_window : {true, false}) {
    options_.since = at(in_window ? 5 : 50);
    const auto found = find({Segment(1)
                                 .works(700, {{kPayments, {.deleted = 5}}})
                                 .works(715, {{kLedger, {.deleted = 3}}}),
                             Segment(2).works(701, {{kPayments, {.deleted = 1}}}).commits(701, 10),
                             Segment(3).runs(710, 720)});
    if (in_window) {
      EXPECT_THAT(xids(found), ElementsAre(701, 700, 715));
      EXPECT_EQ(found[1].outcome, Outcome::kInterrupted);
    } else {
      EXPECT_THAT(xids(found), ElementsAre(715));
    }
  }
}

// A shutdown checkpoint: of a server that stopped, or that has recovered from a crash.
TEST_F(Transactions, NothingButWhatIsPreparedOutlivesTheServer) {
  const auto found = find({Segment(1)
                               .works(699, {{kPayments, {.deleted = 9}}})
                               .prepares(699, 3, "it's")
                               .works(700, {{kPayments, {.deleted = 5}}})
                               .commits(698, 5),
                           Segment(2)
                               .works(701, {{kPayments, {.deleted = 4}}})
                               .stops_server(702)
                               .works(702, {{kPayments, {.deleted = 3}}})});
  EXPECT_THAT(xids(found), ElementsAre(699, 700, 701, 702));
  EXPECT_EQ(found[0].outcome, Outcome::kPrepared);
  EXPECT_EQ(found[0].gid, "it's");
  EXPECT_EQ(found[0].prepared_at, at(3));
  EXPECT_EQ(found[1].outcome, Outcome::kInterrupted);
  EXPECT_EQ(found[1].interrupted_after, at(5));
  EXPECT_EQ(found[2].outcome, Outcome::kInterrupted);
  EXPECT_EQ(found[3].outcome, Outcome::kUnfinished);
}

TEST_F(Transactions, BeganAfterTheLastEndBeforeTheirFirstRecord) {
  const auto found = find({Segment(1).runs(690, 700).commits(690, 1),
                           Segment(2)
                               .works(700, {{kPayments, {.deleted = 5}}})  // before any end here
                               .commits(691, 2)
                               .commits_and_drops(692, 3, {kLedger})
                               .works(701, {{kPayments, {.deleted = 4}}})
                               .commits(693, 4)
                               .works(702, {{kPayments, {.deleted = 3}}}),
                           Segment(3).commits(700, 10).commits(701, 11).commits(702, 12)});
  std::map<uint64_t, std::optional<Timestamp>> began;
  for (const FoundTransaction& each : found) began[each.xid] = each.began_at;
  EXPECT_EQ(began[700], at(1));
  EXPECT_EQ(began[701], at(3)) << "the end of a DROP is a record of its own";
  EXPECT_EQ(began[702], at(4));
}

// A loop with an EXCEPTION block.
TEST_F(Transactions, SavepointsWhoseTransactionIsKnownAreOneEntry) {
  Segment segment(1);
  std::vector<pg::Xid> subxids;
  for (pg::Xid xid = 701; xid < 765; ++xid) {
    segment.works(xid, {{kPayments, {.deleted = 1}}}).rolls_back(xid, 5);
    subxids.push_back(xid);
  }
  segment.assigns(700, subxids).works(770, {{kPayments, {.deleted = 1}}});
  segment.rolls_back(770, 6).commits(700, 10);
  const auto found = find({segment});
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].savepoints_of, 700u);
  EXPECT_EQ(found[0].savepoints, 64u);
  ASSERT_THAT(found[0].files, SizeIs(1));
  EXPECT_EQ(found[0].files[0].rows.deleted, 64);
  EXPECT_EQ(found[1].xid, 770u);
  EXPECT_EQ(found[1].savepoints_of, std::nullopt);
}

TEST_F(Transactions, OneAloneIsFoundHoweverLittleItDid) {
  const Segment segment = Segment(1)
                              .works(700, {{kPayments, {.deleted = 5}}})
                              .commits(700, 10)
                              .commits(701, 11)
                              .works(703, {{kPayments, {.deleted = 1}}})
                              .commits_with(702, 12, {703});
  for (const auto& [asked, answer] : {std::pair(700, 700), {701, 701}, {703, 702}}) {
    options_.xid = asked;
    EXPECT_THAT(xids(find({segment})), ElementsAre(answer)) << asked;
    EXPECT_EQ(search_->tally().transactions, 1u) << "what others did is theirs";
  }
  options_.xid = 709;
  EXPECT_THAT(find({segment}), IsEmpty());
  EXPECT_EQ(search_->tally().transactions, 0u);
}

TEST_F(Transactions, OutsideTheWindowAreNotFoundButFollowed) {
  options_.since = at(15);
  options_.until = at(25);
  const auto found = find({Segment(1)
                               .works(700, {{kPayments, {.deleted = 5}}})
                               .works(701, {{kPayments, {.deleted = 5}}})
                               .works(702, {{kPayments, {.deleted = 5}}})
                               .commits(700, 10)
                               .commits(701, 20)
                               .commits(702, 30)});
  EXPECT_THAT(xids(found), ElementsAre(701));
  EXPECT_EQ(search_->totals().committed, 1u);
  EXPECT_EQ(search_->first_time(), at(20));
  EXPECT_EQ(search_->last_time(), at(20));
}

TEST_F(Transactions, OnlyTheHeaviestAreKept) {
  options_.keep = 3;
  Segment segment(1);
  for (pg::Xid xid = 700; xid < 800; ++xid) {
    segment.works(xid, {{kPayments, {.deleted = (xid * 37) % 101}}}).commits(xid, xid);
  }
  const auto found = find({segment});
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].files[0].rows.deleted, 100);
  EXPECT_EQ(found[1].files[0].rows.deleted, 99);
  EXPECT_EQ(found[2].files[0].rows.deleted, 98);
  EXPECT_EQ(search_->totals().committed, 100u);
}

TEST_F(Transactions, WhatTheCatalogsRowsDidDoesNotCount) {
  EXPECT_THAT(find({Segment(1).works(700, {{kCatalog, {.deleted = 500}}}).commits(700, 10)}),
              IsEmpty());
}

TEST_F(Transactions, BeforeAGapTheyAreNotEndedAfterIt) {
  search_.emplace(options_, names_, 15);
  ASSERT_TRUE(
      search_
          ->see(Segment(1).runs(700, 700).works(700, {{kPayments, {.deleted = 5}}}).summary(),
                {UINT64_MAX})
          .ok());
  search_->skip();
  ASSERT_TRUE(search_
                  ->see(Segment(3)
                            .works(701, {{kPayments, {.deleted = 1}}})
                            .commits(701, 10)
                            .works(702, {{kPayments, {.deleted = 1}}})
                            .runs(702, 703)
                            .works(703, {{kPayments, {.deleted = 1}}})
                            .commits(702, 20)
                            .commits(703, 30)
                            .summary(),
                        {UINT64_MAX})
                  .ok());
  const auto found = search_->finish();
  EXPECT_THAT(xids(found), ElementsAre(701, 702, 703));
  EXPECT_TRUE(found[0].may_be_more);
  EXPECT_TRUE(found[1].may_be_more) << "an end before its first record here says nothing of before";
  EXPECT_EQ(found[1].began_at, std::nullopt);
  EXPECT_FALSE(found[2].may_be_more);
  EXPECT_EQ(found[2].began_at, at(10));
}

TEST_F(Transactions, WhatWasPreparedUnseenIsListedWithoutRows) {
  const Segment segment =
      Segment(1).commits(690, 5).commits_prepared(700, 10).commits_with(691, 20, {692});
  const auto found = find({segment});
  ASSERT_THAT(xids(found), ElementsAre(700));
  EXPECT_TRUE(found[0].work_unseen);
  EXPECT_TRUE(found[0].may_be_more);
  EXPECT_THAT(found[0].files, IsEmpty());
  EXPECT_THAT(find({Segment(1).runs(700, 700).prepares(700, 3, "a").commits_prepared(700, 10)}),
              IsEmpty())
      << "it changed nothing";
}

// Whose work is in the segment in which a standby was promoted.
TEST_F(Transactions, APromotionEndsWhatRan) {
  const auto found = find({Segment(1)
                               .runs(700, 700)
                               .works(700, {{kPayments, {.deleted = 5}}})
                               .commits(699, 5)
                               .ends_recovery()
                               .works(701, {{kLedger, {.deleted = 3}}})});
  EXPECT_THAT(xids(found), ElementsAre(700, 701));
  EXPECT_EQ(found[0].outcome, Outcome::kInterrupted);
  EXPECT_EQ(found[0].interrupted_after, at(5));
  EXPECT_EQ(found[1].outcome, Outcome::kUnfinished);
}

TEST_F(Transactions, WhoRunsWhereReadingStopsMayEndBehindIt) {
  options_.until = at(100);
  search_.emplace(options_, names_, 15);
  const auto sees = [&](const Segment& segment) {
    ASSERT_TRUE(search_->see(segment.summary(), {UINT64_MAX}).ok());
  };
  sees(Segment(1)
           .runs(700, 700)
           .works(700, {{kPayments, {.deleted = 5}}})
           .works(701, {{kPayments, {.deleted = 4}}})
           .commits(699, 200)
           .works(702, {{kPayments, {.deleted = 3}}}));
  search_->await_open();
  EXPECT_TRUE(search_->awaits_any());
  sees(Segment(2).commits(700, 210));
  EXPECT_TRUE(search_->awaits_any());
  sees(Segment(3).works(703, {{kPayments, {.deleted = 2}}}).commits(701, 220));
  EXPECT_FALSE(search_->awaits_any()) << "those open began after the window";
  sees(Segment(4).works(704, {{kPayments, {.deleted = 2}}}));
  search_->leave();
  EXPECT_THAT(search_->finish(), IsEmpty());

  search_.emplace(options_, names_, 15);
  sees(Segment(1).works(700, {{kPayments, {.deleted = 5}}}));
  search_->leave();
  const auto found = search_->finish();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].outcome, Outcome::kUnfinished);
  EXPECT_TRUE(found[0].log_goes_on);
}

TEST_F(Transactions, HaveTheEpochThatACheckpointNearbyTells) {
  search_.emplace(options_, names_, 15);
  ASSERT_TRUE(
      search_
          ->see(Segment(1).works(700, {{kPayments, {.deleted = 5}}}).commits(700, 10).summary(),
                {UINT64_MAX})
          .ok());
  EXPECT_FALSE(search_->knows_epoch());
  search_->learn_epoch({(uint64_t{5} << 32) + 690});
  EXPECT_THAT(xids(search_->finish()), ElementsAre((uint64_t{5} << 32) + 700));
}

TEST_F(Transactions, XidsCountOnOverTheirWrap) {
  const auto found = find({Segment(1)
                               .works(4'294'967'295, {{kPayments, {.deleted = 5}}})
                               .commits(4'294'967'295, 10)
                               .works(3, {{kPayments, {.deleted = 4}}})
                               .commits(3, 20)});
  EXPECT_THAT(xids(found), ElementsAre(4'294'967'295, (uint64_t{1} << 32) + 3));
}

TEST_F(Transactions, ADropIsNoTruncation) {
  const auto found = find({Segment(1).commits_and_drops(700, 10, {kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kDropped);
}

TEST_F(Transactions, ATruncationGivesTheTableANewFile) {
  const wal::RelationLocator new_payments{1663, 5, 16500}, new_ledger{1663, 5, 16501};
  const auto found = find({Segment(1)
                               .works(699, {{kPayments, {.inserted = 40}}})
                               .commits(699, 5)
                               .creates(700, new_payments)
                               .creates(700, new_ledger)
                               .commits_and_drops(700, 10, {kLedger, kPayments})});
  ASSERT_FALSE(found.empty());
  const FoundTransaction& truncation = found[0];
  ASSERT_THAT(truncation.files, SizeIs(2));
  EXPECT_EQ(truncation.files[0].file, kPayments);
  EXPECT_EQ(truncation.files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(truncation.files[0].rows_gone, 40);
  EXPECT_EQ(truncation.files[1].fate, FileFate::kTruncated);
  names_.see({wal::CatalogRow::Of::kRelation, {1}, 600, 5, 16384, "payments", 2200, 0, 16384, 'r'});
  EXPECT_EQ(names_.of(new_payments)->name, "payments");
  EXPECT_EQ(names_.of(new_ledger), std::nullopt);
}

TEST_F(Transactions, RowsDeletedBeforeTheDropAreCountedOnce) {
  const auto found = find({Segment(1)
                               .works(699, {{kPayments, {.inserted = 40}}})
                               .creates(699, kPayments)
                               .commits(699, 5)
                               .works(700, {{kPayments, {.deleted = 30}}})
                               .commits_and_drops(700, 10, {kPayments})});
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].xid, 700u);
  EXPECT_EQ(found[0].files[0].rows.deleted, 30);
  EXPECT_EQ(found[0].files[0].rows_gone, 10);
}

// What statistics say at a backup, with what came and went since then, and not before.
TEST_F(Transactions, RowsGoneAreThoseThatWereThere) {
  const auto names_at = [&](int64_t rows, pg::Lsn at) {
    names_ = RelationNames();
    names_.add(
        {{{5, "shop", 1663, {{2200, "public", {{16384, "payments", 1663, 16384, 'r', rows}}}}}},
         {}},
        at);
  };
  const auto before = Segment(1).works(700, {{kPayments, {.inserted = 5000}}}).commits(700, 10);
  const auto after = Segment(2)
                         .works(701, {{kPayments, {.deleted = 111}}})
                         .commits(701, 20)
                         .commits_and_drops(702, 30, {kPayments});
  const auto rows_gone = [&](std::vector<Segment> segments) {
    for (const FoundTransaction& found : find(segments)) {
      if (found.xid == 702) return found.files.at(0).rows_gone;
    }
    ADD_FAILURE() << "the loss was not found";
    return int64_t{-2};
  };
  names_at(5000, {uint64_t{2} << 24});
  EXPECT_EQ(rows_gone({before, after}), 4889) << "looked up between the two";
  names_at(7000, {5});
  EXPECT_EQ(rows_gone({before, after}), 11'889) << "looked up before";
  names_at(20, {UINT64_MAX});
  EXPECT_EQ(rows_gone({before, after}), 4889) << "the server says what is there now: no help";
  EXPECT_EQ(rows_gone({after}), -1) << "nobody knows";
  names_at(-1, {5});
  EXPECT_EQ(rows_gone({Segment(0).creates(699, kPayments).commits(699, 5), before, after}), 4889);
  EXPECT_EQ(rows_gone({Segment(1)
                           .creates(700, kPayments)
                           .works(700, {{kPayments, {.inserted = 9}}})
                           .commits(700, 10)
                           .works(701, {{kPayments, {.deleted = 9}}})
                           .commits(701, 20)
                           .commits_and_drops(702, 30, {kPayments})}),
            0)
      << "it was empty, and that is known";
}

TEST_F(Transactions, RowsAreCountedOverARewrite) {
  const wal::RelationLocator rewritten{1663, 5, 16500};
  names_.see({wal::CatalogRow::Of::kRelation, {1}, 600, 5, 16384, "payments", 2200, 0, 16384, 'r'});
  names_.see(
      {wal::CatalogRow::Of::kRelation, {1}, 600, 5, 16500, "pg_temp_16384", 2200, 0, 16500, 'r'});
  const auto found = find({Segment(1)
                               .creates(699, kPayments)
                               .works(699, {{kPayments, {.inserted = 40}}})
                               .commits(699, 5)
                               .creates(700, rewritten)
                               .works(700, {{rewritten, {.inserted = 40}}})
                               .commits_and_drops(700, 10, {kPayments})
                               .works(701, {{rewritten, {.deleted = 3}}})
                               .commits(701, 20)
                               .commits_and_drops(702, 30, {rewritten})});
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].xid, 702u);
  EXPECT_EQ(found[0].files[0].rows_gone, 37);
}

// ALTER TABLE … TYPE … USING 0 and VACUUM FULL write the same but for pg_attribute.
TEST_F(Transactions, ARewriteThatChangedColumnsIsShownAndOthersAreNot) {
  const wal::RelationLocator rewritten{1663, 5, 16500}, columns{1663, 5, 1249};
  const auto row = [](std::string name, pg::Oid file) {
    return wal::CatalogRow{
        wal::CatalogRow::Of::kRelation, {1}, 600, 5, file, std::move(name), 2200, 0, file, 'r'};
  };
  names_.see(row("payments", 16384));
  names_.see(row("pg_temp_16384", 16500));
  for (const int64_t updated : {0, 1}) {
    const auto found = find({Segment(1)
                                 .creates(700, rewritten)
                                 .works(700, {{columns, {.inserted = 3, .updated = updated}},
                                              {rewritten, {.inserted = 40}}})
                                 .commits_and_drops(700, 10, {kPayments})});
    if (updated == 0) {
      EXPECT_THAT(found, IsEmpty());
      continue;
    }
    ASSERT_THAT(found, SizeIs(1));
    const auto file = std::ranges::find(found[0].files, kPayments, &TouchedFile::file);
    ASSERT_NE(file, found[0].files.end());
    EXPECT_EQ(file->fate, FileFate::kAltered);
    EXPECT_EQ(file->rows_gone, 40);
  }
}

TEST_F(Transactions, ATruncationThatWasRolledBackCreatedNothing) {
  const wal::RelationLocator new_payments{1663, 5, 16500}, new_table{1663, 5, 16600};
  const auto row = [](pg::Oid oid, std::string name, pg::Oid file) {
    return wal::CatalogRow{
        wal::CatalogRow::Of::kRelation, {1}, 700, 5, oid, std::move(name), 2200, 0, file, 'r'};
  };
  names_.see(row(16384, "payments", 16384));
  names_.see(row(16384, "payments", 16500));
  names_.see(row(16600, "brief", 16600));
  const auto found = find({Segment(1)
                               .creates(700, new_payments)
                               .creates(700, new_table)
                               .creates(700, {1663, 5, 16501})  // an index's
                               .rolls_back(700, 10)});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(2));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(found[0].files[1].fate, FileFate::kCreated);
}

// CREATE TABLE that has committed behind the archived WAL: the server knows the table.
TEST_F(Transactions, ANewTableThatTheServerKnowsAlreadyIsNotTruncated) {
  const wal::RelationLocator new_table{1663, 5, 16600};
  const wal::CatalogRow row{
      wal::CatalogRow::Of::kRelation, {1}, 700, 5, 16600, "brief", 2200, 0, 16600, 'r'};
  names_.see(row);
  names_.see_file(row);
  const auto found =
      find({Segment(1).creates(700, new_table).works(700, {{new_table, {.inserted = 9}}})});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].outcome, Outcome::kUnfinished);
  ASSERT_THAT(found[0].files, SizeIs(1));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kCreated);
  EXPECT_EQ(found[0].files[0].rows.inserted, 9);
}

// Only its init fork is logged.
TEST_F(Transactions, AnUnloggedTableIsTruncatedAndNotDropped) {
  const wal::RelationLocator new_payments{1663, 5, 16500};
  const auto found = find({Segment(1)
                               .creates(700, new_payments, pg::Fork::kInit)
                               .commits_and_drops(700, 10, {kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
}

TEST_F(Transactions, WhatNobodyCountedStandsBehindWhatIsLarge) {
  const auto found = find({Segment(1)
                               .commits_and_drops(700, 10, {kLedger})
                               .works(701, {{kPayments, {.deleted = 20'000}}})
                               .commits(701, 20)
                               .works(702, {{kPayments, {.deleted = 20}}})
                               .commits(702, 30)});
  EXPECT_THAT(xids(found), ElementsAre(701, 700, 702));
}

TEST_F(Transactions, AMoveToAnotherTablespaceTakesNothing) {
  const wal::RelationLocator moved{16999, 5, 16500};
  EXPECT_THAT(find({Segment(1).creates(700, moved).commits_and_drops(700, 10, {kPayments})}),
              IsEmpty());
}

// VACUUM FULL payments beside DROP ledger, or TRUNCATE ledger.
TEST_F(Transactions, ARewriteHidesNoLossBesideIt) {
  const auto row = [](pg::Oid oid, std::string name, pg::Oid file) {
    return wal::CatalogRow{
        wal::CatalogRow::Of::kRelation, {1}, 600, 5, oid, std::move(name), 2200, 0, file, 'r'};
  };
  const wal::RelationLocator new_payments{1663, 5, 16500}, new_ledger{1663, 5, 16501};
  for (const bool truncates : {false, true}) {
    for (const bool ledger_is_known : {false, true}) {
      names_ = RelationNames();
      names_.see(row(16384, "payments", 16384));
      if (ledger_is_known) names_.see(row(16390, "ledger", 16390));
      names_.see(row(16500, "pg_temp_16384", 16500));
      Segment segment(1);
      segment.creates(700, new_payments);
      if (truncates) segment.creates(700, new_ledger);
      segment.commits_and_drops(700, 10, {kPayments, kLedger});
      const auto found = find({segment});
      ASSERT_THAT(found, SizeIs(1));
      ASSERT_THAT(found[0].files, SizeIs(2));
      EXPECT_EQ(found[0].files[0].file, kPayments);
      EXPECT_EQ(found[0].files[0].fate, FileFate::kRewritten);
      EXPECT_EQ(found[0].files[1].file, kLedger);
      EXPECT_EQ(found[0].files[1].fate, truncates ? FileFate::kTruncated : FileFate::kDropped);
    }
  }
}

// TRUNCATE payments and DROP ledger: of payments' row WAL has only what differs.
TEST_F(Transactions, ATruncationIsKnownByWhoseItsNewFileIsLater) {
  const wal::RelationLocator new_payments{1663, 5, 16500};
  names_.add(
      {{{5,
         "shop",
         1663,
         {{2200,
           "public",
           {{16384, "payments", 1663, 16500, 'r', 0}, {16390, "ledger", 1663, 16390, 'r', 7}}}}}},
       {}},
      {});
  const auto found = find(
      {Segment(1).creates(700, new_payments).commits_and_drops(700, 10, {kLedger, kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(2));
  EXPECT_EQ(found[0].files[0].file, kPayments);
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(found[0].files[1].fate, FileFate::kDropped);
}

// Rows as index entries tell them.
wal::CatalogRow update_of(pg::Oid oid, std::string name, pg::Oid file) {
  return {
      wal::CatalogRow::Of::kRelation, {1}, 700, 5, oid, std::move(name), 2200, 0, file, 'r', true};
}
wal::CatalogRow heap_of_rewrite(pg::Oid of, pg::Oid oid) {
  return {wal::CatalogRow::Of::kRelation,  {1},  700, 5,   oid,
          "pg_temp_" + std::to_string(of), 2200, 0,   oid, 'r'};
}

// BEGIN; TRUNCATE payments; CLUSTER payments, and the other way round, where TRUNCATE makes no file
// unless a savepoint stands before it.
TEST_F(Transactions, ATruncationBesideARewriteOfItsTableIsATruncation) {
  const wal::RelationLocator truncated{1663, 5, 16500}, rewritten{1663, 5, 16501};
  names_.add(
      {{{5, "shop", 1663, {{2200, "public", {{16384, "payments", 1663, 16384, 'r', 40}}}}}}, {}},
      {});
  const auto first_truncated = Segment(1)
                                   .puts(update_of(16384, "payments", 16500))
                                   .puts(heap_of_rewrite(16384, 16501))
                                   .puts(update_of(16384, "payments", 16501))
                                   .puts(update_of(16501, "pg_temp_16384", 16500))
                                   .creates(700, truncated)
                                   .creates(700, rewritten)
                                   .commits_and_drops(700, 10, {truncated, kPayments});
  const auto first_rewritten = Segment(1)
                                   .puts(heap_of_rewrite(16384, 16501))
                                   .puts(update_of(16384, "payments", 16501))
                                   .puts(update_of(16501, "pg_temp_16384", 16384))
                                   .puts(update_of(16384, "payments", 16500))
                                   .creates(700, rewritten)
                                   .creates(700, truncated)
                                   .commits_and_drops(700, 10, {rewritten, kPayments});
  const auto only_rewritten = Segment(1)
                                  .puts(heap_of_rewrite(16384, 16501))
                                  .puts(update_of(16384, "payments", 16501))
                                  .puts(update_of(16501, "pg_temp_16384", 16384))
                                  .creates(700, rewritten)
                                  .commits_and_drops(700, 10, {kPayments});
  const auto emptied_in_place = Segment(1)
                                    .puts(heap_of_rewrite(16384, 16501))
                                    .puts(update_of(16384, "payments", 16501))
                                    .puts(update_of(16501, "pg_temp_16384", 16384))
                                    .creates(700, rewritten)
                                    .empties(700, rewritten)
                                    .commits_and_drops(700, 10, {kPayments});
  for (const Segment& segment : {first_truncated, first_rewritten, emptied_in_place}) {
    const auto found = find({segment});
    ASSERT_THAT(found, SizeIs(1));
    ASSERT_THAT(found[0].files, SizeIs(1));
    EXPECT_EQ(found[0].files[0].file, kPayments);
    EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  }
  EXPECT_THAT(find({only_rewritten}), IsEmpty()) << "it took nothing";
}

TEST_F(Transactions, RowsDeletedBehindARewriteInItsTransactionCount) {
  const wal::RelationLocator rewritten{1663, 5, 16501};
  const auto found = find(
      {Segment(1)
           .puts(heap_of_rewrite(16384, 16501))
           .puts(update_of(16384, "payments", 16501))
           .creates(700, rewritten)
           .works(700, {{kPayments, {.deleted = 2}}, {rewritten, {.inserted = 40, .deleted = 3}}})
           .commits_and_drops(700, 10, {kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(1));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kRewritten);
  EXPECT_EQ(found[0].files[0].rows, (wal::RowCounts{.deleted = 5}));
}

// The first record of a subtransaction has no xid; the row that follows has.
TEST_F(Transactions, AFileThatASavepointMadeFirstIsItsOwn) {
  const wal::RelationLocator new_payments{1663, 5, 16500};
  for (const bool row_is_later : {false, true}) {
    Segment first(1), second(2);
    first.creates(0, new_payments);
    (row_is_later ? second : first).puts(update_of(16384, "payments", 16500));
    second.commits_and_drops(700, 10, {kLedger, kPayments});
    const auto found = find({first, second});
    ASSERT_THAT(found, SizeIs(1));
    ASSERT_THAT(found[0].files, SizeIs(2));
    EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
    EXPECT_EQ(found[0].files[1].fate, FileFate::kDropped);
  }
}

// BEGIN; ALTER TABLE payments SET TABLESPACE elsewhere; TRUNCATE payments.
TEST_F(Transactions, ATruncationBehindAMoveIsATruncation) {
  const wal::RelationLocator moved{16999, 5, 16500}, truncated{16999, 5, 16501};
  const auto there = [](wal::CatalogRow row) {
    row.tablespace = 16999;
    return row;
  };
  const auto both = Segment(1)
                        .puts(there(update_of(16384, "payments", 16500)))
                        .puts(there(update_of(16384, "payments", 16501)))
                        .creates(700, moved)
                        .creates(700, truncated)
                        .commits_and_drops(700, 10, {moved, kPayments});
  const auto found = find({both});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  const auto only_moved = Segment(1)
                              .puts(there(update_of(16384, "payments", 16500)))
                              .creates(700, moved)
                              .commits_and_drops(700, 10, {kPayments});
  EXPECT_THAT(find({only_moved}), IsEmpty());
}

// TRUNCATE payments and DROP ledger, whose old files have as many new ones as an index more needs.
TEST_F(Transactions, RowsTellATruncationFromADropWithNobodyToAsk) {
  const wal::RelationLocator new_payments{1663, 5, 16500}, new_index{1663, 5, 16501};
  wal::CatalogRow index = update_of(16501, "payments_note", 16501);
  index.is_update = false;
  index.kind = 'i';
  const auto found = find({Segment(1)
                               .puts(update_of(16384, "payments", 16500))
                               .puts(index)
                               .creates(700, new_payments)
                               .creates(700, new_index)
                               .commits_and_drops(700, 10, {kLedger, kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(3));
  EXPECT_EQ(found[0].files[0].file, kPayments);
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(found[0].files[1].file, kLedger);
  EXPECT_EQ(found[0].files[1].fate, FileFate::kDropped);
  EXPECT_EQ(found[0].files[2].fate, FileFate::kCreated);
}

// CREATE INDEX on payments, then TRUNCATE payments: the index has two files, and replaces none.
// That the server knows it by now makes no difference.
TEST_F(Transactions, WhatTheTransactionMadeReplacesNothing) {
  const wal::RelationLocator new_payments{1663, 5, 16500}, index{1663, 5, 16501},
      new_index{1663, 5, 16502};
  names_.add(
      {{{5, "shop", 1663, {{2200, "public", {{16501, "payments_note", 1663, 16502, 'i', 0}}}}}},
       {}},
      {UINT64_MAX});
  wal::CatalogRow made = update_of(16501, "payments_note", 16501);
  made.is_update = false;
  const auto found = find({Segment(1)
                               .puts(made)
                               .puts(update_of(16384, "payments", 16500))
                               .puts(update_of(16501, "payments_note", 16502))
                               .creates(700, index)
                               .creates(700, new_payments)
                               .creates(700, new_index)
                               .commits_and_drops(700, 10, {index, kPayments, kLedger})});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(3));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(found[0].files[1].file, kLedger);
  EXPECT_EQ(found[0].files[1].fate, FileFate::kDropped);
}

TEST_F(Transactions, ARowThatSegmentsHaveInPartsIsOne) {
  const wal::RelationLocator new_payments{1663, 5, 16500};
  const auto part = [](std::optional<pg::Oid> oid, std::optional<wal::CatalogRowPart::Name> name,
                       std::optional<wal::CatalogRowPart::File> file) {
    return wal::CatalogRowPart{{1}, 700, 5, {3, 4}, oid, {}, std::move(name), file};
  };
  const auto found = find({Segment(1).creates(700, new_payments).puts(part(16384, {}, {})),
                           Segment(2)
                               .puts(part({}, {{2200, "payments"}}, {{0, 16500}}))
                               .commits_and_drops(700, 10, {kLedger, kPayments})});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(2));
  EXPECT_EQ(found[0].files[0].fate, FileFate::kTruncated);
  EXPECT_EQ(found[0].files[1].fate, FileFate::kDropped);
}

// CLUSTER gives the table, its TOAST table and that one's index new files with rows of pg_class; of
// its own index WAL has only what differs.
TEST_F(Transactions, TheIndexOfARewrittenTableIsFollowed) {
  const auto file = [](pg::Oid number) { return wal::RelationLocator{1663, 5, number}; };
  const auto row = [](pg::Oid oid, std::string name, pg::Oid schema, char kind) {
    return wal::CatalogRow{
        wal::CatalogRow::Of::kRelation, {1}, 700, 5, oid, std::move(name), schema, 0, oid, kind};
  };
  for (const auto& [oid, name, schema, kind] : {std::tuple(16384u, "payments", 2200u, 'r'),
                                                {16387u, "pg_toast_16384", 99u, 't'},
                                                {16388u, "pg_toast_16384_index", 99u, 'i'},
                                                {16389u, "payments_pkey", 2200u, 'i'}}) {
    names_.see(row(oid, name, schema, kind));
  }
  const auto found =
      find({Segment(1)
                .puts(row(16500, "pg_temp_16384", 2200, 'r'))
                .puts(row(16503, "pg_toast_16500", 99, 't'))
                .puts(row(16504, "pg_toast_16500_index", 99, 'i'))
                .creates(700, file(16500))
                .creates(700, file(16503))
                .creates(700, file(16504))
                .creates(700, file(16505))
                .commits_and_drops(700, 10, {file(16388), file(16387), file(16384), file(16389)})
                .works(701, {{file(16500), {.deleted = 1}}})
                .commits(701, 20)});
  ASSERT_TRUE(names_.of(file(16505)));
  EXPECT_EQ(names_.of(file(16505))->name, "payments_pkey");
  EXPECT_EQ(names_.of(file(16503))->oid, 16384u);
}

// Then nobody sees its rows. DROP ledger and CREATE brief are no truncation.
TEST_F(Transactions, AfterARewriteOfTheCatalogADropIsADrop) {
  const wal::RelationLocator new_catalog{1663, 5, 16700}, brief{1663, 5, 16701};
  const wal::CatalogRow heap{
      wal::CatalogRow::Of::kRelation, {1}, 699, 5, 16700, "pg_temp_1259", 11, 0, 16700, 'r'};
  const auto rewritten =
      Segment(1).puts(heap).creates(699, new_catalog).commits_and_drops(699, 5, {kCatalog});
  const auto fate = [&](Segment segment, const wal::RelationLocator& of) {
    for (const FoundTransaction& each : find({rewritten, std::move(segment)})) {
      if (each.xid != 700) continue;
      const auto touched = std::ranges::find(each.files, of, &TouchedFile::file);
      if (touched != each.files.end()) return touched->fate;
    }
    ADD_FAILURE() << "not found";
    return FileFate::kChanged;
  };
  const auto swaps = Segment(2)
                         .creates(700, brief)
                         .works(700, {{new_catalog, {.inserted = 1, .deleted = 1}}})
                         .commits_and_drops(700, 10, {kLedger});
  EXPECT_EQ(fate(swaps, kLedger), FileFate::kDropped);
  EXPECT_EQ(fate(swaps, brief), FileFate::kCreated);
  const auto truncates = Segment(2)
                             .creates(700, brief)
                             .works(700, {{new_catalog, {.updated = 1}}})
                             .commits_and_drops(700, 10, {kLedger});
  EXPECT_EQ(fate(truncates, kLedger), FileFate::kTruncated);
}

// ALTER DATABASE SET TABLESPACE.
TEST_F(Transactions, ADatabaseThatMovesKeepsItsNames) {
  names_.add(
      {{{5, "shop", 1663, {{2200, "public", {{16384, "payments", 1663, 16384, 'r', 5}}}}}}, {}},
      {});
  const wal::RelationLocator moved{16999, 5, 16384};
  EXPECT_EQ(names_.of(moved), std::nullopt);
  find({Segment(1).moves_database(700, 5, 1663, 16999).commits_and_drops(701, 10, {moved})});
  ASSERT_TRUE(names_.of(moved));
  EXPECT_EQ(names_.of(moved)->name, "payments");
}

TEST_F(Transactions, WhatComesAndGoesInOneIsNobodysLoss) {
  EXPECT_THAT(find({Segment(1)
                        .creates(700, kPayments)
                        .works(700, {{kPayments, {.inserted = 40}}})
                        .commits_and_drops(700, 10, {kPayments})}),
              IsEmpty());
}

TEST_F(Transactions, ARecordThatCannotBeReadIsAnError) {
  search_.emplace(options_, names_, 15);
  const Segment segment =
      Segment(1).commits(699, 5).record(wal::kTransactionRmgr, wal::kCommit, 700, Bytes(3));
  EXPECT_FALSE(search_->see(segment.summary(), {UINT64_MAX}).ok());
  EXPECT_EQ(search_->unread_from(), segment.summary().kept[0].start);
}

// With wal_level=logical a subtransaction's first record names its transaction.
TEST_F(Transactions, ARecordThatNamesItsTransactionIsRead) {
  const auto found = find({Segment(1)
                               .creates(701, kPayments, pg::Fork::kMain, 700)
                               .commits_with(700, 10, {701})
                               .works(703, {{kPayments, {.deleted = 1}}})
                               .rolls_back(703, 11)
                               .assigns(702, {703}, true)
                               .works(704, {{kPayments, {.deleted = 5}}})
                               .commits(704, 12)});
  ASSERT_THAT(xids(found), ElementsAre(704, 700, 703));
  EXPECT_EQ(found[2].savepoints_of, 702u);
}

// 24 chunks of a value are no rows of the table.
TEST_F(Transactions, ValuesStoredOutOfLineDoNotCount) {
  const wal::RelationLocator toast{1663, 5, 16387};
  names_.add({{{5,
                "shop",
                1663,
                {{99, "pg_toast", {{16387, "pg_toast_16384", 1663, 16387, 't', -1}}},
                 {2200, "public", {{16384, "payments", 1663, 16384, 'r', 500}}}}}},
              {}},
             {});
  Segment segment(1);
  for (pg::Xid xid = 700; xid < 704; ++xid) {
    segment.works(xid, {{kPayments, {.updated = 1}}, {toast, {.inserted = 24, .deleted = 24}}});
    segment.commits(xid, xid);
  }
  segment.works(704, {{kPayments, {.updated = 1}}, {toast, {.inserted = 24, .deleted = 24}}})
      .commits_with(704, 704, {705})
      .works(710, {{kLedger, {.deleted = 5}}})
      .commits(710, 710);
  options_.keep = 1;
  EXPECT_THAT(xids(find({segment})), ElementsAre(710));
  EXPECT_EQ(search_->totals().deleted, 5u);
  EXPECT_EQ(search_->totals().updated, 5u);
  EXPECT_EQ(search_->totals().inserted, 0u);
}

TEST_F(Transactions, ARenameCountsOnceItIsCommitted) {
  const auto renames = [](pg::Xid xid, std::string table, std::string schema) {
    return std::pair(
        wal::CatalogRow{wal::CatalogRow::Of::kRelation,
                        {1},
                        xid,
                        5,
                        16384,
                        std::move(table),
                        16500,
                        0,
                        16384,
                        'r'},
        wal::CatalogRow{wal::CatalogRow::Of::kSchema, {1}, xid, 5, 16500, std::move(schema)});
  };
  const auto called = [&](const std::vector<Segment>& segments) {
    names_ = RelationNames();
    const auto [table, schema] = renames(600, "payments", "shop");
    names_.see(table);
    names_.see(schema);
    find(segments);
    const RelationName name = *names_.of(kPayments);
    EXPECT_EQ(name.also.empty(), name.name == "payments");
    return name.schema + "." + name.name;
  };
  const auto renaming = [&](pg::Xid xid) {
    const auto [table, schema] = renames(xid, "old_payments", "old_shop");
    return Segment(1).puts(table).puts(schema);
  };
  const auto empty_dropped = std::vector<wal::RelationLocator>{};
  EXPECT_EQ(called({renaming(700).rolls_back(700, 10)}), "shop.payments");
  EXPECT_EQ(called({renaming(700), Segment(2).rolls_back(700, 10)}), "shop.payments");
  EXPECT_EQ(called({renaming(700)}), "shop.payments") << "it has not ended";
  EXPECT_EQ(called({renaming(700).commits_and_drops(700, 10, empty_dropped)}),
            "old_shop.old_payments");
  EXPECT_EQ(called({renaming(700), Segment(2).commits_and_drops(700, 10, empty_dropped)}),
            "old_shop.old_payments");
  EXPECT_EQ(called({renaming(701).rolls_back(701, 5).commits_with(700, 10, {702})}),
            "shop.payments")
      << "to a savepoint";
  EXPECT_EQ(called({renaming(701).commits_with(700, 10, {701})}), "old_shop.old_payments");
}

TEST_F(Transactions, ATableThatIsCalledLikeTheHeapOfARewriteIsATable) {
  const wal::RelationLocator other{1663, 5, 16600};
  names_.see({wal::CatalogRow::Of::kRelation, {1}, 600, 5, 16384, "payments", 2200, 0, 16384, 'r'});
  const wal::CatalogRow row{
      wal::CatalogRow::Of::kRelation, {1}, 700, 5, 16600, "pg_temp_16384", 2200, 0, 16600, 'r'};
  const auto found = find({Segment(1)
                               .puts(row)
                               .creates(700, other)
                               .commits_and_drops(700, 10, {})
                               .works(701, {{other, {.deleted = 5}}})
                               .commits(701, 20)
                               .puts(row)
                               .commits_and_drops(702, 30, {other})});
  EXPECT_EQ(names_.of(other)->name, "pg_temp_16384");
  EXPECT_EQ(names_.of(kPayments)->name, "payments");
  ASSERT_THAT(xids(found), testing::Contains(702));
  EXPECT_EQ(std::ranges::find(found, 702u, &FoundTransaction::xid)->files.at(0).fate,
            FileFate::kDropped);
}

// Nobody else can know what it was called.
TEST_F(Transactions, ATableWhoseCreationWasRolledBackHasAName) {
  const wal::RelationLocator brief{1663, 5, 16600};
  const auto found = find(
      {Segment(1)
           .puts({wal::CatalogRow::Of::kRelation, {1}, 700, 5, 16600, "brief", 2200, 0, 16600, 'r'})
           .creates(700, brief)
           .works(700, {{brief, {.inserted = 9}}})
           .rolls_back(700, 10)});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_TRUE(names_.of(brief));
  EXPECT_EQ(names_.of(brief)->name, "brief");
}

TEST_F(Transactions, WhatIsBeyondTheEndDoesNotCount) {
  search_.emplace(options_, names_, 15);
  const Segment segment = Segment(1)
                              .works(700, {{kPayments, {.deleted = 5}}})
                              .works(701, {{kPayments, {.deleted = 6}}})
                              .commits(700, 10)
                              .commits(701, 20);
  ASSERT_TRUE(search_->see(segment.summary(), segment.summary().plain_ends[1].start).ok());
  EXPECT_EQ(search_->totals().committed, 1u);
}

}  // namespace
}  // namespace walkback::find
