// Verifies the checksums of pages that a running server may be writing at this moment.
//
// A page read while it was written is torn and fails; read again a moment later it is whole. A page
// that fails every time is damaged, unless replay will replace it: that depends on where the backup
// stops.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "pg/types.h"

namespace walkback::pipeline {

// Pages with an LSN behind the backup's start have a full image in the WAL that will be replayed,
// if their LSN is one of this WAL's at all. One this far ahead is not, wherever the backup stops:
// no server writes that much during one backup.
inline constexpr uint64_t kMostWalDuringBackup = uint64_t{1} << 46;  // 64 TiB

struct PagesToVerify {
  uint64_t file_offset = 0;     // of the first page in `pages`
  uint32_t relation_block = 0;  // its number within the relation fork, which its checksum covers
  MutableBytes pages;           // whole pages; those read again are replaced
};

// Replay mends it if its LSN is not behind the backup's stop.
struct DoubtfulPage {
  uint32_t index = 0;  // into `pages`
  pg::Lsn lsn;
};

struct PageVerdicts {
  std::vector<uint32_t> bad;           // indexes into `pages`, in order
  std::vector<DoubtfulPage> doubtful;  // in order
  uint64_t bytes_read_again = 0;
};

// A page with this LSN was changed after a backup's start, by WAL that its restore replays if it
// was written at all.
bool replay_may_mend(pg::Lsn lsn, pg::Lsn start);

// Sleeps on `clock` between readings, for a sixteenth of a second in all when a page goes on
// failing.
Result<PageVerdicts> verify_pages(File& file, const PagesToVerify& what, pg::Lsn start_lsn,
                                  Clock& clock);

}  // namespace walkback::pipeline
