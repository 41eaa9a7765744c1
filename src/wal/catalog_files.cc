#include "wal/catalog_files.h"

#include <algorithm>

namespace walkback::wal {

bool is_catalog_read(pg::Oid relation) {
  switch (relation) {
    case kRelationCatalog:
    case kRelationOidIndex:
    case kRelationNameIndex:
    case kRelationFileIndex:
    case kColumnCatalog:
    case kSchemaCatalog:
    case kDatabaseCatalog:
      return true;
    default:
      return false;
  }
}

void CatalogFiles::add(const std::vector<MovedCatalog>& moved) {
  for (const MovedCatalog& each : moved) add(each);
}

void CatalogFiles::add(const MovedCatalog& moved) {
  const auto at = std::ranges::lower_bound(
      moved_, std::pair(moved.database, moved.relation), {},
      [](const MovedCatalog& known) { return std::pair(known.database, known.relation); });
  const bool is_known =
      at != moved_.end() && at->database == moved.database && at->relation == moved.relation;
  if (is_known) {
    at->file = moved.file;
  } else if (moved.file != moved.relation) {
    moved_.insert(at, moved);
  }
}

void CatalogFiles::add(pg::Oid database, const std::vector<pg::MappedFile>& map) {
  for (const pg::MappedFile& mapped : map) add({database, mapped.relation, mapped.file});
}

pg::Oid CatalogFiles::relation_in(const RelationLocator& file) const {
  if (file.number < pg::kFirstUserOid) return file.number;
  const auto found = std::ranges::find_if(moved_, [&](const MovedCatalog& moved) {
    return moved.file == file.number && moved.database == file.database;
  });
  return found == moved_.end() ? 0 : found->relation;
}

}  // namespace walkback::wal
