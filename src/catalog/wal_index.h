// What is known of an archived segment without reading it.
//
// A host that encrypts to keys it does not have cannot read back what it archived. Its index,
// which it can read, is put before the segment and says what the segment's bytes are, and what they
// contain: whatever asks the WAL asks the indexes first.
#pragma once

#include <optional>

#include "base/result.h"
#include "codec/frame.h"
#include "store/object_store.h"
#include "wal/segment_summary.h"

namespace walkback::catalog {

struct WalIndex {
  codec::ContentHash segment_hash;  // of the segment as PostgreSQL wrote it
  std::optional<wal::SegmentSummary> summary;
  bool operator==(const WalIndex&) const = default;
};

// Whether a server says in there that it was started with other settings than the log knew,
// wal_level among them. Not known where the summary has no such record and does not say all.
enum class ChangesSettings { kYes, kNo, kNotKnown };
ChangesSettings changes_settings(const wal::SegmentSummary& summary);

// Durable on success. kAlreadyExists when there is one, whatever it says.
Result<store::PutOutcome> put_wal_index(store::ObjectStore& objects, const store::ObjectKey& key,
                                        const WalIndex& index);
// Nothing when there is none; kCorrupt when it is damaged.
Result<std::optional<WalIndex>> get_wal_index(store::ObjectStore& objects,
                                              const store::ObjectKey& key);

// For tests, benchmarks and fuzzing: the payload of the sealed object. Decoding hostile bytes takes
// memory in proportion to their number.
std::string encode_wal_index(const WalIndex& index);
std::optional<WalIndex> decode_wal_index(ByteView payload);

}  // namespace walkback::catalog
