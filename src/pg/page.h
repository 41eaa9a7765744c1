// Relation pages: what their header says and whether their checksum holds
// (src/include/storage/bufpage.h, src/include/storage/checksum_impl.h). Pages are kPageBytes long.
// Pure and thread-safe.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "pg/types.h"

namespace walkback::pg {

constexpr size_t kPageBytes = 8192;                  // BLCKSZ, the only one supported
constexpr uint32_t kRelationSegmentBlocks = 131072;  // RELSEG_SIZE by default: files of 1 GiB

// The end of the last WAL record that changed the page.
Lsn page_lsn(ByteView page);

// Every byte zero: the relation was extended and the page never written. Such pages have no
// checksum.
bool is_new(ByteView page);

// What pd_checksum must hold. `block_number` counts from the relation's first segment, because a
// page in the wrong place is damage too.
uint16_t page_checksum(ByteView page, uint32_t block_number);

enum class PageVerdict {
  kNew,    // all zero
  kOk,     // the checksum holds
  kNewer,  // changed after `not_after`: it may be torn, replay replaces it, so it is not judged
  kBad,    // read it again; if it stays bad, it is corrupt
};

// Only for clusters with checksums. `not_after` is where replay will begin (a backup's start LSN):
// what changed after it has a full image in WAL.
PageVerdict verify_page(ByteView page, uint32_t block_number, Lsn not_after);

}  // namespace walkback::pg
