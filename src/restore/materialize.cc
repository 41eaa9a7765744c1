#include "restore/materialize.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "ondemand/file_source.h"
#include "pg/data_directory.h"
#include "pipeline/copy_out.h"
#include "restore/replayed_tablespaces.h"
#include "restore/unfinished.h"

namespace walkback::restore {

namespace {

constexpr uint32_t kDirectoryMode = 0700;
constexpr uint32_t kFileMode = 0600;
constexpr std::string_view kTablespaces = "pg_tblspc/";

// Where a name of the manifest lies in the new layout.
class Places {
 public:
  explicit Places(const TargetLayout& layout) : layout_(layout) {}

  // "pg_tblspc/16390/PG_15_202209061/5/16391" goes to that tablespace's own directory, by its path
  // and not through its link.
  std::string path_of(const std::string& name) const {
    if (name.starts_with(kTablespaces)) {
      uint32_t oid = 0;
      const char* begin = name.data() + kTablespaces.size();
      const char* end = name.data() + name.size();
      const char* rest = std::from_chars(begin, end, oid).ptr;
      for (const Tablespace& tablespace : layout_.tablespaces) {
        if (tablespace.oid != oid) continue;
        if (rest == end) return tablespace.location;
        if (*rest == '/') return join_path(tablespace.location, std::string(rest + 1, end));
      }
    }
    return join_path(layout_.data_directory, name);
  }

 private:
  const TargetLayout& layout_;
};

// Follows the manifest: makes directories as they come, hands out files.
class ManifestFiles final : public pipeline::TargetSource {
 public:
  ManifestFiles(catalog::ManifestReader& manifest, const TargetLayout& layout, Onto onto,
                Fetch fetch, FileSystem& files)
      : manifest_(manifest),
        layout_(layout),
        places_(layout),
        onto_(onto),
        fetch_(fetch),
        files_(files) {}

  Result<std::optional<pipeline::TargetFile>> next() override {
    while (std::optional<catalog::ManifestRecordEntry> entry = TRY(manifest_.next_record())) {
      if (auto* directory = std::get_if<catalog::ManifestDirectory>(&*entry)) {
        TRY(make(*directory));
      } else if (auto* file = std::get_if<catalog::ManifestRecord>(&*entry)) {
        // Of another recovery, which was ended after its last step but one.
        if (join_path(layout_.data_directory, file->name) == mark_path(layout_.data_directory)) {
          continue;
        }
        if (comes_later(*file)) {
          TRY(make_empty(*file));
          continue;
        }
        return std::optional(TRY(target_of(*file)));
      } else {
        conclusion_ = std::get<catalog::ManifestConclusion>(std::move(*entry));
      }
    }
    return std::optional<pipeline::TargetFile>();
  }

  // Only the whole manifest has one.
  std::optional<catalog::ManifestConclusion> conclusion() && { return std::move(conclusion_); }

 private:
  Result<void> make(const catalog::ManifestDirectory& directory) {
    const std::string path = places_.path_of(directory.name);
    if (onto_ == Onto::kSomeOfIt && !pg::contents_left_out(directory.name)) {
      // Nothing is written through a link: what it leads to is not the backup's.
      const std::optional<FileInfo> there = TRY(files_.link_status(path));
      if (there && there->type == FileType::kSymlink) TRY(files_.remove(path));
    }
    if (TRY(files_.make_directory(path, directory.mode)) || onto_ == Onto::kNothing) {
      return success();
    }
    const std::optional<FileInfo> there = TRY(files_.status(path));
    if (!there || there->mode == directory.mode) return success();
    return files_.set_mode(path, directory.mode);
  }

  bool comes_later(const catalog::ManifestRecord& file) const {
    return fetch_ == Fetch::kNotOnDemand && file.place == catalog::Place::kDataDirectory &&
           ondemand::comes_on_demand(file.name);
  }

  Result<void> make_empty(const catalog::ManifestRecord& file) {
    const std::unique_ptr<File> made = TRY(files_.create(places_.path_of(file.name), file.mode));
    return made->truncate(file.file_bytes);
  }

  Result<pipeline::TargetFile> target_of(const catalog::ManifestRecord& file) {
    pipeline::TargetFile target;
    target.name = file.name;
    target.mode = file.mode;
    target.map = TRY(manifest_.map_of(file));
    target.may_exist = onto_ == Onto::kSomeOfIt;
    if (file.place == catalog::Place::kConfiguration) {
      target.path = join_path(layout_.data_directory, file.name);
      TRY(make_directories(files_, parent_path(target.path), kDirectoryMode));
      // Debian's are readable by all and owned by root's group; in a data directory they are the
      // server's.
      target.mode = kFileMode;
      configuration_.insert(file.name);
      return target;
    }
    target.path = places_.path_of(file.name);
    // The server read the one outside; the one that lay unused in the data directory keeps another
    // name.
    if (configuration_.contains(file.name)) target.path += ".unused";
    return target;
  }

  catalog::ManifestReader& manifest_;
  const TargetLayout& layout_;
  const Places places_;
  const Onto onto_;
  const Fetch fetch_;
  FileSystem& files_;
  std::set<std::string> configuration_;
  std::optional<catalog::ManifestConclusion> conclusion_;
};

// In one step where another is there: a recovery that is ended and begun again finds in pg_tblspc
// where each tablespace's files lie.
Result<void> link_tablespace(FileSystem& files, const std::string& links,
                             const Tablespace& tablespace) {
  const std::string path = join_path(links, std::to_string(tablespace.oid));
  const std::optional<FileInfo> there = TRY(files.link_status(path));
  if (!there) return files.make_symlink(tablespace.location, path);
  const bool is_link = there->type == FileType::kSymlink;
  if (is_link && TRY(files.read_symlink(path)) == tablespace.location) return success();
  const std::string next = path + ".new";
  if (TRY(files.link_status(next))) TRY(files.remove(next));
  TRY(files.make_symlink(tablespace.location, next));
  return files.rename(next, path);
}

Result<void> link_tablespaces(FileSystem& files, const TargetLayout& layout) {
  const std::string links = join_path(layout.data_directory, "pg_tblspc");
  TRY(files.make_directory(links, kDirectoryMode));
  for (const Tablespace& tablespace : layout.tablespaces) {
    TRY(make_directories(files, tablespace.location, kDirectoryMode));
    TRY(link_tablespace(files, links, tablespace));
  }
  return files.sync_directory(links);
}

}  // namespace

Result<Materialized> materialize(const TargetLayout& layout, const catalog::LineageLayout& lineage,
                                 const catalog::BackupId& backup, Onto onto, Fetch fetch,
                                 int workers, FileSystem& files, store::ObjectStore& objects,
                                 Progress& progress, std::stop_token stop) {
  TRY(make_directories(files, layout.data_directory, kDirectoryMode));
  // A directory that was there may be open to others; PostgreSQL refuses that.
  TRY(files.set_mode(layout.data_directory, kDirectoryMode));
  TRY(make_replayed_tablespaces(files, layout));
  TRY(link_tablespaces(files, layout));
  std::unique_ptr<catalog::ManifestReader> manifest =
      TRY(catalog::open_manifest(objects, lineage, backup));
  ManifestFiles source(*manifest, layout, onto, fetch, files);
  const pipeline::CopyOutResult copied = TRY(pipeline::copy_out(
      files, objects, source, {workers, lineage.pack_prefix()}, progress, std::move(stop)));
  std::optional<catalog::ManifestConclusion> conclusion = std::move(source).conclusion();
  CHECK(conclusion.has_value());
  return Materialized{*std::move(conclusion), copied};
}

Result<void> sync_layout(const TargetLayout& layout, FileSystem& files) {
  std::set<uint64_t> synced;
  auto sync = [&](const std::string& path) -> Result<void> {
    const std::optional<FileInfo> info = TRY(files.status(path));
    if (!info || !synced.insert(info->device).second) return success();
    return files.sync_file_system(path);
  };
  TRY(sync(layout.data_directory));
  for (const Tablespace& tablespace : layout.tablespaces) TRY(sync(tablespace.location));
  for (const ReplayedPlace& replayed : layout.replayed) TRY(sync(replayed.place));
  // It may lie on a disk of its own.
  TRY(sync(join_path(layout.data_directory, "pg_wal")));
  // The directory's own name, in case that its parent lies on another file system.
  return files.sync_directory(parent_path(layout.data_directory));
}

Result<void> write_control_file(const std::string& data_directory, ByteView pg_control,
                                FileSystem& files) {
  return replace_file(files, join_path(data_directory, "global/pg_control"), pg_control, kFileMode);
}

}  // namespace walkback::restore
