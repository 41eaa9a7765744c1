// For tests of what a search finds: segments of WAL as their indexes say them, without any WAL.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "find/transactions.h"

namespace walkback::find {

inline constexpr wal::RelationLocator kPayments{1663, 5, 16384};
inline constexpr wal::RelationLocator kLedger{1663, 5, 16390};
inline constexpr wal::RelationLocator kCatalog{1663, 5, 1259};
inline constexpr int64_t kSecond = 1'000'000;

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

}  // namespace walkback::find
