// How many rows each relation file holds, as far as the WAL that was seen and statistics tell.
// Pure: fed in the order of the log.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "find/relation_names.h"
#include "pg/types.h"
#include "wal/record.h"

namespace walkback::find {

class LiveRows {
 public:
  // The log was read up to here: statistics that were looked up before it are counted on from.
  void pass(pg::Lsn lsn, const RelationNames& names);
  // A file came into being. `is_copy`: with its database, and then it had rows from the start.
  void create(const wal::RelationLocator& file, bool is_copy);
  void add(const wal::RelationLocator& file, int64_t rows) { seen_[file] += rows; }
  // The rows of one went on in another: by pages, or one by one. Either way what counts is what
  // there was.
  void move(const wal::RelationLocator& from, const wal::RelationLocator& to);
  // It may hold what another held.
  void forget_creation(const wal::RelationLocator& file) { created_.erase(file); }

  // What a file held at `lsn`, which is where the log was read up to; -1 when not known.
  int64_t of(const wal::RelationLocator& file, pg::Lsn lsn, const RelationNames& names) const;

 private:
  // Inserted less deleted.
  using Rows = std::map<wal::RelationLocator, int64_t>;

  Rows seen_;
  std::map<pg::Lsn, Rows> seen_at_;         // as it was where names were looked up
  std::set<wal::RelationLocator> created_;  // with all their rows seen
};

}  // namespace walkback::find
