// Rows that WAL puts into PostgreSQL's own catalog: what databases, schemas and relations are
// called, and which file is whose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pg/types.h"
#include "wal/catalog_files.h"
#include "wal/record.h"

namespace walkback::wal {

// A row of pg_class, pg_namespace or pg_database as an insert or an update left it. Whether its
// transaction committed is not known here.
struct CatalogRow {
  enum class Of : uint8_t { kRelation = 1, kSchema = 2, kDatabase = 3 };
  Of of = Of::kRelation;
  pg::Lsn start;  // of the record
  pg::Xid xid = 0;
  pg::Oid database = 0;  // in whose catalog it stands; 0 for a database
  pg::Oid oid = 0;
  std::string name;
  // Of a relation:
  pg::Oid schema = 0;
  pg::Oid tablespace = 0;  // 0: the database's own
  pg::Oid file = 0;  // relfilenode; 0 for one without, and for those that pg_filenode.map names
  char kind = 0;  // relkind: 'r' table, 'i' index, 't' TOAST, 'm' materialized view, …; 0: not said
  bool is_update = false;  // the relation was there before
  bool operator==(const CatalogRow&) const = default;
};

// `record` is a decoded one of the Heap resource manager, and its first block one of `catalog`:
// pg_class, pg_namespace or pg_database. Nothing where the row is not all there: an update may log
// only what differs from the old row (catalog_row_parts.h). Never an error: a name that is not
// known is shown as a number.
std::optional<CatalogRow> read_catalog_row(const Record& record, const DecodedRecord& decoded,
                                           pg::Oid catalog, int major);

// Where a row stands in its table: the block, and its line pointer there.
struct RowPlace {
  uint32_t block = 0;
  uint16_t number = 0;
  auto operator<=>(const RowPlace&) const = default;
};

// Of the row that such a record leaves; nothing for one that leaves none.
std::optional<RowPlace> place_of_new_row(const Record& record, const DecodedRecord& decoded);

// The relkind in an update of pg_class that logs only what differs, where that is in what it logs.
std::optional<char> logged_relation_kind(const Record& record, const DecodedRecord& decoded,
                                         int major);

// The database that DROP DATABASE marks as invalid, in place and whatever becomes of its
// transaction, before it removes the files (dropdb() in src/backend/commands/dbcommands.c, since
// 15.4, 14.9 and 13.12: datconnlimit is -2). The record's own xid may be 0. `decoded` is of a heap
// record of kind kHeapInplace.
std::optional<pg::Oid> database_marked_invalid(const DecodedRecord& decoded, int major);

}  // namespace walkback::wal
