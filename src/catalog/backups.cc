#include "catalog/backups.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/time_text.h"

namespace walkback::catalog {

namespace {

// Nothing when a prune removed the backup while we read: its manifest went first.
Result<std::optional<BackupSummary>> read_summary(store::ObjectStore& objects,
                                                  const LineageLayout& layout, const BackupId& id) {
  const store::ObjectKey key = layout.summary(id);
  const std::optional<Bytes> bytes = TRY(objects.get(key));
  if (!bytes) {
    if (!TRY(objects.info(layout.manifest(id)))) return std::optional<BackupSummary>();
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("backup {} has a manifest but no {}", id.text, key.text()));
  }
  BackupSummary summary = TRY(read_summary_object(*bytes, key.text()));
  // The id names objects: it is the folder's, or it is none.
  if (summary.id == id) return std::optional<BackupSummary>(std::move(summary));
  return make_error(ErrorKind::kCorrupt, key.text() + " is the summary of another backup",
                    "restore this object from another copy of the repository");
}

}  // namespace

BackupId new_backup_id(Clock& clock, Random& random) {
  // "2026-11-22T15:46:59.123456Z" -> "20261122T154659Z"
  std::string compact;
  for (char c : to_iso_utc(clock.now())) {
    if (c == '.' || c == 'Z') break;
    if (c != '-' && c != ':') compact += c;
  }
  return {fmt::format("{}Z-{}", compact, random.hex(2))};
}

Result<std::vector<BackupSummary>> list_backups(store::ObjectStore& objects,
                                                const LineageLayout& layout,
                                                const OnUnreadable& unreadable) {
  std::vector<BackupId> complete;
  const std::string folder = layout.backups_folder();
  TRY(objects.list(folder, "", [&](const store::ObjectInfo& info) {
    const std::string_view below = std::string_view(info.key.text()).substr(folder.size());
    const BackupId id{std::string(below.substr(0, below.find('/')))};
    if (info.key == layout.manifest(id)) complete.push_back(id);
    return true;
  }));
  std::vector<BackupSummary> backups;
  for (const BackupId& id : complete) {
    auto summary = TRY(or_left_out(read_summary(objects, layout, id), unreadable));
    if (summary && *summary) backups.push_back(**std::move(summary));
  }
  // Names count whole seconds.
  std::ranges::sort(backups, {}, &BackupSummary::started_at);
  return backups;
}

uint64_t stored_bytes_of(std::span<const BackupSummary> backups) {
  uint64_t bytes = 0;
  std::unordered_set<std::string_view> counted;
  for (const BackupSummary& backup : backups) {
    if (backup.pack_bytes.empty()) bytes += backup.bytes_stored;
    for (size_t i = 0; i < backup.pack_bytes.size(); ++i) {
      if (counted.insert(backup.packs[i]).second) bytes += backup.pack_bytes[i];
    }
  }
  return bytes;
}

}  // namespace walkback::catalog
