#include "restore/reused_directory.h"

#include <fmt/format.h>

#include "base/whole_number.h"
#include "catalog/control_file_reader.h"
#include "restore/unfinished.h"

namespace walkback::restore {

namespace {

Result<std::vector<Tablespace>> linked_tablespaces(FileSystem& files,
                                                   const std::string& data_directory) {
  std::vector<Tablespace> found;
  const std::string links = join_path(data_directory, "pg_tblspc");
  const std::optional<FileInfo> there = TRY(files.link_status(links));
  if (!there || there->type != FileType::kDirectory) return found;
  for (const DirectoryEntry& entry : TRY(files.list(links))) {
    const std::optional<uint32_t> oid = whole_number<uint32_t>(entry.name);
    if (!oid || entry.type != FileType::kSymlink) continue;
    const std::string path = join_path(links, entry.name);
    const std::optional<FileInfo> target = TRY(files.status(path));
    if (!target || target->type != FileType::kDirectory) continue;
    found.push_back({*oid, TRY(files.canonical(path))});
  }
  return found;
}

Error of_another_cluster(const std::string& directory, pg::SystemIdentifier found,
                         pg::SystemIdentifier wanted) {
  return make_error(ErrorKind::kConflict,
                    fmt::format("{} belongs to another cluster: its system identifier is {}, the "
                                "backup's is {}",
                                directory, found.value, wanted.value),
                    "--delta goes on from a directory of the cluster that the backup is of; name "
                    "that, or an empty directory");
}

}  // namespace

std::vector<std::string> ReusedDirectory::directories(const std::string& data_directory) const {
  std::vector<std::string> all = {data_directory};
  for (const Tablespace& tablespace : tablespaces) all.push_back(tablespace.location);
  if (!pg_wal.empty()) all.push_back(pg_wal);
  return all;
}

Result<std::optional<ReusedDirectory>> look_at_reused(FileSystem& files,
                                                      const std::string& data_directory,
                                                      std::optional<pg::SystemIdentifier> wanted) {
  const std::optional<FileInfo> info = TRY(files.status(data_directory));
  if (!info || info->type != FileType::kDirectory || TRY(files.list(data_directory)).empty()) {
    return std::optional<ReusedDirectory>();
  }
  ReusedDirectory reused;
  if (TRY(files.status(join_path(data_directory, "global/pg_control")))) {
    catalog::ControlFileBytes control =
        TRY_CONTEXT(catalog::read_control_file(files, data_directory), data_directory);
    reused.system_identifier = control.control.system_identifier;
    reused.pg_control = std::move(control.bytes);
  } else if (const std::optional<UnfinishedMark> mark = TRY(read_mark(files, data_directory))) {
    reused.system_identifier = mark->system_identifier;
    reused.kept_directory = mark->kept_directory;
  } else if (TRY(is_unfinished_restore(files, data_directory))) {
    return unfinished_restore(files, data_directory);
  } else {
    return make_error(
        ErrorKind::kConflict,
        fmt::format("{} is not empty, and it is no data directory: it has no global/pg_control",
                    data_directory),
        "--delta goes on from a data directory of the cluster that the backup is of; name that, or "
        "an empty directory");
  }
  if (wanted && reused.system_identifier != *wanted) {
    return of_another_cluster(data_directory, reused.system_identifier, *wanted);
  }
  reused.tablespaces = TRY(linked_tablespaces(files, data_directory));
  const std::string pg_wal = join_path(data_directory, "pg_wal");
  const std::optional<FileInfo> wal = TRY(files.status(pg_wal));
  if (wal && wal->type == FileType::kDirectory) reused.pg_wal = TRY(files.canonical(pg_wal));
  return std::optional(std::move(reused));
}

}  // namespace walkback::restore
