// Which files hold the relations of PostgreSQL's own catalog.
#pragma once

#include <compare>
#include <vector>

#include "pg/filenode_map.h"
#include "pg/types.h"
#include "wal/record.h"

namespace walkback::wal {

// Those that this program looks into, as src/include/catalog/*.h number them.
inline constexpr pg::Oid kRelationCatalog = 1259;    // pg_class
inline constexpr pg::Oid kRelationOidIndex = 2662;   // pg_class_oid_index
inline constexpr pg::Oid kRelationNameIndex = 2663;  // pg_class_relname_nsp_index
inline constexpr pg::Oid kRelationFileIndex = 3455;  // pg_class_tblspc_relfilenode_index
inline constexpr pg::Oid kColumnCatalog = 1249;      // pg_attribute
inline constexpr pg::Oid kSchemaCatalog = 2615;      // pg_namespace
inline constexpr pg::Oid kDatabaseCatalog = 1262;    // pg_database
bool is_catalog_read(pg::Oid relation);

// One that got another file than initdb gave it, which has the relation's own number: VACUUM FULL,
// CLUSTER, REINDEX SYSTEM.
struct MovedCatalog {
  pg::Oid database = 0;  // 0: shared by all
  pg::Oid relation = 0;
  pg::Oid file = 0;  // relfilenode
  auto operator<=>(const MovedCatalog&) const = default;
};

class CatalogFiles {
 public:
  CatalogFiles() = default;
  explicit CatalogFiles(const std::vector<MovedCatalog>& moved) { add(moved); }

  // What is known of a relation already is replaced.
  void add(const std::vector<MovedCatalog>& moved);
  void add(const MovedCatalog& moved);
  // `database`'s map, or with 0 the one of what is shared.
  void add(pg::Oid database, const std::vector<pg::MappedFile>& map);

  // 0 for the file of any other relation.
  pg::Oid relation_in(const RelationLocator& file) const;
  // In order.
  const std::vector<MovedCatalog>& moved() const { return moved_; }

 private:
  std::vector<MovedCatalog> moved_;
};

}  // namespace walkback::wal
