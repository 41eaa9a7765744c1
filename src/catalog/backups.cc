#include "catalog/backups.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/time_text.h"

namespace walkback::catalog {

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
                                                const LineageLayout& layout) {
  std::set<std::string> complete;
  TRY(objects.list(layout.backups_folder(), "", [&](const store::ObjectInfo& info) {
    complete.insert(info.key.text());
    return true;
  }));
  std::vector<BackupSummary> backups;
  for (const std::string& folder : TRY(objects.list_folders(layout.backups_folder()))) {
    const BackupId id{folder};
    if (!complete.contains(layout.manifest(id).text())) continue;
    const store::ObjectKey key = layout.summary(id);
    const std::optional<Bytes> bytes = TRY(objects.get(key));
    if (!bytes) {
      return make_error(ErrorKind::kCorrupt,
                        fmt::format("backup {} has a manifest but no {}", id.text, key.text()));
    }
    backups.push_back(TRY(decode_summary(*bytes, key.text())));
  }
  // Names count whole seconds.
  std::ranges::sort(backups, {}, &BackupSummary::started_at);
  return backups;
}

}  // namespace walkback::catalog
