// Rows that WAL puts into PostgreSQL's own catalog: what databases, schemas and relations are
// called, and which file is whose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pg/types.h"
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
  char kind = 0;     // relkind: 'r' table, 'i' index, 't' TOAST, 'm' materialized view, …
  bool operator==(const CatalogRow&) const = default;
};

// Whether a record's first block may belong to one of these catalogs: cheap, and false for nearly
// all. Their files have these numbers since initdb, until somebody runs VACUUM FULL on a catalog
// itself: rows are then not seen.
inline constexpr pg::Oid kRelationCatalog = 1259;  // pg_class
inline constexpr pg::Oid kSchemaCatalog = 2615;    // pg_namespace
inline constexpr pg::Oid kDatabaseCatalog = 1262;  // pg_database
inline bool is_named_catalog(const RelationLocator& relation) {
  return relation.number == kRelationCatalog || relation.number == kSchemaCatalog ||
         relation.number == kDatabaseCatalog;
}

// `record` is a decoded one of the Heap resource manager. Nothing where the row is not all there:
// an update may log only what differs from the old row. Never an error: a name that is not known is
// shown as a number.
std::optional<CatalogRow> read_catalog_row(const Record& record, const DecodedRecord& decoded,
                                           int major);

// The database that DROP DATABASE marks as invalid, in place and whatever becomes of its
// transaction, before it removes the files (dropdb() in src/backend/commands/dbcommands.c, since
// 15.4, 14.9 and 13.12: datconnlimit is -2). The record's own xid may be 0. `decoded` is of a heap
// record of kind kHeapInplace.
std::optional<pg::Oid> database_marked_invalid(const DecodedRecord& decoded, int major);

}  // namespace walkback::wal
