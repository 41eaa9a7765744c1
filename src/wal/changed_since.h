// What changed in relations' main forks since a moment, put together from what each segment says.
//
// WAL does not tell all: where it may not, whole relations, whole databases or everything counts as
// changed. Other forks and other files are not in here: changes of the free space map are not
// logged, and those of the visibility map not all by its own blocks (src/backend/access/heap).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "pg/types.h"
#include "wal/segment_summary.h"

namespace walkback::wal {

// Of one relation's main fork.
struct ChangedRelation {
  std::vector<uint32_t> blocks;  // ascending, all below `whole_from`
  // All from here on: its file was created or cut. What was cut off and came again as zeros is not
  // logged.
  uint32_t whole_from = UINT32_MAX;
};

class ChangedSince {
 public:
  explicit ChangedSince(int major) : major_(major) {}

  // In the order of the log; the segments need not be whole at either end. An error is a record
  // that cannot be read.
  Result<void> see(const SegmentSummary& summary);
  // After the last.
  void finish();

  // Why nothing of all this can be relied on: WAL was written that does not tell every change.
  const std::optional<std::string>& unreliable() const { return unreliable_; }
  // Nothing for one that did not change.
  const ChangedRelation* find(const RelationLocator& relation) const;
  // Its files were copied as files: WAL has none of its blocks.
  bool is_new_database(pg::Oid tablespace, pg::Oid database) const;

 private:
  struct Relation {
    ChangedRelation changed;
    size_t in_order = 0;  // so many blocks, from the first on, are there once and in order
  };
  Result<void> see_kept(const KeptRecord& kept);
  static void put_in_order(Relation& relation);

  int major_;
  std::map<RelationLocator, Relation> relations_;
  std::set<std::pair<pg::Oid, pg::Oid>> new_databases_;  // tablespace, database
  std::optional<std::string> unreliable_;
};

}  // namespace walkback::wal
