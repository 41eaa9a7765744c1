#include "catalog/layout.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::catalog {

namespace {

constexpr size_t kLongestClusterName = 64;
// A WAL file name begins with the timeline and the log, eight digits each.
constexpr size_t kTimelineDigits = 8;
constexpr size_t kLogDigits = 8;

constexpr std::string_view kCompressed = ".zst";

store::ObjectKey beside(const store::ObjectKey& wal_file, std::string_view what) {
  const std::string& segment = wal_file.text();
  return store::ObjectKey(fmt::format(
      "{}{}{}", segment.substr(0, segment.size() - kCompressed.size()), what, kCompressed));
}

// Folders of the layout: a cluster of such a name would make `clusters/wal/…` or `clusters/packs/…`
// say what it does not.
constexpr std::string_view kFolders[] = {"backups", "events", "keys",      "maps",
                                         "packs",   "wal",    "timelines", "clusters"};

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

}  // namespace

Result<std::string> check_cluster_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestClusterName || name[0] == '.' || name[0] == '-' ||
      !std::all_of(name.begin(), name.end(), is_name_character)) {
    return make_error(
        ErrorKind::kInvalid, fmt::format("'{}' cannot be a cluster's name", name),
        "use 1 to 64 letters, digits, '.', '_' or '-', such as 'main', beginning with a "
        "letter or digit");
  }
  if (std::ranges::find(kFolders, name) != std::end(kFolders)) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("'{}' is the name of a folder in every repository", name),
                      "choose another name for the cluster, such as 'main'");
  }
  return std::string(name);
}

std::string cluster_folder(std::string_view cluster) {
  return fmt::format("clusters/{}/", cluster);
}

std::string events_folder(std::string_view cluster) { return cluster_folder(cluster) + "events/"; }

std::string timeline_text(pg::TimelineId timeline) { return fmt::format("{:08X}", timeline.value); }

LineageLayout::LineageLayout(std::string_view cluster, pg::SystemIdentifier system_identifier)
    : root_(fmt::format("{}{}/", cluster_folder(cluster), system_identifier.value)) {}

store::ObjectKey LineageLayout::lineage() const { return store::ObjectKey(root_ + "lineage.json"); }

std::string LineageLayout::wal_folder() const { return root_ + "wal/"; }

std::string LineageLayout::timeline_folder(pg::TimelineId timeline) const {
  return wal_folder() + timeline_text(timeline) + "/";
}

store::ObjectKey LineageLayout::wal_file(std::string_view name) const {
  const std::string_view timeline = name.substr(0, kTimelineDigits);
  if (pg::wal_file_kind(name) == pg::WalFileKind::kHistory) {
    return store::ObjectKey(fmt::format("{}{}/{}.zst", wal_folder(), timeline, name));
  }
  const std::string_view log = name.substr(kTimelineDigits, kLogDigits);
  return store::ObjectKey(fmt::format("{}{}/{}/{}.zst", wal_folder(), timeline, log, name));
}

store::ObjectKey LineageLayout::wal_index(std::string_view name) const {
  return beside(wal_file(name), ".index");
}

store::ObjectKey LineageLayout::wal_settings(std::string_view name) const {
  return beside(wal_file(name), ".settings");
}

repo::Protection protection_of(const store::ObjectKey& key) {
  const std::string_view text = key.text();
  if (text.ends_with(".json") || text.starts_with("keys/")) return repo::Protection::kPlain;
  if (text.find("/packs/") != std::string_view::npos) return repo::Protection::kData;
  if (text.find("/wal/") == std::string_view::npos) return repo::Protection::kMetadata;
  std::string_view name = text.substr(text.rfind('/') + 1);
  if (name.ends_with(kCompressed)) name.remove_suffix(kCompressed.size());
  switch (pg::wal_file_kind(name)) {
    case pg::WalFileKind::kSegment:
    case pg::WalFileKind::kPartialSegment:
      return repo::Protection::kData;
    default:
      return repo::Protection::kMetadata;
  }
}

std::string LineageLayout::reservations_folder() const { return root_ + "timelines/"; }

store::ObjectKey LineageLayout::reservation(pg::TimelineId timeline) const {
  return store::ObjectKey(reservations_folder() + timeline_text(timeline) + ".json");
}

std::string LineageLayout::backups_folder() const { return root_ + "backups/"; }

store::ObjectKey LineageLayout::summary(const BackupId& id) const {
  return store::ObjectKey(backups_folder() + id.text + "/summary.json");
}

store::ObjectKey LineageLayout::manifest(const BackupId& id) const {
  return store::ObjectKey(backups_folder() + id.text + "/manifest.zst");
}

store::ObjectKey LineageLayout::names(const BackupId& id) const {
  return store::ObjectKey(backups_folder() + id.text + "/names.zst");
}

std::string LineageLayout::pack_prefix() const { return root_ + "packs"; }
std::string LineageLayout::map_prefix() const { return root_ + "maps"; }

std::string LineageLayout::verified_folder() const { return root_ + "verified/"; }

std::string LineageLayout::drills_folder() const { return root_ + "drills/"; }
store::ObjectKey LineageLayout::drill(const std::string& id) const {
  return store::ObjectKey(fmt::format("{}{}.zst", drills_folder(), id));
}

}  // namespace walkback::catalog
