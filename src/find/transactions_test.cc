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
                                     static_cast<uint32_t>(summary_.row_lists.size() - 1)});
    return *this;
  }
  Segment& commits(pg::Xid xid, int64_t second) { return ends(xid, true, second); }
  Segment& rolls_back(pg::Xid xid, int64_t second) { return ends(xid, false, second); }

  // A record that is kept whole.
  Segment& record(uint8_t rmgr, uint8_t info, pg::Xid xid, const Bytes& data) {
    Bytes bytes(wal::kRecordHeaderBytes + 2);
    const auto total = static_cast<uint32_t>(bytes.size() + data.size());
    std::memcpy(bytes.data(), &total, 4);
    std::memcpy(bytes.data() + 4, &xid, 4);
    bytes[16] = static_cast<std::byte>(info);
    bytes[17] = static_cast<std::byte>(rmgr);
    bytes[24] = std::byte{255};
    bytes[25] = static_cast<std::byte>(data.size());
    bytes.insert(bytes.end(), data.begin(), data.end());
    summary_.kept.push_back({at_, at_ + total, std::move(bytes)});
    at_ = at_ + 512;
    return *this;
  }
  Segment& creates(pg::Xid xid, const wal::RelationLocator& file) {
    Bytes data;
    put(data, file);
    put(data, uint32_t{0});
    return record(wal::kStorageRmgr, wal::kStorageCreate, xid, data);
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
                               .works(700, {{kPayments, {.inserted = 1000}}})
                               .commits(700, 10)
                               .works(701, {{kPayments, {.deleted = 5}}, {kLedger, {.updated = 1}}})
                               .commits(701, 20)
                               .works(702, {{kPayments, {.deleted = 7}}})
                               .rolls_back(702, 30)});
  EXPECT_THAT(xids(found), ElementsAre(702, 701, 700));
  EXPECT_EQ(found[0].outcome, Outcome::kRolledBack);
  EXPECT_EQ(found[1].outcome, Outcome::kCommitted);
  EXPECT_EQ(found[1].ended_at, at(20));
  EXPECT_EQ(found[1].began_at, at(10));
  EXPECT_EQ(found[2].began_at, std::nullopt) << "nothing is known of before";
  EXPECT_THAT(found[1].files, SizeIs(2));
  EXPECT_EQ(search_->totals().committed, 2u);
  EXPECT_EQ(search_->totals().rolled_back, 1u);
  EXPECT_EQ(search_->totals().deleted, 5u);
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
  EXPECT_THAT(xids(found), ElementsAre(702, 700));
  EXPECT_EQ(found[1].files[0].rows.deleted, 31);
  EXPECT_EQ(found[1].subtransactions, 1u);
}

TEST_F(Transactions, ThatDoNotEndAreCalledThat) {
  const auto found = find({Segment(1).works(700, {{kPayments, {.deleted = 5}}})});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].outcome, Outcome::kUnfinished);
  EXPECT_EQ(found[0].ended_at, std::nullopt);
  EXPECT_EQ(search_->totals().committed, 0u);
}

TEST_F(Transactions, ThatACrashEndedAreNotCarriedOnForEver) {
  Bytes running;
  for (const uint32_t value : {0u, 0u, 0u, 720u, 710u, 719u}) {
    const auto* raw = reinterpret_cast<const std::byte*>(&value);
    running.insert(running.end(), raw, raw + sizeof value);
  }
  options_.until = at(100);
  for (const bool in_window : {true, false}) {
    options_.since = at(in_window ? 5 : 50);
    const auto found =
        find({Segment(1)
                  .works(700, {{kPayments, {.deleted = 5}}})
                  .works(715, {{kLedger, {.deleted = 3}}}),
              Segment(2).works(701, {{kPayments, {.deleted = 1}}}).commits(701, 10),
              Segment(3).record(wal::kStandbyRmgr, wal::kRunningTransactions, 0, running)});
    if (in_window) {
      EXPECT_THAT(xids(found), ElementsAre(700, 715, 701));
      EXPECT_EQ(found[0].outcome, Outcome::kInterrupted);
    } else {
      EXPECT_THAT(xids(found), ElementsAre(715));
    }
  }
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
      search_->see(Segment(1).works(700, {{kPayments, {.deleted = 5}}}).summary(), {UINT64_MAX})
          .ok());
  search_->skip();
  ASSERT_TRUE(search_
                  ->see(Segment(3)
                            .works(701, {{kPayments, {.deleted = 1}}})
                            .commits(701, 10)
                            .works(702, {{kPayments, {.deleted = 1}}})
                            .commits(702, 20)
                            .summary(),
                        {UINT64_MAX})
                  .ok());
  const auto found = search_->finish();
  EXPECT_THAT(xids(found), ElementsAre(701, 702));
  EXPECT_EQ(found[0].began_at, std::nullopt);
  EXPECT_EQ(found[1].began_at, at(10));
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

TEST_F(Transactions, WhatComesAndGoesInOneIsNobodysLoss) {
  EXPECT_THAT(find({Segment(1)
                        .creates(700, kPayments)
                        .works(700, {{kPayments, {.inserted = 40}}})
                        .commits_and_drops(700, 10, {kPayments})}),
              IsEmpty());
}

TEST_F(Transactions, ARecordThatCannotBeReadIsAnError) {
  search_.emplace(options_, names_, 15);
  const Segment segment = Segment(1).record(wal::kTransactionRmgr, wal::kCommit, 700, Bytes(3));
  EXPECT_FALSE(search_->see(segment.summary(), {UINT64_MAX}).ok());
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
