// What of a page may change although no WAL record says so.
//
// Hint bits, killed index entries and a few more are set without WAL where neither data checksums
// nor wal_log_hints are on, and on a standby always: after a failover, or in a recovered copy, a
// page may have others than the old primary's, with checksums too. Everything else of a page is
// what its WAL made of it. Follows the mask functions of PostgreSQL 13 to 18, which compare a
// replayed page with the primary's: src/backend/access/common/bufmask.c, heap_mask() in heapam.c,
// btree_mask() in nbtxlog.c, and so on. Pure and thread-safe.
#pragma once

#include "base/bytes.h"

namespace walkback::pg {

// Makes alike what is the same to WAL. `page` has kPageBytes; any bytes will do. The LSN and the
// checksum go too. Of which access method a page is, it says itself, in its special space.
void mask_unlogged(MutableBytes page);

}  // namespace walkback::pg
