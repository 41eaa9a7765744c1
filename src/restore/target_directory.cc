#include "restore/target_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/shell.h"
#include "ondemand/mount.h"
#include "restore/mounts.h"
#include "restore/recovered_settings.h"
#include "restore/running_servers.h"
#include "restore/unfinished.h"

namespace walkback::restore {

namespace {

// What a directory is, however it is spelt.
struct Identity {
  uint64_t device = 0;
  uint64_t inode = 0;
  auto operator<=>(const Identity&) const = default;
};

// A place that is there, or whose nearest existing ancestor is.
struct Place {
  std::string given;
  std::string canonical;  // of the ancestor, and what is to be made below it
  std::string ancestor;   // canonical; the place itself when it exists
  bool exists = false;
  uint32_t owner = 0;             // of the ancestor
  uint64_t device = 0;            // of the ancestor: where new files will lie
  std::vector<Identity> chain;    // the ancestor first, the root last
  std::optional<TruePath> truth;  // through bind mounts; what is to be made included
};

constexpr std::string_view kGiveAnEmptyOne =
    "walkback never empties a directory: name one that is empty or does not exist yet";

constexpr std::string_view kReplayElsewhere =
    "replay would write there; recover on another host, or take a backup after the CREATE "
    "TABLESPACE and recover from that";

Error conflict(std::string message, std::string_view hint = kGiveAnEmptyOne) {
  return make_error(ErrorKind::kConflict, std::move(message), std::string(hint));
}

// "/a//b/./c/" as "/a/b/c". ".." stays: what it means depends on symlinks.
std::string tidy_path(std::string_view path) {
  std::string tidy;
  while (!path.empty()) {
    size_t slash = path.find('/');
    std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") tidy.append("/").append(part);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return tidy.empty() ? "/" : tidy;
}

Result<std::string> absolute_path(std::string_view path, std::string_view what) {
  if (path.empty()) return make_error(ErrorKind::kInvalid, fmt::format("{} is empty", what));
  if (path.front() == '/') return tidy_path(path);
  std::error_code error;
  std::filesystem::path here = std::filesystem::current_path(error);
  if (error) return errno_error(error.value(), "finding the working directory");
  return tidy_path(join_path(here.string(), path));
}

std::string list_locations(const std::vector<Tablespace>& tablespaces) {
  if (tablespaces.empty()) return "the backup and the WAL to be replayed have no tablespaces";
  std::string text = "tablespaces are at";
  for (const Tablespace& tablespace : tablespaces) text += " " + tablespace.location;
  return text;
}

Result<void> check_mappings(const std::vector<Tablespace>& saved,
                            const std::vector<TablespaceMapping>& mappings) {
  for (size_t i = 0; i < mappings.size(); ++i) {
    std::string from = tidy_path(mappings[i].from);
    auto is_from = [&](const auto& other) { return tidy_path(other) == from; };
    if (std::none_of(saved.begin(), saved.end(),
                     [&](const Tablespace& t) { return is_from(t.location); })) {
      return make_error(
          ErrorKind::kInvalid,
          fmt::format(
              "no tablespace was at {} when the backup was taken or later, up to the target",
              mappings[i].from),
          list_locations(saved));
    }
    for (size_t j = 0; j < i; ++j) {
      if (is_from(mappings[j].from)) {
        return make_error(ErrorKind::kInvalid,
                          fmt::format("the tablespace at {} is mapped twice", mappings[i].from));
      }
    }
  }
  return success();
}

Result<std::string> new_location(const std::string& data_directory, const Tablespace& tablespace,
                                 const std::vector<TablespaceMapping>& mappings,
                                 const std::vector<Tablespace>& reused) {
  for (const TablespaceMapping& mapping : mappings) {
    if (tidy_path(mapping.from) != tidy_path(tablespace.location)) continue;
    return absolute_path(mapping.to, "the new place of tablespace " + mapping.from);
  }
  for (const Tablespace& there : reused) {
    if (there.oid == tablespace.oid) return there.location;
  }
  return fmt::format("{}.tablespaces/{}", data_directory, tablespace.oid);
}

Result<std::vector<Identity>> ancestry(FileSystem& files, const std::string& canonical) {
  std::vector<Identity> chain;
  for (std::string path = canonical;; path = parent_path(path)) {
    std::optional<FileInfo> info = TRY(files.status(path));
    if (info) chain.push_back({info->device, info->inode});
    if (path == parent_path(path)) return chain;
  }
}

// Nothing when not even a name is there.
Result<std::optional<FileInfo>> directory_at(FileSystem& files, const std::string& path) {
  std::optional<FileInfo> info = TRY(files.status(path));
  if (info && info->type != FileType::kDirectory) return conflict(path + " is not a directory");
  if (!info && TRY(files.link_status(path))) {
    return conflict(path + " is a symbolic link that leads nowhere",
                    "remove the link, or make the directory that it names");
  }
  return info;
}

Result<Place> locate(FileSystem& files, const std::string& given) {
  Place place{.given = given,
              .canonical = {},
              .ancestor = given,
              .exists = false,
              .owner = 0,
              .device = 0,
              .chain = {},
              .truth = {}};
  std::string below;  // what does not exist yet
  std::optional<FileInfo> info = TRY(directory_at(files, place.ancestor));
  place.exists = info.has_value();
  while (!info) {
    std::string name = file_name(place.ancestor);
    if (name == "..") {
      return make_error(ErrorKind::kInvalid,
                        fmt::format("{} goes up from a directory that does not exist", given));
    }
    below = "/" + name + below;
    place.ancestor = parent_path(place.ancestor);
    info = TRY(directory_at(files, place.ancestor));
  }
  place.owner = info->owner;
  place.device = info->device;
  place.ancestor = TRY(files.canonical(place.ancestor));
  place.canonical = tidy_path(place.ancestor + below);
  place.chain = TRY(ancestry(files, place.ancestor));
  place.truth = TRY(Mounts::read(files)).of(place.canonical);
  return place;
}

// Whether `place` is, or will lie below, what `other` is.
bool lies_within(const Place& place, const Place& other) {
  if (is_or_is_below(place.canonical, other.canonical)) return true;
  // By another way: through a bind mount of something within it, the walk up meets no directory of
  // the same identity.
  const bool same_device = place.truth && other.truth && place.truth->device == other.truth->device;
  if (same_device && is_or_is_below(place.truth->path, other.truth->path)) return true;
  if (!other.exists) return false;
  return std::find(place.chain.begin(), place.chain.end(), other.chain.front()) !=
         place.chain.end();
}

// A place that a copy keeps away from, and what it is, for the message.
struct LivePlace {
  Place place;
  std::string what;
  bool takes_delta = false;  // the live cluster's data directory itself
};

// What the symbolic links in `directory` lead to: tablespaces, a pg_wal elsewhere.
Result<void> add_link_targets(FileSystem& files, const std::string& directory,
                              std::string_view what, std::string_view whose,
                              std::vector<LivePlace>& live) {
  for (const DirectoryEntry& entry : TRY(files.list(directory))) {
    if (entry.type != FileType::kSymlink) continue;
    std::string path = join_path(directory, entry.name);
    std::optional<FileInfo> info = TRY(files.status(path));
    if (!info || info->type != FileType::kDirectory) continue;
    Place place = TRY(locate(files, TRY(files.canonical(path))));
    live.push_back({std::move(place), fmt::format("{} {} of {}", what, entry.name, whose)});
  }
  return success();
}

Result<void> add_places_of(FileSystem& files, const std::string& pgdata, std::string_view whose,
                           std::vector<LivePlace>& live) {
  live.push_back({TRY(locate(files, pgdata)), fmt::format("{}'s data directory", whose)});
  TRY(add_link_targets(files, pgdata, "the directory", whose, live));
  const std::string tablespaces = join_path(pgdata, "pg_tblspc");
  if (!TRY(files.status(tablespaces))) return success();
  return add_link_targets(files, tablespaces, "the tablespace", whose, live);
}

Result<std::vector<LivePlace>> live_places(FileSystem& files, const std::string& pgdata) {
  std::vector<LivePlace> live;
  if (pgdata.empty()) return live;
  std::optional<FileInfo> info = TRY(files.status(pgdata));
  // A lost cluster may be recovered to where it was.
  if (!info || info->type != FileType::kDirectory || TRY(files.list(pgdata)).empty()) return live;
  TRY(add_places_of(files, pgdata, "the live cluster", live));
  live.front().takes_delta = true;
  return live;
}

// Whatever the configuration says: what is reused may be a copy whose links lead to another
// cluster's tablespaces, and a scratch directory may be in anybody's.
Result<void> add_running_clusters(FileSystem& files, std::vector<LivePlace>& places) {
  for (const std::string& directory : TRY(running_data_directories(files))) {
    const auto add = [&] {
      return add_places_of(files, directory, "the running cluster in " + directory, places);
    };
    // It may have been stopped and removed since.
    const auto is_gone = [](const Result<void>& added) {
      return !added.ok() && added.error().kind == ErrorKind::kMissing;
    };
    Result<void> added = add();
    if (added.ok() || is_gone(added)) continue;
    // Of another scratch server, what it reads is a mount that goes with it: nothing can be read
    // there from then until it is unmounted, and that may have happened meanwhile.
    const auto type = TRY(Mounts::read(files)).type_at(directory);
    if (type == ondemand::kFileSystemType) continue;
    added = add();
    if (!added.ok() && !is_gone(added)) return added;
  }
  return success();
}

// A copy inside the repository would be lost with it and hidden in it, and the other way round.
Result<void> add_repository(FileSystem& files, const std::string& repository,
                            std::vector<LivePlace>& places) {
  places.push_back({TRY(locate(files, repository)), "the repository"});
  return success();
}

Result<void> check_apart_from(const Place& place, const std::vector<LivePlace>& others) {
  for (const LivePlace& other : others) {
    std::string_view how;
    if (lies_within(place, other.place)) {
      how = lies_within(other.place, place) ? "is" : "lies inside";
    } else if (lies_within(other.place, place)) {
      how = "lies around";
    }
    if (!how.empty()) {
      return conflict(
          fmt::format("{} {} {} ({})", place.given, how, other.what, other.place.canonical),
          how == "is" && other.takes_delta
              ? "name a place apart; or, once its server is stopped, --delta recovers onto it"
              : "a copy must share no directory with the cluster and the repository it comes from; "
                "name a place apart");
    }
  }
  return success();
}

bool is_tablespace_version_directory(const DirectoryEntry& entry) {
  return entry.type == FileType::kDirectory && entry.name.starts_with("PG_") &&
         entry.name.find('_', 3) != std::string::npos;
}

// Any cluster's, not only the configured one's.
Result<bool> is_of_a_cluster(FileSystem& files, const std::string& directory) {
  std::optional<FileInfo> version = TRY(files.status(join_path(directory, "PG_VERSION")));
  if (version) return true;
  Result<std::vector<DirectoryEntry>> entries = files.list(directory);
  // An ancestor that may be passed but not listed, such as another user's home, is no tablespace of
  // ours.
  if (!entries.ok()) return false;
  return std::any_of(entries->begin(), entries->end(), is_tablespace_version_directory);
}

Result<void> check_no_cluster_around(FileSystem& files, const Place& place) {
  for (std::string path = place.exists ? parent_path(place.ancestor) : place.ancestor;;
       path = parent_path(path)) {
    if (TRY(is_of_a_cluster(files, path))) {
      return conflict(fmt::format("{} lies inside {}, which belongs to a PostgreSQL cluster",
                                  place.given, path),
                      "name a place outside of every data directory and tablespace");
    }
    if (path == "/") return success();
  }
}

std::string own_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? fmt::format("user {}", geteuid()) : found->pw_name;
}

// A link that leads nowhere now, to a disk that is not mounted, leads to live files tomorrow.
Result<void> check_is_not_live(FileSystem& files, const std::string& location,
                               const std::string& live_pgdata) {
  const std::string links = join_path(live_pgdata, "pg_tblspc");
  if (live_pgdata.empty() || !TRY(files.status(links))) return success();
  for (const DirectoryEntry& entry : TRY(files.list(links))) {
    if (entry.type != FileType::kSymlink) continue;
    if (tidy_path(TRY(files.read_symlink(join_path(links, entry.name)))) != tidy_path(location)) {
      continue;
    }
    return conflict(fmt::format("{} is the tablespace {} of the live cluster, and the WAL to be "
                                "replayed creates one there",
                                location, entry.name),
                    kReplayElsewhere);
  }
  return success();
}

Error may_not_link(const ReplayedPlace& replayed) {
  const std::string parent = parent_path(replayed.location);
  return make_error(
      ErrorKind::kDenied, fmt::format("{} may not make the link {}", own_name(), replayed.location),
      fmt::format("`sudo mkdir -p {} && sudo ln -s {} {}` makes it; then this command again",
                  shell_word(parent), shell_word(replayed.place), shell_word(replayed.location)));
}

Result<void> check_replayed(FileSystem& files, const ReplayedPlace& replayed,
                            const std::vector<LivePlace>& others, const std::string& live_pgdata) {
  TRY(check_is_not_live(files, replayed.location, live_pgdata));
  if (replayed.place == replayed.location) return success();  // judged as a place
  if (const std::optional<FileInfo> there = TRY(files.link_status(replayed.location))) {
    const bool linked = there->type == FileType::kSymlink &&
                        tidy_path(TRY(files.read_symlink(replayed.location))) == replayed.place;
    if (linked) return success();
    return conflict(fmt::format("{} exists on this host, and the WAL to be replayed creates a "
                                "tablespace there",
                                replayed.location),
                    kReplayElsewhere);
  }
  const Place place = TRY(locate(files, replayed.location));
  TRY(check_apart_from(place, others));
  TRY(check_no_cluster_around(files, place));
  if (faccessat(AT_FDCWD, place.ancestor.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return may_not_link(replayed);
  }
  return success();
}

// The directories of a layout: the data directory's first, then those of its tablespaces.
std::vector<std::string> directories_of(const TargetLayout& layout) {
  std::vector<std::string> directories = {layout.data_directory};
  for (const Tablespace& tablespace : layout.tablespaces) {
    directories.push_back(tablespace.location);
  }
  // One that was made while the backup was taken is in both.
  for (const ReplayedPlace& replayed : layout.replayed) {
    const auto saved = directories.begin() + 1;
    if (std::find(saved, directories.end(), replayed.place) == directories.end()) {
      directories.push_back(replayed.place);
    }
  }
  return directories;
}

Result<void> check_empty(FileSystem& files, const Place& place) {
  if (!place.exists) return success();
  if (TRY(files.list(place.ancestor)).empty()) return success();
  if (TRY(server_is_running(files, place.ancestor))) {
    return conflict(fmt::format("{} is the data directory of a running server", place.given));
  }
  if (TRY(is_unfinished_restore(files, place.ancestor))) {
    return unfinished_restore(files, place.given);
  }
  return conflict(fmt::format("{} is not empty", place.given));
}

// What the copying would find out after the plan was shown, or PostgreSQL after the copying: it
// starts only on a directory of its own user (checkDataDir in src/backend/utils/init/miscinit.c).
Result<void> check_may_write(const Place& place) {
  const bool ours = !place.exists || place.owner == geteuid() || geteuid() == 0;
  const bool may = faccessat(AT_FDCWD, place.ancestor.c_str(), W_OK | X_OK, AT_EACCESS) == 0 ||
                   (errno != EACCES && errno != EROFS);
  if (ours && may) return success();
  const std::string name = own_name();
  return make_error(ErrorKind::kDenied,
                    ours ? fmt::format("{} may not write in {}", name, place.ancestor)
                         : fmt::format("{} does not belong to {}", place.given, name),
                    fmt::format("`sudo install -d -o {} -m 0700 {}` makes it a place for the copy",
                                name, shell_word(place.given)));
}

Result<void> check_apart_from_each_other(const std::vector<Place>& places) {
  for (size_t i = 0; i < places.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      bool inside = lies_within(places[i], places[j]);
      if (!inside && !lies_within(places[j], places[i])) continue;
      const auto& [inner, outer] =
          inside ? std::pair(places[i], places[j]) : std::pair(places[j], places[i]);
      return conflict(
          fmt::format("{} is the same as {} or lies inside it", inner.given, outer.given),
          "the data directory and each tablespace need a directory of their own");
    }
  }
  return success();
}

std::string show_size(uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double amount = static_cast<double>(bytes);
  size_t unit = 0;
  while (amount >= 1024 && unit + 1 < std::size(kUnits)) {
    amount /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", amount, unit == 0 ? 0 : 1, kUnits[unit]);
}

Result<void> check_space(FileSystem& files, const std::vector<Place>& places,
                         const std::vector<uint64_t>& needed_bytes) {
  struct Demand {
    uint64_t bytes = 0;
    const Place* first = nullptr;
  };
  std::map<uint64_t, Demand> by_device;
  for (size_t i = 0; i < places.size(); ++i) {
    Demand& demand = by_device[places[i].device];
    demand.bytes += needed_bytes[i];
    if (demand.first == nullptr) demand.first = &places[i];
  }
  for (const auto& [device, demand] : by_device) {
    DiskSpace space = TRY(files.disk_space(demand.first->ancestor));
    if (space.free_bytes >= demand.bytes) continue;
    return make_error(
        ErrorKind::kNoSpace,
        fmt::format("the recovery needs {} on the file system of {}, which has {} free",
                    show_size(demand.bytes), demand.first->given, show_size(space.free_bytes)),
        "free space there, or name directories on another file system");
  }
  return success();
}

Error being_recovered(const std::string& directory) {
  return conflict(fmt::format("another recovery is writing into {}", directory),
                  "leave it alone, or wait for its end; recover into another directory meanwhile");
}

// The first line of postmaster.pid; negative for a standalone backend. Nothing when it is not a
// number.
std::optional<int> process_in_pid_file(std::string_view text) {
  int pid = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  bool read =
      error == std::errc() && pid != 0 && (end == text.data() + text.size() || *end == '\n');
  if (!read) return std::nullopt;
  return std::abs(pid);
}

}  // namespace

Result<TargetLayout> lay_out_target(std::string_view into, const std::vector<Tablespace>& saved,
                                    const std::vector<TablespaceMapping>& mappings,
                                    const std::vector<std::string>& replayed,
                                    const std::vector<Tablespace>& reused) {
  TargetLayout layout;
  layout.data_directory = TRY(absolute_path(into, "the directory to recover into"));
  std::vector<Tablespace> known = saved;
  for (const std::string& location : replayed) known.push_back({0, location});
  TRY(check_mappings(known, mappings));
  for (const Tablespace& tablespace : saved) {
    std::string location = TRY(new_location(layout.data_directory, tablespace, mappings, reused));
    layout.tablespaces.push_back({tablespace.oid, std::move(location)});
  }
  for (const std::string& location : replayed) {
    bool mapped = false;
    for (const TablespaceMapping& mapping : mappings) {
      if (tidy_path(mapping.from) != tidy_path(location)) continue;
      std::string place = TRY(absolute_path(mapping.to, "the new place of tablespace " + location));
      layout.replayed.push_back({location, std::move(place)});
      mapped = true;
    }
    const bool is_reused =
        std::ranges::find(reused, tidy_path(location), &Tablespace::location) != reused.end();
    if (!mapped && is_reused) layout.replayed.push_back({location, location});
  }
  return layout;
}

Result<void> check_target(FileSystem& files, const TargetLayout& layout, const TargetNeed& need,
                          const Neighbours& neighbours, const ReusedPlaces& reused) {
  CHECK(need.tablespace_bytes.size() == layout.tablespaces.size());
  std::vector<Place> places;
  for (const std::string& directory : directories_of(layout)) {
    places.push_back(TRY(locate(files, directory)));
  }
  std::vector<uint64_t> needed_bytes = {need.data_directory_bytes};
  needed_bytes.insert(needed_bytes.end(), need.tablespace_bytes.begin(),
                      need.tablespace_bytes.end());
  needed_bytes.resize(places.size());
  std::vector<Place> reused_places, may_hold_files;
  for (const std::string& directory : reused.all) {
    reused_places.push_back(TRY(locate(files, directory)));
  }
  for (const std::string& directory : reused.may_hold_files) {
    may_hold_files.push_back(TRY(locate(files, directory)));
  }
  const auto is_the_same = [](const Place& one, const Place& other) {
    return one.exists && other.exists && one.chain.front() == other.chain.front();
  };
  std::string live_pgdata = neighbours.live_pgdata;
  if (!reused_places.empty()) {
    TRY(check_is_stopped(files, reused_places.front().ancestor));
    const std::optional<FileInfo> live = TRY(files.status(live_pgdata));
    // It is not live any more.
    if (live && Identity{live->device, live->inode} == reused_places.front().chain.front()) {
      live_pgdata.clear();
    }
  }
  std::vector<LivePlace> others =
      TRY_CONTEXT(live_places(files, live_pgdata), "looking at the live cluster's directories");
  if (neighbours.running || !reused_places.empty()) TRY(add_running_clusters(files, others));
  for (const std::string& repository : neighbours.repositories) {
    TRY(add_repository(files, repository, others));
  }
  for (const Place& place : reused_places) TRY(check_apart_from(place, others));
  if (!reused.kept.empty()) {
    const Place kept = TRY(locate(files, reused.kept));
    TRY(check_apart_from(kept, others));
    TRY(check_may_write(kept));
  }
  for (const Place& place : places) {
    TRY(check_apart_from(place, others));
    TRY(check_no_cluster_around(files, place));
    const auto is_place = [&](const Place& other) { return is_the_same(place, other); };
    if (std::ranges::none_of(may_hold_files, is_place)) TRY(check_empty(files, place));
    TRY(check_may_write(place));
  }
  TRY(check_apart_from_each_other(places));
  for (const ReplayedPlace& replayed : layout.replayed) {
    TRY(check_replayed(files, replayed, others, live_pgdata));
  }
  return check_space(files, places, needed_bytes);
}

Result<bool> is_unfinished_restore(FileSystem& files, const std::string& directory) {
  if (TRY(files.status(join_path(directory, "global/pg_control")))) return false;
  if (TRY(is_recovered_copy(files, directory))) return true;
  return TRY(files.link_status(mark_path(directory))).has_value();
}

std::string how_to_remove(FileSystem& files, const std::string& directory) {
  const Result<std::optional<UnfinishedMark>> mark = read_mark(files, directory);
  const bool goes_on = mark.ok() && mark->has_value();
  // What it began with is somebody's data directory.
  if (goes_on && !(*mark)->kept_directory.empty()) {
    return "the same command with --delta goes on with it";
  }
  std::string what = shell_word(directory);
  const std::string tablespaces = directory + ".tablespaces";
  const auto there = files.status(tablespaces);
  if (there.ok() && *there) what += " " + shell_word(tablespaces);
  return fmt::format("{}remove it, `rm -r {}`, and recover again",
                     goes_on ? "the same command with --delta goes on with it; or " : "", what);
}

Error unfinished_restore(FileSystem& files, const std::string& directory) {
  const auto lock = files.lock_directory(directory);
  if (lock.ok() && !*lock) return being_recovered(directory);
  return conflict(fmt::format("{} is an unfinished restore: no server can start on it", directory),
                  how_to_remove(files, directory));
}

Result<bool> server_is_running(FileSystem& files, const std::string& pgdata) {
  const std::string pid_file = join_path(pgdata, "postmaster.pid");
  if (!TRY(files.status(pid_file))) return false;
  Result<Bytes> text = read_file(files, pid_file, 1 << 16);
  if (!text.ok()) {
    if (text.error().kind == ErrorKind::kMissing) return false;  // it stopped meanwhile
    return std::move(text).error();
  }
  std::optional<int> pid = process_in_pid_file(as_text(*text));
  // As PostgreSQL: a file that says nothing may be one that is just being written.
  if (!pid) return true;
  if (kill(*pid, 0) != 0 && errno == ESRCH) return false;
  // The number may have gone to another process since. A postmaster's working directory is its data
  // directory; whose working directory may not be seen could be one.
  Result<std::optional<FileInfo>> seen = files.status(fmt::format("/proc/{}/cwd", *pid));
  if (!seen.ok()) return true;
  if (!*seen) return false;  // a zombie has none
  std::optional<FileInfo> own = TRY(files.status(pgdata));
  return own && own->device == (*seen)->device && own->inode == (*seen)->inode;
}

// Lines 4 and 5 of postmaster.pid (src/include/utils/pidfile.h).
Result<std::optional<RunningServer>> find_running_server(FileSystem& files,
                                                         const std::string& pgdata) {
  if (!TRY(server_is_running(files, pgdata))) return std::optional<RunningServer>();
  const Bytes bytes = TRY(read_file(files, join_path(pgdata, "postmaster.pid"), 1 << 16));
  RunningServer server;
  std::string_view text = as_text(bytes);
  for (int number = 1; number <= 5 && !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (number == 4) std::from_chars(line.data(), line.data() + line.size(), server.port);
    if (number == 5) server.socket_directory = line;
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return std::optional<RunningServer>(std::move(server));
}

}  // namespace walkback::restore
