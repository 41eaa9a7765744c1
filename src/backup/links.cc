#include "backup/links.h"

#include <fmt/format.h>

#include "pg/data_directory.h"

namespace walkback::backup {

namespace {

constexpr std::string_view kTablespaces = "pg_tblspc";

Error refusal(const std::string& path, const std::string& name, const std::string& target,
              bool leads_nowhere) {
  if (leads_nowhere) {
    return make_error(
        ErrorKind::kUnsupported,
        fmt::format("{} in the data directory is a symbolic link to {}, which is not there", name,
                    target),
        "mount the disk that it lies on, or remove the link if nothing needs it");
  }
  return make_error(
      ErrorKind::kUnsupported,
      fmt::format("{} in the data directory is a symbolic link to the directory {}: a backup "
                  "without what is in it could not be restored",
                  name, target),
      fmt::format("stop the server and move {0} to {1}; if it must stay on that disk, mount it at "
                  "{1}, or make it a tablespace",
                  target, path));
}

Result<void> judge_links_in(FileSystem& files, const std::string& directory,
                            const std::string& name) {
  const Result<std::vector<DirectoryEntry>> entries = files.list(directory);
  // DROP DATABASE, or a tablespace this version has nothing in.
  if (!entries.ok() && entries.error().kind == ErrorKind::kMissing) return success();
  if (!entries.ok()) return entries.error();
  for (const DirectoryEntry& entry : *entries) {
    const std::string inner = name.empty() ? entry.name : name + "/" + entry.name;
    if (entry.type != FileType::kSymlink || pg::left_out(inner)) continue;
    TRY(judge_link(files, join_path(directory, entry.name), inner));
  }
  return success();
}

}  // namespace

Result<Link> judge_link(FileSystem& files, const std::string& path, const std::string& name) {
  Result<std::string> read = files.read_symlink(path);
  if (!read.ok() && read.error().kind == ErrorKind::kMissing) return Link{};
  const std::string target = TRY(std::move(read));
  const std::optional<FileInfo> there = TRY(files.status(path));
  if (there && there->type == FileType::kRegular) return Link{LinkKind::kFile, target};
  if (there && there->type == FileType::kDirectory && pg::contents_left_out(name)) {
    return Link{LinkKind::kEmptiedDirectory, target};
  }
  if (!pg::is_postgresqls_own(name)) return Link{LinkKind::kForeign, target};
  // It may have been removed between the two looks.
  if (!there && !TRY(files.link_status(path))) return Link{};
  return refusal(path, name, target, !there);
}

Result<void> refuse_linked_directories(FileSystem& files, const std::string& pgdata,
                                       const pg::Version& version) {
  TRY(judge_links_in(files, pgdata, ""));
  for (const DirectoryEntry& entry : TRY(files.list(pgdata))) {
    if (entry.type != FileType::kDirectory || entry.name == kTablespaces ||
        !pg::is_postgresqls_own(entry.name) || pg::contents_left_out(entry.name)) {
      continue;
    }
    TRY(judge_links_in(files, join_path(pgdata, entry.name), entry.name));
  }
  const std::string inside = pg::tablespace_version_directory(version);
  const std::string tablespaces = join_path(pgdata, kTablespaces);
  for (const DirectoryEntry& tablespace : TRY(files.list(tablespaces))) {
    // Other names are no tablespaces (do_pg_backup_start() in src/backend/access/transam/xlog.c).
    if (tablespace.name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string name = fmt::format("{}/{}/{}", kTablespaces, tablespace.name, inside);
    TRY(judge_links_in(files, join_path(pgdata, name), name));
  }
  return success();
}

}  // namespace walkback::backup
