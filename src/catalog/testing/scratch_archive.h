// For tests: the logs of a cluster whose history forks, and an archive of them with backups.
//
//   ScratchArchive archive;
//   ScratchTimeline first(1);
//   first.commit(700, 10);
//   ScratchTimeline second = first.fork({2});   // as a recovery to here does
//   archive.put_all(first); archive.put_history(second);
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/testing/seeded_random.h"
#include "catalog/backup_summary.h"
#include "catalog/lineage.h"
#include "catalog/manifest.h"
#include "catalog/wal_archive.h"
#include "pg/testing/saved_control_file.h"
#include "pg/timeline_history.h"
#include "store/memory_store.h"
#include "wal/names.h"
#include "wal/test_log.h"
#include "wal/transaction.h"

namespace walkback::catalog {

// Second `s` of the story.
inline Timestamp at(double s) {
  constexpr int64_t kSecond_us = 1'000'000;
  constexpr int64_t kPgEpoch_us = 946'684'800 * kSecond_us;
  return {kPgEpoch_us + static_cast<int64_t>(s * kSecond_us)};
}

// A server's log, record by record. Each verb returns where its record starts.
class ScratchTimeline {
 public:
  static constexpr uint32_t kSegmentBytes = wal::TestLog::kSegmentBytes;

  explicit ScratchTimeline(uint32_t number) : id_{number}, log_(1, {number}) {}

  // What a server writes that was recovered to here: the segment goes on under another name.
  ScratchTimeline fork(uint32_t number) const {
    ScratchTimeline child = *this;
    child.id_ = {number};
    child.log_.set_timeline({number});
    child.history_ += fmt::format("{}\t{}\ttest\n", id_.value, end().text());
    child.begin_ = end();
    return child;
  }

  pg::TimelineId id() const { return id_; }
  const std::string& history() const { return history_; }
  pg::Lsn begin() const { return begin_; }
  pg::Lsn end() const { return log_.position(); }
  uint64_t segment_of_end() const { return (end().value - 1) / kSegmentBytes; }

  pg::Lsn commit(pg::Xid xid, double second) { return ended(0x00, xid, second); }
  pg::Lsn abort(pg::Xid xid, double second) { return ended(0x20, xid, second); }
  // With subtransactions: no plain end.
  pg::Lsn commit_with(pg::Xid xid, double second, const std::vector<pg::Xid>& subxids) {
    constexpr uint32_t kHasSubxacts = 1u << 1;  // XACT_XINFO_HAS_SUBXACTS
    Bytes body;
    put(body, pg_time(second));
    put(body, kHasSubxacts);
    put(body, static_cast<uint32_t>(subxids.size()));
    for (const pg::Xid subxid : subxids) put(body, subxid);
    return log_.append(wal::kTransactionRmgr, wal::kCommit | wal::kTransactionHasInfo, xid, body);
  }
  pg::Lsn insert(size_t bytes = 100) { return log_.append(bytes); }
  // A DELETE of so many rows; what does not end in the segment goes on in the next.
  void remove(pg::Xid xid, const wal::RelationLocator& relation, int rows) {
    for (int row = 0; row < rows; ++row) {
      log_.append_block(wal::kHeapRmgr, wal::kHeapDelete, xid, relation, 0, Bytes(8));
    }
  }
  // A change of this block.
  void change(pg::Xid xid, const wal::RelationLocator& relation, uint32_t block) {
    log_.append_block(wal::kHeapRmgr, wal::kHeapDelete, xid, relation, block, Bytes(8));
  }
  void insert_row(pg::Xid xid, const wal::RelationLocator& relation, uint32_t block, size_t bytes) {
    log_.append_block(wal::kHeapRmgr, wal::kHeapInsert, xid, relation, block, Bytes(3),
                      Bytes(bytes, std::byte{7}));
  }
  // What the server says every 15 seconds: what runs.
  pg::Lsn running(pg::Xid oldest, pg::Xid next) {
    Bytes body;
    for (const uint32_t value : {0u, 0u, 0u, next, oldest, next - 1}) put(body, value);
    return log_.append(wal::kStandbyRmgr, wal::kRunningTransactions, 0, body);
  }
  pg::Lsn restore_point(std::string_view name, double second) {
    Bytes body;
    put(body, pg_time(second));
    Bytes text(64);
    std::memcpy(text.data(), name.data(), name.size());
    body.insert(body.end(), text.begin(), text.end());
    return log_.append(wal::kXlogRmgr, 0x70, 0, body);
  }
  pg::Lsn checkpoint(int64_t second, uint64_t next_xid = 700) {
    const int64_t time_s = at(static_cast<double>(second)).unix_us / 1'000'000;
    return log_.append(wal::kXlogRmgr, 0x10, 0,
                       wal::checkpoint_body(end(), id_, {next_xid}, time_s));
  }
  // As a server does that is started with another wal_level: 0 is minimal.
  pg::Lsn wal_level(int32_t level) {
    Bytes body;
    for (const int32_t value : {100, 8, 10, 0, 64, level}) put(body, value);
    put(body, int32_t{0});
    return log_.append(wal::kXlogRmgr, wal::kXlogParameterChange, 0, body);
  }
  // pg_switch_wal(): what follows begins a segment.
  void switch_segment() {
    if (end().value % kSegmentBytes != 0) log_.switch_segment();
  }

  std::string file(uint64_t number) const { return log_.name(number).text(kSegmentBytes); }
  Bytes content(uint64_t number) const { return log_.copy_of_segment(number); }
  std::byte& byte_at(pg::Lsn lsn) { return log_.at(lsn); }

 private:
  static int64_t pg_time(double second) { return at(second).unix_us - at(0).unix_us; }
  template <typename T>
  static void put(Bytes& bytes, T value) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof(value));
  }
  pg::Lsn ended(uint8_t info, pg::Xid xid, double second) {
    Bytes body;
    put(body, pg_time(second));
    return log_.append(wal::kTransactionRmgr, info, xid, body);
  }

  pg::TimelineId id_;
  wal::TestLog log_;
  std::string history_;
  pg::Lsn begin_;
};

class ScratchArchive {
 public:
  explicit ScratchArchive(std::unique_ptr<store::ObjectStore> objects = store::make_memory_store())
      : objects_(std::move(objects)) {
    EXPECT_TRUE(register_lineage(*objects_, "main", lineage_).ok());
  }

  store::ObjectStore& objects() { return *objects_; }
  WalArchive& wal() { return wal_; }
  const std::vector<BackupSummary>& backups() const { return backups_; }

  // Ends the last segment, as archiving does, and archives those that are not.
  void put_all(ScratchTimeline& timeline) {
    timeline.switch_segment();
    const uint64_t begin = timeline.begin().value / ScratchTimeline::kSegmentBytes;
    for (uint64_t number = std::max<uint64_t>(begin, 1); number <= timeline.segment_of_end();
         ++number) {
      if (!wal_.has(timeline.file(number)).value()) put_segment(timeline, number);
    }
  }
  void put_segment(const ScratchTimeline& timeline, uint64_t number, std::string_view suffix = "") {
    put(timeline.file(number) + std::string(suffix), timeline.content(number),
        [&](const std::string&, uint64_t, MutableBytes out) {
          std::ranges::copy(timeline.content(number - 1), out.begin());
          return true;
        });
  }
  // A push that lags behind: a checkpoint removed the segment before meanwhile.
  void put_segment_late(const ScratchTimeline& timeline, uint64_t number) {
    put(timeline.file(number), timeline.content(number));
  }
  void put_history(const ScratchTimeline& timeline) {
    put(pg::history_file_name(timeline.id()), to_bytes(as_bytes(timeline.history())));
  }
  // What lies under this name is other bytes now.
  void overwrite(const store::ObjectKey& key, std::string_view text) {
    EXPECT_TRUE(objects_->remove(key).ok());
    EXPECT_TRUE(objects_->put(key, as_bytes(text)).ok());
  }
  void copy_index(const std::string& from, const std::string& to) {
    const store::ObjectKey key = wal_.layout().wal_index(to);
    const Bytes index = objects_->get(wal_.layout().wal_index(from)).value().value();
    EXPECT_TRUE(objects_->remove(key).ok());
    EXPECT_TRUE(objects_->put(key, index).ok());
  }
  void forget_index(const std::string& file) {
    EXPECT_TRUE(objects_->remove(wal_.layout().wal_index(file)).ok());
  }
  void lose(const std::string& file) {
    EXPECT_TRUE(objects_->remove(wal_.layout().wal_file(file)).ok());
  }

  // Gives a backup its files: adds them to the manifest, and what they need to the two others.
  using Fill = std::function<void(ManifestWriter&, BackupSummary&, ManifestConclusion&)>;
  // Taken in the log here, from `start_s` to `stop_s`.
  BackupSummary backup(ScratchTimeline& timeline, double start_s, double stop_s,
                       const Fill& fill = {}) {
    BackupSummary summary;
    summary.id = {fmt::format("backup-{}", backups_.size() + 1)};
    summary.system_identifier = lineage_.system_identifier;
    summary.server_version_num = 150000;
    summary.wal_segment_bytes = lineage_.wal_segment_bytes;
    summary.started_at = at(start_s);
    summary.stopped_at = at(stop_s);
    summary.timeline = timeline.id();
    summary.start_lsn = timeline.end();
    timeline.insert();
    timeline.insert();
    summary.stop_lsn = timeline.end();
    auto manifest = create_manifest(*objects_, random_, wal_.layout(), summary.id, 3).value();
    ManifestConclusion conclusion;
    if (fill) fill(*manifest, summary, conclusion);
    for (const ManifestPack& pack : manifest->finish_maps().value().packs) {
      summary.packs.push_back("maps/" + pack.id.text());
    }
    const SummaryObject object = make_summary_object(summary);
    summary.sha256 = object.sha256;
    backups_.push_back(summary);
    EXPECT_TRUE(objects_->put(wal_.layout().summary(summary.id), as_bytes(object.text)).ok());
    conclusion.pg_control = control_file();
    conclusion.summary_sha256 = object.sha256;
    EXPECT_TRUE(manifest->commit(conclusion).ok());
    return summary;
  }

 private:
  class Content final : public File {
   public:
    explicit Content(Bytes content) : content_(std::move(content)) {}
    Result<size_t> read_at(uint64_t offset, MutableBytes out) override {
      const size_t size =
          std::min<size_t>(out.size(), content_.size() - std::min(offset, content_.size()));
      std::copy_n(content_.begin() + static_cast<ptrdiff_t>(offset), size, out.begin());
      return size;
    }
    Result<void> write_at(uint64_t, ByteView) override { return success(); }
    Result<void> truncate(uint64_t) override { return success(); }
    Result<uint64_t> size() override { return content_.size(); }
    Result<void> sync() override { return success(); }
    void start_writeback(uint64_t, uint64_t) override {}
    void forget_cached(uint64_t, uint64_t) override {}

   private:
    const Bytes content_;
  };

  void put(const std::string& name, Bytes content, const WalArchive::Neighbour& neighbour = {}) {
    Content file(std::move(content));
    const auto stored = wal_.put(name, file, 1, 1, neighbour);
    EXPECT_TRUE(stored.ok()) << stored.error().message;
  }

  static Bytes control_file() { return control_file_; }

  const Lineage lineage_{wal::TestLog::kSystem, 15, ScratchTimeline::kSegmentBytes, {}};
  SeededRandom random_{7};
  const std::unique_ptr<store::ObjectStore> objects_;
  WalArchive wal_{*objects_, "main", lineage_};
  std::vector<BackupSummary> backups_;
  // As if the log's own server had written it.
  static Bytes own_control_file() {
    Bytes file = pg::saved_control_file(WALKBACK_PG_TESTDATA);
    pg::change_control_file(file, pg::kSystemIdentifierAt, wal::TestLog::kSystem.value);
    return file;
  }
  // Read before main(): a test program that gives up being root may no longer read the checkout.
  inline static const Bytes control_file_ = own_control_file();
};

}  // namespace walkback::catalog
