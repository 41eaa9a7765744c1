// What records of the Heap and Heap2 resource managers do to rows: how many were inserted, updated,
// deleted (src/include/access/heapam_xlog.h; the same from 13 to 18 for all that is read here).
#pragma once

#include <compare>
#include <cstdint>

#include "base/bytes.h"
#include "wal/names.h"
#include "wal/record_reader.h"

namespace walkback::wal {

// Signed: a speculative insertion that lost its race (INSERT … ON CONFLICT) is taken back.
struct RowCounts {
  int64_t inserted = 0;
  int64_t updated = 0;
  int64_t deleted = 0;
  auto operator<=>(const RowCounts&) const = default;
  RowCounts& operator+=(const RowCounts& other) {
    inserted += other.inserted;
    updated += other.updated;
    deleted += other.deleted;
    return *this;
  }
};

enum class RowChange {
  kNone,      // locks, pruning, freezing, vacuum: no row is another one afterwards
  kCounted,   // of the relation of the record's first block
  kTooShort,  // main data that is none
};

// Inline: asked for nearly every record.
inline RowChange read_row_counts(const Record& record, ByteView main_data, RowCounts& counts) {
  constexpr size_t kDeleteFlagsAt = 7;       // xl_heap_delete.flags
  constexpr uint8_t kDeleteIsSuper = 0x08;   // takes a speculative insertion back
  constexpr size_t kMultiInsertCountAt = 2;  // xl_heap_multi_insert.ntuples
  counts = {};
  const uint8_t kind = record.info & kHeapMask;
  if (record.rmgr == kHeap2Rmgr) {
    if (kind != kHeap2MultiInsert) return RowChange::kNone;
    if (main_data.size() < kMultiInsertCountAt + 2) return RowChange::kTooShort;
    counts.inserted = load<uint16_t>(main_data, kMultiInsertCountAt);
    return RowChange::kCounted;
  }
  if (record.rmgr != kHeapRmgr) return RowChange::kNone;
  switch (kind) {
    case kHeapInsert:
      counts.inserted = 1;
      return RowChange::kCounted;
    case kHeapDelete:
      if (main_data.size() <= kDeleteFlagsAt) return RowChange::kTooShort;
      if (load<uint8_t>(main_data, kDeleteFlagsAt) & kDeleteIsSuper) {
        counts.inserted = -1;
      } else {
        counts.deleted = 1;
      }
      return RowChange::kCounted;
    case kHeapUpdate:
    case kHeapHotUpdate:
      counts.updated = 1;
      return RowChange::kCounted;
    default:
      return RowChange::kNone;
  }
}

}  // namespace walkback::wal
