#include "catalog/catalog_files_reader.h"

#include <optional>

#include "base/whole_number.h"
#include "pg/data_directory.h"
#include "pg/filenode_map.h"
#include "pg/versions.h"

namespace walkback::catalog {

namespace {

constexpr uint64_t kLargestMap = 8192;

void add_map(FileSystem& files, const std::string& directory, pg::Oid database,
             wal::CatalogFiles& found) {
  const Result<Bytes> bytes =
      read_file(files, join_path(directory, "pg_filenode.map"), kLargestMap);
  if (!bytes.ok()) return;
  const Result<std::vector<pg::MappedFile>> map = pg::parse_filenode_map(*bytes);
  if (map.ok()) found.add(database, *map);
}

// Of every database that has a directory in `parent`.
void add_maps(FileSystem& files, const std::string& parent, wal::CatalogFiles& found) {
  const Result<std::vector<DirectoryEntry>> entries = files.list(parent);
  if (!entries.ok()) return;
  for (const DirectoryEntry& entry : *entries) {
    const std::optional<pg::Oid> database = whole_number<pg::Oid>(entry.name);
    if (database) add_map(files, join_path(parent, entry.name), *database, found);
  }
}

}  // namespace

wal::CatalogFiles read_catalog_files(FileSystem& files, const std::string& pgdata,
                                     const pg::ControlFile& control) {
  wal::CatalogFiles found;
  add_map(files, join_path(pgdata, "global"), 0, found);
  add_maps(files, join_path(pgdata, "base"), found);
  const Result<pg::Version> version = pg::version_of_catalog(control.catalog_version);
  const std::string tablespaces = join_path(pgdata, "pg_tblspc");
  const Result<std::vector<DirectoryEntry>> links = files.list(tablespaces);
  if (!version.ok() || !links.ok()) return found;
  for (const DirectoryEntry& link : *links) {
    add_maps(
        files,
        join_path(join_path(tablespaces, link.name), pg::tablespace_version_directory(*version)),
        found);
  }
  return found;
}

}  // namespace walkback::catalog
