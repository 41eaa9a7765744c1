#include "restore/replayed_tablespaces.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/shell.h"

namespace walkback::restore {

namespace {

constexpr uint32_t kDirectoryMode = 0700;

using Replayed = RecoveryPlan::ReplayedTablespace;

bool has_place(const TargetLayout& layout, const std::string& location) {
  return std::ranges::find(layout.replayed, location, &ReplayedPlace::location) !=
         layout.replayed.end();
}

// The first record of each location that has no place.
std::vector<Replayed> without_place(const RecoveryPlan& plan, const TargetLayout& layout) {
  std::vector<Replayed> found;
  for (const Replayed& tablespace : plan.replayed_tablespaces) {
    const std::string& location = tablespace.location;
    const bool known = std::ranges::find(found, location, &Replayed::location) != found.end();
    if (location.empty() || known || has_place(layout, location)) continue;
    found.push_back(tablespace);
  }
  return found;
}

std::string names_of(const std::vector<Replayed>& tablespaces) {
  std::vector<std::string> names;
  for (const Replayed& tablespace : tablespaces) {
    names.push_back(fmt::format("{} (at {})", tablespace.location, tablespace.lsn.text()));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

Error exists_here(const std::vector<Replayed>& tablespaces) {
  return make_error(
      ErrorKind::kConflict,
      fmt::format(
          "the WAL to be replayed creates a tablespace in a directory that exists on this host: {}",
          names_of(tablespaces)),
      "replay would write there; recover on another host, or take a backup after the CREATE "
      "TABLESPACE and recover from that");
}

Error is_missing_here(const std::vector<Replayed>& tablespaces, const TargetLayout& layout) {
  std::string options;
  for (const Replayed& tablespace : tablespaces) {
    options +=
        " --tablespace " + shell_word(fmt::format("{}={}.tablespaces/{}", tablespace.location,
                                                  layout.data_directory, tablespace.oid));
  }
  return make_error(
      ErrorKind::kConflict,
      fmt::format("the WAL to be replayed creates a tablespace in a directory that is not on this "
                  "host, and replay needs it: {}",
                  names_of(tablespaces)),
      fmt::format("add{}: the directory becomes a link to a place of the copy's own, and must stay "
                  "as long as the copy",
                  options));
}

}  // namespace

std::vector<std::string> replayed_locations(const RecoveryPlan& plan) {
  std::vector<std::string> locations;
  for (const Replayed& tablespace : without_place(plan, {}))
    locations.push_back(tablespace.location);
  return locations;
}

Result<void> check_replayed_tablespaces(FileSystem& files, const RecoveryPlan& plan,
                                        const TargetLayout& layout) {
  std::vector<Replayed> here, missing;
  for (Replayed& tablespace : without_place(plan, layout)) {
    const bool is_here = TRY(files.link_status(tablespace.location)).has_value();
    (is_here ? here : missing).push_back(std::move(tablespace));
  }
  if (!here.empty()) return exists_here(here);
  if (!missing.empty()) return is_missing_here(missing, layout);
  return success();
}

Result<void> make_replayed_tablespaces(FileSystem& files, const TargetLayout& layout) {
  for (const ReplayedPlace& replayed : layout.replayed) {
    TRY(make_directories(files, replayed.place, kDirectoryMode));
    if (replayed.place == replayed.location) continue;
    if (TRY(files.link_status(replayed.location))) continue;
    const std::string parent = parent_path(replayed.location);
    TRY(make_directories(files, parent, kDirectoryMode));
    TRY(files.make_symlink(replayed.place, replayed.location));
    TRY(files.sync_directory(parent));
  }
  return success();
}

}  // namespace walkback::restore
