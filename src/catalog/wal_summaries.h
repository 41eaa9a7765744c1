// What a stretch of WAL contained, segment by segment: from the indexes, many at a time, for
// whatever asks about a long time.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "wal/segment_summary.h"

namespace walkback::catalog {

struct KnownSegment {
  pg::SegmentName name;
  pg::Lsn end;  // of what counts of it: its end, or where its timeline was left
  // Nothing where `unknown` says why; one with a `problem` or an unknown first record is not all.
  std::optional<wal::SegmentSummary> summary;
  std::string unknown;
  bool denied = false;        // and that is that no private key at hand opens the segment
  bool from_segment = false;  // its index would not do, and the segment itself was read
};

// What an index must say all of: SegmentSummary's says_all(), says_all_blocks().
enum class AllOf { kRecords, kBlocks };

// What is known of segment `number`, which must be in the archive. An index that is missing,
// damaged, of a newer program or incomplete is made up for by its segment where a key at hand opens
// that; otherwise what is there is given. Errors are those of reaching the repository.
Result<KnownSegment> read_summary(const WalArchive& archive, const WalChain& chain, uint64_t number,
                                  AllOf wanted = AllOf::kRecords);

struct SummaryReading {
  size_t at_once;
  AllOf wanted = AllOf::kRecords;
};

// The same for each segment of the chain in [first, last]: calls `visit`, on the calling thread, in
// their order, until it says false. Memory: `at_once` summaries twice.
Result<void> read_summaries(const WalArchive& archive, const WalChain& chain, uint64_t first,
                            uint64_t last, SummaryReading how, std::stop_token stop,
                            const std::function<bool(const KnownSegment&)>& visit);

}  // namespace walkback::catalog
