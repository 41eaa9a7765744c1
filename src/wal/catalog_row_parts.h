// Rows of pg_class whose records do not have them whole, from their index entries.
//
// An update may log only what differs from the old row (log_heap_update() in
// src/backend/access/heap/heapam.c): of TRUNCATE, the number of the new file and not whose it is.
// But the relation's name, its oid and its file are columns of three indexes, and whoever changes
// one of them enters the row anew into all three (heap_update(): no HOT), with the oid in the
// first, the name in the second and the file in the third.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/bytes.h"
#include "pg/types.h"
#include "wal/catalog_rows.h"
#include "wal/record.h"

namespace walkback::wal {

struct CatalogRowPart {
  pg::Lsn start;  // of the record
  pg::Xid xid = 0;
  pg::Oid database = 0;
  RowPlace place;
  std::optional<pg::Oid> oid;
  std::optional<char> kind;
  struct Name {
    pg::Oid schema = 0;
    std::string name;
    bool operator==(const Name&) const = default;
  };
  std::optional<Name> name;
  struct File {
    pg::Oid tablespace = 0;
    pg::Oid number = 0;
    bool operator==(const File&) const = default;
  };
  std::optional<File> file;
  bool operator==(const CatalogRowPart&) const = default;
};

// Puts them together. Of one log, in its order.
class CatalogRowParts {
 public:
  // A row that needs none: its entries say nothing more.
  void is_whole(pg::Xid xid, pg::Oid database, RowPlace place);
  // More of a row that is known by parts, or the first of them. The row, once it is all there.
  std::optional<CatalogRow> add(const CatalogRowPart& part);
  // `record` is of the Btree resource manager, and its first block one of `index`, an index of
  // pg_class.
  std::optional<CatalogRow> add_entries(const Record& record, const DecodedRecord& decoded,
                                        pg::Oid index);
  // Nobody will say more of that transaction's.
  void forget(pg::Xid xid);
  void clear() { rows_.clear(); }
  // Those that are not all there, in the order in which they began.
  std::vector<CatalogRowPart> unfinished() const;

 private:
  using Key = std::tuple<pg::Xid, pg::Oid, RowPlace>;
  // Nothing: it is whole.
  std::map<Key, std::optional<CatalogRowPart>> rows_;
};

}  // namespace walkback::wal
