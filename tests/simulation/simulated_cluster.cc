#include "simulated_cluster.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "backup/testing/scripted_primary.h"
#include "pg/page.h"
#include "pg/testing/saved_control_file.h"
#include "wal/names.h"

namespace walkback {

namespace {

constexpr uint32_t kSegmentBytes = wal::TestLog::kSegmentBytes;
constexpr int64_t kPgEpoch_us = 946'684'800'000'000;

template <typename T>
void append_to(Bytes& bytes, T value) {
  const auto* from = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), from, from + sizeof value);
}

// A server's, with the system identifier of the log.
Bytes control_file() {
  Bytes file = pg::saved_control_file(WALKBACK_PG_TESTDATA);
  pg::change_control_file(file, pg::kSystemIdentifierAt, wal::TestLog::kSystem.value);
  return file;
}

void write(FileSystem& files, const std::string& name, ByteView content) {
  const std::string path = join_path(kPgdata, name);
  ASSERT_TRUE(make_directories(files, parent_path(path), 0700).ok());
  ASSERT_TRUE(replace_file(files, path, content, 0600).ok());
}

}  // namespace

wal::RelationLocator simulated_relation(size_t which) {
  constexpr pg::Oid kDefaultTablespace = 1663;
  return {kDefaultTablespace, 5, static_cast<pg::Oid>(16384 + which)};
}

std::string simulated_file(size_t which) {
  return fmt::format("base/5/{}", simulated_relation(which).number);
}

void make_simulated_page(const PageState& state, uint32_t block, MutableBytes page) {
  constexpr size_t kPattern = 512;  // so much does not compress
  uint64_t value = state.seed * 0x9E3779B97F4A7C15 + block + 1;
  for (size_t at = 0; at < page.size(); at += sizeof value) {
    if (at < kPattern) {
      value ^= value << 13;
      value ^= value >> 7;
      value ^= value << 17;
      std::memcpy(&page[at], &value, sizeof value);
    } else {
      std::memcpy(&page[at], &page[at - kPattern], sizeof value);
    }
  }
  const uint32_t halves[2] = {static_cast<uint32_t>(state.lsn.value >> 32),
                              static_cast<uint32_t>(state.lsn.value)};
  std::memcpy(page.data(), halves, sizeof halves);
  const uint16_t checksum = pg::page_checksum(page, block);
  std::memcpy(&page[8], &checksum, sizeof checksum);
}

// --- the server, as a session sees it ---

class SimulatedCluster::Session final : public backup::ScriptedPrimary {
 public:
  Session(SimulatedCluster& cluster, Push push)
      : ScriptedPrimary(std::string(kPgdata), wal::TestLog::kSystem, kSegmentBytes),
        cluster_(cluster),
        push_(std::move(push)) {}

 private:
  std::optional<pgconn::Table> answer_first(std::string_view sql,
                                            const std::vector<pgconn::Value>&) override {
    if (asks(sql, "last_failed_wal") || asks(sql, "FROM pg_database")) return pgconn::Table{};
    return std::nullopt;
  }
  std::string last_archived() override {
    return cluster_.log_.name(cluster_.next_to_archive_ - 1).text(kSegmentBytes);
  }
  pg::Lsn begin_backup() override {
    const pg::Lsn start = cluster_.checkpoint();
    cluster_.transact();
    return start;
  }
  pg::Lsn end_backup(pg::Lsn start) override {
    cluster_.transact();
    const pg::Lsn stop = cluster_.end_backup(start);
    cluster_.archive(push_);
    return stop;
  }

  SimulatedCluster& cluster_;
  const Push push_;
};

std::unique_ptr<pgconn::Connection> SimulatedCluster::connect(Push push) {
  return std::make_unique<Session>(*this, std::move(push));
}

// --- its files ---

SimulatedCluster::SimulatedCluster(FileSystem& files, ManualClock& clock, SeededRandom& random)
    : files_(files),
      clock_(clock),
      random_(random),
      flushed_(log_.position()),
      pages_(kRelations * kBlocksOfRelation),
      dirty_(pages_.size()) {
  write(files, "global/pg_control", control_file());
  write(files, "PG_VERSION", as_bytes("15\n"));
  for (const char* name :
       {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"}) {
    write(files, name, as_bytes("# nothing\n"));
  }
  for (const char* name : {"pg_tblspc", "pg_wal/archive_status"}) {
    EXPECT_TRUE(make_directories(files, join_path(kPgdata, name), 0700).ok());
  }
  for (size_t i = 0; i < kRelations; ++i) {
    write(files, simulated_file(i), Bytes(kBlocksOfRelation * pg::kPageBytes));
  }
  for (size_t i = 0; i < pages_.size(); ++i) {
    pages_[i] = {i + 1, {8}};
    write_page(i);
  }
}

void SimulatedCluster::write_page(size_t which) {
  const auto block = static_cast<uint32_t>(which % kBlocksOfRelation);
  Bytes page(pg::kPageBytes);
  make_simulated_page(pages_[which], block, page);
  const std::string path = join_path(kPgdata, simulated_file(which / kBlocksOfRelation));
  auto file = files_.open_write(path).value();
  EXPECT_TRUE(file->write_at(uint64_t{block} * pg::kPageBytes, page).ok());
  dirty_[which] = false;
}

void SimulatedCluster::transact() {
  constexpr uint64_t kMostPages = 4;
  const pg::Xid xid = next_xid_++;
  std::vector<size_t> changed(1 + random_.below(kMostPages));
  for (size_t& which : changed) {
    // Most changes are in the same places.
    which = random_.below(random_.percent(80) ? pages_.size() / 8 : pages_.size());
    const auto block = static_cast<uint32_t>(which % kBlocksOfRelation);
    PageState& page = pages_[which];
    page.seed = random_.next_u64();
    Bytes seed;
    append_to(seed, page.seed);
    log_.append_block(wal::kHeapRmgr, wal::kHeapDelete, xid,
                      simulated_relation(which / kBlocksOfRelation), block, Bytes(8), seed);
    page.lsn = log_.position();
    dirty_[which] = true;
  }
  clock_.advance(std::chrono::milliseconds(1 + random_.below(20)));
  Bytes body;
  append_to(body, clock_.now().unix_us - kPgEpoch_us);
  const pg::Lsn record = log_.append(wal::kTransactionRmgr, wal::kCommit, xid, body);
  commits_.push_back({clock_.now(), record, pages_});
  flush_log();
  for (const size_t which : changed) {
    if (random_.percent(50)) write_page(which);
  }
}

// --- its log ---

std::string SimulatedCluster::wal_path(uint64_t number) const {
  return join_path(join_path(kPgdata, "pg_wal"), log_.name(number).text(kSegmentBytes));
}

void SimulatedCluster::flush_log() {
  while (flushed_ < log_.position()) {
    const uint64_t number = flushed_.value / kSegmentBytes;
    const std::string path = wal_path(number);
    auto file = flushed_.value % kSegmentBytes == 0 ? files_.create(path, 0600).value()
                                                    : files_.open_write(path).value();
    if (flushed_.value % kSegmentBytes == 0) {
      EXPECT_TRUE(file->truncate(kSegmentBytes).ok());
    }
    const uint64_t end = std::min(log_.position().value, (number + 1) * kSegmentBytes);
    const uint64_t from = flushed_.value % kSegmentBytes;
    const ByteView written =
        ByteView(log_.segment(number)).subspan(from, end - number * kSegmentBytes - from);
    EXPECT_TRUE(file->write_at(from, written).ok());
    flushed_ = {end};
    if (end == (number + 1) * kSegmentBytes) {
      const std::string mark = log_.name(number).text(kSegmentBytes) + ".ready";
      write(files_, "pg_wal/archive_status/" + mark, {});
    }
  }
}

void SimulatedCluster::switch_segment() {
  if (log_.position().value % kSegmentBytes == 0) return;
  log_.switch_segment();
  flush_log();
}

pg::Lsn SimulatedCluster::checkpoint() {
  for (size_t i = 0; i < pages_.size(); ++i) {
    if (dirty_[i]) write_page(i);
  }
  // A redo point is where a record begins; at the beginning of a page stands its header.
  if (log_.position().value % wal::kWalPageBytes == 0) log_.append(wal::kXlogRmgr, 0x20, 0, {});
  const pg::Lsn redo = log_.position();
  const Bytes body = wal::checkpoint_body(redo, {1}, {next_xid_}, clock_.now().unix_us / 1'000'000);
  log_.append(wal::kXlogRmgr, wal::kXlogCheckpointOnline, 0, body);
  flush_log();
  return redo;
}

pg::Lsn SimulatedCluster::end_backup(pg::Lsn start) {
  Bytes body;
  append_to(body, start.value);
  log_.append(wal::kXlogRmgr, wal::kXlogBackupEnd, 0, body);
  const pg::Lsn stop = log_.position();
  switch_segment();
  return stop;
}

void SimulatedCluster::archive(const Push& push) {
  constexpr uint64_t kStay = 2;
  const uint64_t current = flushed_.value / kSegmentBytes;
  while (next_to_archive_ < current && push(wal_path(next_to_archive_))) ++next_to_archive_;
  for (; oldest_in_pg_wal_ + kStay < next_to_archive_; ++oldest_in_pg_wal_) {
    const std::string mark = log_.name(oldest_in_pg_wal_).text(kSegmentBytes) + ".ready";
    EXPECT_TRUE(files_.remove(wal_path(oldest_in_pg_wal_)).ok());
    EXPECT_TRUE(files_.remove(join_path(kPgdata, "pg_wal/archive_status/" + mark)).ok());
  }
  log_.forget_before(oldest_in_pg_wal_);
}

pg::Lsn SimulatedCluster::archived_until() const { return {next_to_archive_ * kSegmentBytes}; }

}  // namespace walkback
