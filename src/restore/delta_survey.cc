#include "restore/delta_survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/time_text.h"
#include "catalog/manifest.h"
#include "codec/frame.h"
#include "pg/data_directory.h"
#include "pg/versions.h"
#include "restore/delta_rules.h"
#include "restore/unfinished.h"
#include "restore/wal_to_keep.h"

namespace walkback::restore {

namespace {

constexpr std::string_view kTablespaces = "pg_tblspc";
constexpr std::string_view kControlFile = "global/pg_control";

// The names of a backup by their hashes: 16 bytes each, so that two million take 32 MB. That two
// names have one hash is not to be expected before 2^64 of them.
class BackupNames {
 public:
  static Result<BackupNames> load(store::ObjectStore& objects,
                                  const catalog::LineageLayout& lineage,
                                  const catalog::BackupId& backup) {
    BackupNames names;
    std::unique_ptr<catalog::ManifestReader> manifest =
        TRY(catalog::open_manifest(objects, lineage, backup));
    while (const std::optional<catalog::ManifestRecordEntry> entry = TRY(manifest->next_record())) {
      if (const auto* directory = std::get_if<catalog::ManifestDirectory>(&*entry)) {
        names.add(directory->name);
      } else if (const auto* file = std::get_if<catalog::ManifestRecord>(&*entry)) {
        names.add(file->name);
        // Where it lies beside one that was outside (materialize.cc).
        if (file->place == catalog::Place::kConfiguration) names.add(file->name + ".unused");
      }
    }
    std::ranges::sort(names.hashes_);
    return names;
  }

  bool contain(std::string_view name) const {
    return std::ranges::binary_search(hashes_, codec::hash_content(as_bytes(name)));
  }

 private:
  void add(std::string_view name) { hashes_.push_back(codec::hash_content(as_bytes(name))); }

  std::vector<codec::ContentHash> hashes_;
};

bool is_socket(std::string_view name) { return name.starts_with(".s.PGSQL."); }

class Survey {
 public:
  Survey(FileSystem& files, const catalog::WalArchive& archive, const BackupNames& names,
         const TargetLayout& layout, const pg::Version& version, DeltaSurvey& found)
      : files_(files),
        archive_(archive),
        names_(names),
        layout_(layout),
        version_(version),
        found_(found) {}

  Result<void> run() {
    TRY(look_into(layout_.data_directory, ""));
    TRY(look_at_wal());
    TRY(look_at_kept());
    return count_commits();
  }

 private:
  static std::string below(const std::string& directory, const std::string& name) {
    return directory.empty() ? name : directory + "/" + name;
  }

  Result<void> look_into(const std::string& path, const std::string& name) {
    for (const DirectoryEntry& entry : TRY(files_.list(path))) {
      TRY(look_at(join_path(path, entry.name), below(name, entry.name), entry));
    }
    return success();
  }

  Result<void> look_at(const std::string& path, const std::string& name,
                       const DirectoryEntry& entry) {
    if (name == "pg_wal" || name == kControlFile || path == mark_path(layout_.data_directory)) {
      return success();
    }
    const bool first_time = !found_.reused.pg_control.empty();
    if (first_time && entry.type == FileType::kRegular && is_configuration(name)) {
      found_.kept_configuration.push_back(name);
    }
    if (entry.type == FileType::kSymlink && is_tablespace(name)) return look_at_tablespace(name);
    if (entry.type == FileType::kDirectory && is_looked_into(name, version_)) {
      TRY(look_into(path, name));
    }
    const bool in_backup = names_.contain(name);
    if (entry.type == FileType::kRegular && in_backup) {
      const std::optional<FileInfo> info = TRY(files_.status(path));
      ++found_.files_there;
      found_.bytes_there += info ? info->size : 0;
    }
    // A link is not what the backup has under its name, unless it leads to a directory whose
    // contents no backup has.
    const bool replaced =
        in_backup && entry.type == FileType::kSymlink && !pg::contents_left_out(name);
    if (replaced || (!in_backup && goes_unless_in_backup(name, entry.type, version_))) {
      return goes(path, name, entry);
    }
    if (!in_backup && !is_socket(entry.name)) found_.left_alone.push_back(name);
    return success();
  }

  Result<void> goes(const std::string& path, const std::string& name, const DirectoryEntry& entry) {
    if (entry.type == FileType::kDirectory) {
      // Something in it may be left alone; then so is the directory.
      if (TRY(keeps_something(path, name))) {
        found_.left_alone.push_back(name);
        return success();
      }
    } else if (entry.type == FileType::kRegular) {
      const std::optional<FileInfo> info = TRY(files_.link_status(path));
      found_.bytes_going += info ? info->size : 0;
    }
    going_.insert(name);
    found_.goes.push_back(name);
    return success();
  }

  Result<bool> keeps_something(const std::string& path, const std::string& name) {
    for (const DirectoryEntry& entry : TRY(files_.list(path))) {
      if (!going_.contains(below(name, entry.name))) return true;
    }
    return false;
  }

  static bool is_tablespace(const std::string& name) {
    return name.starts_with(kTablespaces) && std::ranges::count(name, '/') == 1;
  }

  // Through the link, where the directory is used or nobody's any more; a link whose tablespace
  // goes elsewhere is only made anew.
  Result<void> look_at_tablespace(const std::string& name) {
    const std::string oid = name.substr(kTablespaces.size() + 1);
    const auto has_oid = [&](const Tablespace& t) { return std::to_string(t.oid) == oid; };
    const auto there = std::ranges::find_if(found_.reused.tablespaces, has_oid);
    const auto wanted = std::ranges::find_if(layout_.tablespaces, has_oid);
    const bool is_there = there != found_.reused.tablespaces.end();
    const bool is_wanted = wanted != layout_.tablespaces.end();
    const bool stays = is_there && is_wanted && wanted->location == there->location;
    if (is_there && (stays || !is_wanted)) {
      TRY(look_into(there->location, name));
    } else if (is_there) {
      found_.left_alone.push_back(there->location);
    }
    // One that is wanted elsewhere is made anew in one step (materialize.cc).
    if (is_wanted) return success();
    going_.insert(name);
    found_.goes.push_back(name);
    return success();
  }

  Result<void> look_at_wal() {
    const std::string& path = found_.reused.pg_wal;
    if (path.empty()) return success();
    for (const DirectoryEntry& entry : TRY(files_.list(path))) {
      const std::string file = join_path(path, entry.name);
      const std::string name = "pg_wal/" + entry.name;
      if (entry.type == FileType::kDirectory && pg::contents_left_out(name)) {
        for (const DirectoryEntry& inner : TRY(files_.list(file))) {
          if (inner.type != FileType::kDirectory) found_.goes.push_back(name + "/" + inner.name);
        }
        continue;
      }
      const WalFileUse use =
          entry.type == FileType::kRegular
              ? TRY_CONTEXT(judge_wal_file(files_, archive_, file, entry.name), name)
              : WalFileUse::kUnknown;
      if (use == WalFileUse::kKeep) {
        found_.kept_wal.push_back(entry.name);
      } else if (use == WalFileUse::kUnknown) {
        found_.left_alone.push_back(name);
      } else {
        TRY(goes(file, name, entry));
      }
    }
    return success();
  }

  Result<void> look_at_kept() {
    const std::string path = join_path(found_.kept_directory, "pg_wal");
    if (!TRY(files_.status(path))) return success();
    for (const DirectoryEntry& entry : TRY(files_.list(path))) {
      found_.kept_before.push_back(entry.name);
    }
    return success();
  }

  Result<void> count_commits() {
    std::vector<std::string> paths;
    for (const std::string& name : found_.kept_before) {
      paths.push_back(join_path(found_.kept_directory, "pg_wal/" + name));
    }
    for (const std::string& name : found_.kept_wal) {
      paths.push_back(join_path(found_.reused.pg_wal, name));
    }
    found_.kept_commits = TRY(count_kept_commits(files_, archive_, paths));
    return success();
  }

  FileSystem& files_;
  const catalog::WalArchive& archive_;
  const BackupNames& names_;
  const TargetLayout& layout_;
  const pg::Version& version_;
  DeltaSurvey& found_;
  std::set<std::string, std::less<>> going_;
};

}  // namespace

Result<std::string> choose_kept_directory(FileSystem& files, const std::string& data_directory,
                                          Timestamp now) {
  // "2026-11-25T12:44:07Z" as "20261125T124407Z".
  std::string when = to_iso_utc(now).substr(0, 19);
  std::erase_if(when, [](char c) { return c == '-' || c == ':'; });
  const std::string first = fmt::format("{}.kept/{}Z", data_directory, when);
  std::string name = first;
  for (int number = 2; TRY(files.link_status(name)); ++number) {
    name = fmt::format("{}-{}", first, number);
  }
  return name;
}

Result<DeltaSurvey> survey_directory(FileSystem& files, store::ObjectStore& objects,
                                     const catalog::WalArchive& archive,
                                     const catalog::BackupId& backup, const TargetLayout& layout,
                                     ReusedDirectory reused, const std::string& kept_directory) {
  DeltaSurvey found;
  found.kept_directory = reused.kept_directory.empty() ? kept_directory : reused.kept_directory;
  found.reused = std::move(reused);
  const pg::Version version = TRY(pg::version_of_major(archive.lineage().major));
  const BackupNames names = TRY(BackupNames::load(objects, archive.layout(), backup));
  TRY(Survey(files, archive, names, layout, version, found).run());
  return found;
}

}  // namespace walkback::restore
