// For tests: writes a log as a PostgreSQL server would, records into pages into segments.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "pg/crc32c.h"
#include "pg/types.h"
#include "wal/page_header.h"
#include "wal/record.h"
#include "wal/record_reader.h"

namespace walkback::wal {

// CheckPoint (src/include/catalog/pg_control.h), of a checkpoint's record. `time_s`: since 1970.
inline Bytes checkpoint_body(pg::Lsn redo, pg::TimelineId timeline, pg::FullXid next_xid,
                             int64_t time_s) {
  Bytes body(88);
  std::memcpy(body.data(), &redo.value, 8);
  std::memcpy(&body[8], &timeline.value, 4);
  std::memcpy(&body[12], &timeline.value, 4);
  std::memcpy(&body[24], &next_xid.value, 8);
  std::memcpy(&body[64], &time_s, 8);
  return body;
}

class TestLog {
 public:
  static constexpr uint32_t kSegmentBytes = 1u << 20;
  static constexpr pg::SystemIdentifier kSystem{7711004979447500612};
  static constexpr uint16_t kMagic15 = 0xD110;

  // Begins at the start of a segment.
  explicit TestLog(uint64_t first_segment = 1, pg::TimelineId timeline = {1},
                   uint16_t magic = kMagic15)
      : timeline_(timeline), magic_(magic), position_{first_segment * kSegmentBytes} {}

  pg::Lsn append(uint8_t rmgr, uint8_t info, pg::Xid xid, ByteView main_data) {
    Bytes record;
    record.reserve(kRecordHeaderBytes + 5 + main_data.size());
    record.resize(kRecordHeaderBytes);
    put_main_data(record, main_data);
    return append_raw(rmgr, info, xid, std::move(record));
  }
  // A record that refers to one block, with that much data of it and, after that, main data.
  pg::Lsn append_block(uint8_t rmgr, uint8_t info, pg::Xid xid, const RelationLocator& relation,
                       uint32_t block, const Bytes& main_data, const Bytes& block_data = {}) {
    return append_blocks(rmgr, info, xid, relation, {{block, block_data}}, main_data);
  }
  // Likewise to several blocks of one relation.
  pg::Lsn append_blocks(uint8_t rmgr, uint8_t info, pg::Xid xid, const RelationLocator& relation,
                        const std::vector<std::pair<uint32_t, Bytes>>& blocks,
                        const Bytes& main_data) {
    constexpr uint8_t kHasData = 0x20;
    Bytes record(kRecordHeaderBytes);
    const auto add = [&](auto value) {
      const auto* raw = reinterpret_cast<const std::byte*>(&value);
      record.insert(record.end(), raw, raw + sizeof value);
    };
    uint8_t id = 0;
    for (const auto& [block, data] : blocks) {
      add(id++);
      add(data.empty() ? uint8_t{0} : kHasData);
      add(static_cast<uint16_t>(data.size()));
      add(relation);
      add(block);
    }
    add(uint8_t{255});
    add(static_cast<uint8_t>(main_data.size()));
    for (const auto& [block, data] : blocks) record.insert(record.end(), data.begin(), data.end());
    record.insert(record.end(), main_data.begin(), main_data.end());
    return append_raw(rmgr, info, xid, std::move(record));
  }
  // A heap record of that many bytes of main data.
  pg::Lsn append(size_t bytes, pg::Xid xid = 700) {
    return append(10, 0, xid, Bytes(bytes, std::byte{0x5A}));
  }

  // Only the part that lies before the end of the page is written, as by a server that crashes
  // there.
  pg::Lsn append_cut_at_page_end(size_t bytes) {
    const uint64_t page_end = (position_.value / kWalPageBytes + 1) * kWalPageBytes;
    stop_at_ = {page_end};
    const pg::Lsn start = append(bytes);
    stop_at_ = {UINT64_MAX};
    position_ = {page_end};
    prev_ = before_;
    return start;
  }

  void switch_segment() {
    append(0, 0x40, 0, {});
    position_ = {(position_.value + kSegmentBytes - 1) / kSegmentBytes * kSegmentBytes};
  }

  // The next page says that it replaces the record begun before it.
  void overwrite_next_page() { next_page_flags_ = PageHeader::kFirstIsOverwrite; }
  void set_timeline(pg::TimelineId timeline) { timeline_ = timeline; }

  pg::Lsn position() const { return position_; }
  pg::SegmentName name(uint64_t number) const { return {timeline_, number}; }
  // A whole segment; what was not written is zero.
  Bytes& segment(uint64_t number) {
    Bytes& bytes = segments_[number];
    bytes.resize(kSegmentBytes);
    return bytes;
  }
  Bytes copy_of_segment(uint64_t number) const {
    const auto found = segments_.find(number);
    Bytes bytes = found == segments_.end() ? Bytes() : found->second;
    bytes.resize(kSegmentBytes);
    return bytes;
  }
  // A log of months: what was written before is not asked for again.
  void forget_before(uint64_t number) {
    segments_.erase(segments_.begin(), segments_.lower_bound(number));
  }
  std::byte& at(pg::Lsn lsn) {
    return segment(lsn.value / kSegmentBytes)[lsn.value % kSegmentBytes];
  }

  template <typename T>
  void put(pg::Lsn lsn, T value) {
    std::memcpy(&at(lsn), &value, sizeof value);
  }

 private:
  static void put_main_data(Bytes& record, ByteView data) {
    if (data.size() <= 255) {
      record.push_back(std::byte{255});
      record.push_back(static_cast<std::byte>(data.size()));
    } else {
      record.push_back(std::byte{254});
      const auto size = static_cast<uint32_t>(data.size());
      const auto* raw = reinterpret_cast<const std::byte*>(&size);
      record.insert(record.end(), raw, raw + 4);
    }
    record.insert(record.end(), data.begin(), data.end());
  }

 public:
  // `record` has room for its header, which is filled in.
  pg::Lsn append_raw(uint8_t rmgr, uint8_t info, pg::Xid xid, Bytes record) {
    const auto total = static_cast<uint32_t>(record.size());
    std::memcpy(record.data(), &total, 4);
    std::memcpy(record.data() + 4, &xid, 4);
    std::memcpy(record.data() + 8, &prev_, 8);
    record[16] = static_cast<std::byte>(info);
    record[17] = static_cast<std::byte>(rmgr);
    const ByteView view = record;
    const uint32_t crc = pg::crc32c(view.first(20), pg::crc32c(view.subspan(24)));
    std::memcpy(record.data() + 20, &crc, 4);
    return write(record);
  }

 private:
  pg::Lsn write(ByteView record) {
    if (position_.value % kWalPageBytes == 0) begin_page(0);
    const pg::Lsn start = position_;
    size_t written = 0;
    while (written < record.size()) {
      if (position_.value % kWalPageBytes == 0)
        begin_page(static_cast<uint32_t>(record.size() - written));
      const size_t left = kWalPageBytes - position_.value % kWalPageBytes;
      const size_t here = std::min(left, record.size() - written);
      for (size_t i = 0; i < here && position_ + i < stop_at_; ++i)
        at(position_ + i) = record[written + i];
      written += here;
      position_ = position_ + here;
    }
    position_.value = (position_.value + 7) & ~uint64_t{7};
    before_ = prev_;
    prev_ = start;
    return start;
  }

  void begin_page(uint32_t remaining) {
    const bool first = position_.value % kSegmentBytes == 0;
    const size_t size = first ? kLongHeaderBytes : kShortHeaderBytes;
    if (position_ < stop_at_) {
      uint16_t info = next_page_flags_;
      if (first) info |= PageHeader::kLong;
      if (remaining != 0) info |= PageHeader::kFirstIsContinuation;
      put(position_, magic_);
      put(position_ + 2, info);
      put(position_ + 4, timeline_.value);
      put(position_ + 8, position_.value);
      put(position_ + 16, remaining);
      if (first) {
        put(position_ + 24, kSystem.value);
        put(position_ + 32, kSegmentBytes);
        put(position_ + 36, static_cast<uint32_t>(kWalPageBytes));
      }
      next_page_flags_ = 0;
    }
    position_ = position_ + size;
  }

  std::map<uint64_t, Bytes> segments_;
  pg::TimelineId timeline_;
  uint16_t magic_;
  pg::Lsn position_;
  pg::Lsn prev_;
  pg::Lsn before_;
  pg::Lsn stop_at_{UINT64_MAX};
  uint16_t next_page_flags_ = 0;
};

}  // namespace walkback::wal
