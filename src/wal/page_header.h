// The header of each 8 KiB page of WAL (src/include/access/xlog_internal.h, XLogPageHeaderData).
//
//   magic u16, info u16, timeline u32, address u64, remaining u32, 4 bytes of padding
//   on the first page of a segment also: system identifier u64, segment bytes u32, page bytes u32
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "pg/types.h"

namespace walkback::wal {

constexpr size_t kWalPageBytes = 8192;  // XLOG_BLCKSZ, the only one supported
constexpr size_t kShortHeaderBytes = 24;
constexpr size_t kLongHeaderBytes = 40;

struct PageHeader {
  enum Flags : uint16_t {
    kFirstIsContinuation = 0x0001,
    kLong = 0x0002,
    kBackupRemovable = 0x0004,
    kFirstIsOverwrite = 0x0008,  // the record begun on the page before was never finished
    kAllFlags = 0x000F,
  };

  uint16_t magic = 0;
  uint16_t info = 0;
  pg::TimelineId timeline;
  pg::Lsn address;
  uint32_t remaining = 0;  // bytes of a record from earlier pages, from here on

  // On a long header.
  pg::SystemIdentifier system_identifier;
  uint32_t segment_bytes = 0;
  uint32_t page_bytes = 0;

  bool is_long() const { return info & kLong; }
  bool continues() const { return info & kFirstIsContinuation; }
  size_t bytes() const { return is_long() ? kLongHeaderBytes : kShortHeaderBytes; }
};

// Zeros for what lies beyond the end of `page`; nothing is judged.
PageHeader read_page_header(ByteView page);

}  // namespace walkback::wal
