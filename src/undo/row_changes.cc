#include "undo/row_changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "wal/names.h"

namespace walkback::undo {

namespace {

// src/include/access/heapam_xlog.h, the same from 13 to 18: xl_heap_insert, xl_heap_delete,
// xl_heap_update, xl_heap_multi_insert.
constexpr size_t kInsertBytes = 3;
constexpr size_t kDeleteBytes = 8;
constexpr size_t kDeleteOffsetAt = 4;
constexpr size_t kDeleteFlagsAt = 7;
constexpr uint8_t kDeleteIsSuper = 0x08;  // takes a speculative insertion back
constexpr size_t kUpdateBytes = 14;
constexpr size_t kUpdateOldOffsetAt = 4;
constexpr size_t kUpdateNewOffsetAt = 12;
constexpr size_t kMultiInsertCountAt = 2;
constexpr size_t kMultiInsertOffsetsAt = 4;
constexpr uint8_t kInitPage = 0x80;  // XLOG_HEAP_INIT_PAGE: offsets count from 1 and are left out

uint64_t place(uint32_t block, uint16_t offset) { return uint64_t{block} << 16 | offset; }
Tid tid_at(uint64_t place) {
  return {static_cast<uint32_t>(place >> 16), static_cast<uint16_t>(place)};
}

Error too_short(const wal::Record& record) {
  return make_error(ErrorKind::kCorrupt,
                    fmt::format("record at {}: too short for what it does", record.start.text()));
}

}  // namespace

std::string Tid::text() const { return fmt::format("({},{})", block, offset); }

Result<void> RowChanges::see(const wal::Record& record) {
  if (!xids_.contains(record.xid)) return success();
  if (record.rmgr != wal::kHeapRmgr && record.rmgr != wal::kHeap2Rmgr) return success();
  TRY(decoded_.decode(record, major_));
  if (decoded_.blocks().empty()) return success();
  const wal::BlockReference& block = decoded_.blocks().front();
  if (block.fork != pg::Fork::kMain) return success();
  File& file = files_[block.relation];
  return record.rmgr == wal::kHeapRmgr ? see_heap(record, file) : see_multi_insert(record, file);
}

Result<void> RowChanges::see_heap(const wal::Record& record, File& file) {
  const ByteView main = decoded_.main_data();
  const uint32_t block = decoded_.blocks().front().block;
  switch (record.info & wal::kHeapMask) {
    case wal::kHeapInsert: {
      if (main.size() < kInsertBytes) return too_short(record);
      file.written[place(block, load<uint16_t>(main, 0))] = std::nullopt;
      return success();
    }
    case wal::kHeapDelete: {
      if (main.size() < kDeleteBytes) return too_short(record);
      const Place at = place(block, load<uint16_t>(main, kDeleteOffsetAt));
      const auto flags = load<uint8_t>(main, kDeleteFlagsAt);
      const auto written = file.written.find(at);
      const bool is_own = written != file.written.end();
      const std::optional<Place> origin = is_own ? written->second : std::optional<Place>(at);
      if (is_own) file.written.erase(written);
      if (flags & kDeleteIsSuper) return success();
      if (origin) file.deleted.push_back(*origin);
      return success();
    }
    case wal::kHeapUpdate:
    case wal::kHeapHotUpdate: {
      if (main.size() < kUpdateBytes) return too_short(record);
      // Block 0 takes the new version; the old one lies in block 1 where that is another.
      const bool is_elsewhere = decoded_.blocks().size() > 1;
      const uint32_t old_block = is_elsewhere ? decoded_.blocks()[1].block : block;
      const Place old = place(old_block, load<uint16_t>(main, kUpdateOldOffsetAt));
      const Place now = place(block, load<uint16_t>(main, kUpdateNewOffsetAt));
      const auto written = file.written.find(old);
      std::optional<Place> origin = old;
      if (written != file.written.end()) {
        origin = written->second;
        file.written.erase(written);
      }
      file.written[now] = origin;
      return success();
    }
    default:
      return success();  // a lock, a confirmed speculative insertion, an inplace update: no other
                         // row
  }
}

Result<void> RowChanges::see_multi_insert(const wal::Record& record, File& file) {
  if ((record.info & wal::kHeapMask) != wal::kHeap2MultiInsert) return success();
  const ByteView main = decoded_.main_data();
  if (main.size() < kMultiInsertOffsetsAt) return too_short(record);
  const uint32_t block = decoded_.blocks().front().block;
  const auto count = load<uint16_t>(main, kMultiInsertCountAt);
  const bool fills_page = (record.info & kInitPage) != 0;
  if (!fills_page && main.size() < kMultiInsertOffsetsAt + size_t{count} * 2) {
    return too_short(record);
  }
  for (uint16_t i = 0; i < count; ++i) {
    const auto offset = fills_page ? static_cast<uint16_t>(i + 1)
                                   : load<uint16_t>(main, kMultiInsertOffsetsAt + size_t{i} * 2);
    file.written[place(block, offset)] = std::nullopt;
  }
  return success();
}

std::vector<ChangedRow> RowChanges::of(const wal::RelationLocator& file) const {
  std::vector<ChangedRow> rows;
  const auto found = files_.find(file);
  if (found == files_.end()) return rows;
  rows.reserve(found->second.deleted.size() + found->second.written.size());
  for (const Place was : found->second.deleted) rows.push_back({tid_at(was), std::nullopt});
  for (const auto& [now, was] : found->second.written) {
    rows.push_back({was ? std::optional(tid_at(*was)) : std::nullopt, tid_at(now)});
  }
  std::ranges::sort(rows, std::ranges::less(), [](const ChangedRow& row) {
    return std::tuple(!row.was.has_value(), row.was, row.now);
  });
  return rows;
}

}  // namespace walkback::undo
