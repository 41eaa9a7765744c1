// `walkback index`: whether every archived segment has an index that says all of it, and the sign
// beside it that it needs; and making those again that have not.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "store/object_store.h"

namespace walkback::archive {

struct WalIndexOptions {
  std::string cluster;
  bool rebuild = false;  // those that do not say all; needs an owner's private key
  bool all = false;      // and the others too
};

struct WalIndexReport {
  uint64_t segments = 0;
  uint64_t whole = 0;  // as they were found, like the next three
  // Of the whole ones: whose first record began in a segment that is not archived, as that of the
  // first one does. No index can say it.
  uint64_t begin_unknown = 0;
  uint64_t missing = 0;     // with those that a program made which knew less
  uint64_t damaged = 0;     // or not readable by this program
  uint64_t incomplete = 0;  // it says up to where, or that it lacks its first record
  // The index says all, and its segment's sign of changed settings is missing, damaged or without
  // reason: without it `list` takes WAL of wal_level=minimal for WAL that can be recovered.
  uint64_t wrong_sign = 0;
  uint64_t rebuilt = 0;
  // When all was done: the first two of those above.
  uint64_t whole_now = 0;
  uint64_t begin_unknown_now = 0;
  // Made again, and still not all: the segment itself holds no more, or what comes before it is not
  // in the archive.
  uint64_t still_incomplete = 0;
  // Segments between others of their timeline that are not in the archive, and the first of them.
  uint64_t not_archived = 0;
  std::string first_not_archived;
  std::vector<std::string> failed;  // segments that could not be read, and why
};

// Of every lineage and timeline. A segment that cannot be read is in `failed`, and the next one
// follows.
Result<WalIndexReport> run_wal_index(const WalIndexOptions& options, store::ObjectStore& objects,
                                     Progress& progress, std::stop_token stop);

}  // namespace walkback::archive
