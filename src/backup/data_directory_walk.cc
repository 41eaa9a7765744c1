#include "backup/data_directory_walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "backup/links.h"
#include "base/whole_number.h"
#include "pg/data_directory.h"
#include "pg/versions.h"

namespace walkback::backup {

namespace {

constexpr std::string_view kTablespaces = "pg_tblspc";
constexpr std::string_view kControlFile = "global/pg_control";
// Configuration is text that people write; anything larger in its directory is something else.
constexpr uint64_t kLargestConfigurationFile = 1 << 20;

std::string below(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

// unix_socket_directories may name the data directory, as a recovered copy's does: nobody misses a
// socket in a backup.
bool is_socket_of_a_server(const std::string& name) { return name.starts_with(".s.PGSQL."); }

bool vanished(const Error& error) { return error.kind == ErrorKind::kMissing; }

}  // namespace

DataDirectoryWalk::DataDirectoryWalk(FileSystem& files, std::string pgdata,
                                     const pg::ControlFile& control, DirectorySink directories,
                                     Progress& progress)
    : files_(files),
      pgdata_(std::move(pgdata)),
      control_(control),
      version_(pg::version_of_catalog(control.catalog_version).value()),
      directories_(std::move(directories)),
      progress_(progress),
      to_enter_{{pgdata_, ""}} {}

Result<std::optional<pipeline::SourceFile>> DataDirectoryWalk::next() {
  while (ready_.empty()) {
    if (position_ < entries_.size()) {
      TRY(add_entry(entries_[position_++]));
    } else if (!TRY(enter_next())) {
      return std::optional<pipeline::SourceFile>();
    }
  }
  pipeline::SourceFile file = std::move(ready_.back());
  ready_.pop_back();
  return std::optional(std::move(file));
}

// False when there is no directory left.
Result<bool> DataDirectoryWalk::enter_next() {
  entries_.clear();
  position_ = 0;
  if (to_enter_.empty()) return false;
  current_ = std::move(to_enter_.back());
  to_enter_.pop_back();
  if (current_.name == kTablespaces) {
    TRY(enter_tablespaces());
    return true;
  }
  Result<std::vector<DirectoryEntry>> entries = files_.list(current_.path);
  if (!entries.ok()) {
    // DROP DATABASE may remove it under us; the WAL tells replay so.
    if (vanished(entries.error()) && !current_.name.empty()) return true;
    return std::move(entries).error();
  }
  entries_ = *std::move(entries);
  unlogged_ = {};
  for (const DirectoryEntry& entry : entries_) unlogged_.add(entry.name);
  return true;
}

Result<void> DataDirectoryWalk::add_entry(const DirectoryEntry& entry) {
  const std::string path = join_path(current_.path, entry.name);
  const std::string name = below(current_.name, entry.name);
  if (name == kControlFile || pg::left_out(name) || unlogged_.leaves_out(entry.name)) {
    return success();
  }
  switch (entry.type) {
    case FileType::kRegular:
      return add_file(path, name);
    case FileType::kDirectory:
      return add_directory(path, name);
    case FileType::kSymlink:
      return add_link(path, name);
    case FileType::kOther:
      if (is_socket_of_a_server(entry.name)) return success();
      progress_.note(fmt::format("left out: {} is neither a file nor a directory", name));
      return success();
  }
  return success();
}

// pg_wal may be a link to another disk, and so may a configuration file or the log directory.
Result<void> DataDirectoryWalk::add_link(const std::string& path, const std::string& name) {
  const Link link = TRY(judge_link(files_, path, name));
  switch (link.kind) {
    case LinkKind::kFile:
      return add_file(path, name);
    case LinkKind::kEmptiedDirectory:
      return add_directory(path, name);
    case LinkKind::kForeign:
      progress_.note(fmt::format("left out: {} is a symbolic link to {}", name, link.target));
      return success();
    case LinkKind::kGone:
      return success();
  }
  return success();
}

Result<void> DataDirectoryWalk::add_directory(const std::string& path, const std::string& name) {
  const std::optional<FileInfo> info = TRY(files_.status(path));
  if (!info) return success();
  TRY(directories_({name, info->mode}));
  if (!pg::contents_left_out(name)) {
    to_enter_.push_back({path, name});
    return success();
  }
  // pg_wal's own directories stay; a starting server wants them.
  for (const DirectoryEntry& entry : TRY(files_.list(path))) {
    const std::string child = below(name, entry.name);
    if (entry.type == FileType::kDirectory && pg::contents_left_out(child)) {
      TRY(directories_({child, info->mode}));
    }
  }
  return success();
}

Result<void> DataDirectoryWalk::add_file(const std::string& path, const std::string& name) {
  const std::optional<FileInfo> info = TRY(files_.status(path));
  if (!info) return success();
  pipeline::SourceFile file;
  file.path = path;
  file.name = name;
  file.mode = info->mode;
  file.modified = info->modified;
  file.size_hint = info->size;
  file.relation = page_check(name);
  ready_.push_back(std::move(file));
  return success();
}

std::optional<pipeline::PageCheck> DataDirectoryWalk::page_check(std::string_view name) const {
  const std::optional<pg::RelationFile> relation = pg::parse_relation_path(name, version_);
  if (!relation) return std::nullopt;
  return pipeline::PageCheck{relation->name.segment * control_.relation_segment_blocks,
                             control_.checksums_enabled()};
}

// A tablespace is a link to a directory in which this version has one of its own.
Result<void> DataDirectoryWalk::enter_tablespaces() {
  for (const DirectoryEntry& entry : TRY(files_.list(current_.path))) {
    const std::string path = join_path(current_.path, entry.name);
    const std::string name = below(current_.name, entry.name);
    const std::optional<pg::Oid> oid = whole_number<pg::Oid>(entry.name);
    if (!oid) continue;
    if (entry.type == FileType::kDirectory) {  // allow_in_place_tablespaces
      TRY(add_directory(path, name));
      continue;
    }
    if (entry.type != FileType::kSymlink) continue;
    Result<std::string> location = files_.canonical(path);
    if (!location.ok()) {
      if (vanished(location.error())) continue;
      return std::move(location).error();
    }
    tablespaces_.push_back({*oid, *location});
    const std::string version_directory = pg::tablespace_version_directory(version_);
    TRY(add_directory(join_path(path, version_directory), below(name, version_directory)));
  }
  return success();
}

Result<void> DataDirectoryWalk::add_configuration(const ConfigurationFiles& configuration) {
  const std::string home = TRY(files_.canonical(pgdata_));
  if (configuration.config_file.empty()) return success();
  const std::string directory = parent_path(TRY(files_.canonical(configuration.config_file)));
  auto outside = [&](const std::string& path) {
    return !path.empty() && parent_path(path) != home && parent_path(path) != pgdata_;
  };
  if (directory != home) {
    for (const DirectoryEntry& entry : TRY(files_.list(directory))) {
      if (entry.type != FileType::kDirectory) {
        TRY(add_configuration_file(join_path(directory, entry.name), entry.name));
        continue;
      }
      // conf.d and its like: what include_dir reads.
      const std::string included = join_path(directory, entry.name);
      Result<std::vector<DirectoryEntry>> inner = files_.list(included);
      if (!inner.ok()) continue;
      for (const DirectoryEntry& file : *inner) {
        TRY(add_configuration_file(join_path(included, file.name), entry.name + "/" + file.name));
      }
    }
    // It is found by its fixed name in a restored directory, whatever it was called here.
    if (file_name(configuration.config_file) != "postgresql.conf") {
      TRY(add_configuration_file(configuration.config_file, "postgresql.conf"));
    }
  }
  auto add_named = [&](const std::string& path, const std::string& name) -> Result<void> {
    if (!outside(path)) return success();
    const bool already =
        parent_path(TRY(files_.canonical(path))) == directory && file_name(path) == name;
    return already ? success() : add_configuration_file(path, name);
  };
  TRY(add_named(configuration.hba_file, "pg_hba.conf"));
  return add_named(configuration.ident_file, "pg_ident.conf");
}

Result<void> DataDirectoryWalk::add_configuration_file(const std::string& path,
                                                       const std::string& name) {
  const std::optional<FileInfo> info = TRY(files_.status(path));
  if (!info || info->type != FileType::kRegular || !name.ends_with(".conf")) return success();
  if (info->size > kLargestConfigurationFile) return success();
  if (Result<std::unique_ptr<File>> readable = files_.open_read(path); !readable.ok()) {
    progress_.note(fmt::format("left out: {}", readable.error().message));
    return success();
  }
  pipeline::SourceFile file;
  file.path = path;
  file.name = std::string(kConfigurationPrefix) + name;
  file.mode = info->mode;
  file.modified = info->modified;
  file.size_hint = info->size;
  ready_.push_back(std::move(file));
  return success();
}

}  // namespace walkback::backup
