// Which rows one transaction changed, and where they lie: told from its WAL records alone. Pure.
//
// The WAL of a DELETE or UPDATE has no old row in it, but where that lay: block and line pointer. A
// server that stands just before the transaction's commit has it there still, for nothing prunes,
// moves or freezes what a running transaction has deleted.
//
// What counts is the net effect. A row that was updated twice was updated once, from its first
// version to its last; one that was inserted and deleted again never was. A row that an UPDATE
// moved to another partition is, for PostgreSQL and here, deleted in the one and inserted into the
// other.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "pg/types.h"
#include "wal/record.h"
#include "wal/record_reader.h"

namespace walkback::undo {

// A row version's place: ctid.
struct Tid {
  uint32_t block = 0;
  uint16_t offset = 0;  // counts from 1
  auto operator<=>(const Tid&) const = default;
  std::string text() const;  // "(0,1)", as PostgreSQL prints it
};

// Deleted where it only was, inserted where it only is, updated where both.
struct ChangedRow {
  std::optional<Tid> was;  // as the transaction found it
  std::optional<Tid> now;  // as it left it
  auto operator<=>(const ChangedRow&) const = default;
};

// Memory: some 60 bytes for each row of the transaction.
class RowChanges {
 public:
  // `xids` are the transaction's and those of its subtransactions that committed with it: what
  // others wrote, savepoints that were rolled back among them, is passed over.
  RowChanges(std::set<pg::Xid> xids, int major) : xids_(std::move(xids)), major_(major) {}

  // In the order of the log. kCorrupt for a record that is not what this program takes it for.
  Result<void> see(const wal::Record& record);

  // In the order in which rows lie: those that were, by where they were, then those inserted.
  std::vector<ChangedRow> of(const wal::RelationLocator& file) const;

 private:
  using Place = uint64_t;  // of a Tid: block and offset in one
  struct File {
    // Versions that the transaction wrote and has not replaced: what stood at their beginning.
    std::unordered_map<Place, std::optional<Place>> written;
    std::vector<Place> deleted;  // that were there before it
  };

  Result<void> see_heap(const wal::Record& record, File& file);
  Result<void> see_multi_insert(const wal::Record& record, File& file);

  const std::set<pg::Xid> xids_;
  const int major_;
  wal::DecodedRecord decoded_;
  std::map<wal::RelationLocator, File> files_;
};

}  // namespace walkback::undo
