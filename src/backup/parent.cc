#include "backup/parent.h"

#include <fmt/format.h>

#include <algorithm>

#include "backup/lost_parent.h"
#include "catalog/backups.h"
#include "catalog/recovery_windows.h"

namespace walkback::backup {

namespace {

// Older ones are of less and less use.
constexpr size_t kMostTried = 3;

// A cluster that was made with another program: its system identifier says so before, usually.
std::string why_incomparable(const catalog::BackupSummary& summary,
                             const catalog::ManifestConclusion& parent,
                             const pg::ControlFile& control) {
  if (summary.system_identifier != control.system_identifier) {
    return fmt::format("{} is of another cluster, whose system identifier is {}", summary.id.text,
                       summary.system_identifier.value);
  }
  if (parent.block_bytes != control.block_bytes ||
      parent.relation_segment_blocks != control.relation_segment_blocks) {
    return "its pages or relation segments are of another size";
  }
  return "";
}

}  // namespace

Result<ParentChoice> choose_parent(store::ObjectStore& objects, const catalog::WalArchive& archive,
                                   const pg::ControlFile& control, pg::Lsn start_lsn,
                                   FileSystem& files, const std::string& pgdata, Progress& progress,
                                   std::stop_token stop) {
  catalog::SegmentLists lists(archive);
  const Result<catalog::WalChain> chain = catalog::WalChain::load(lists, control.timeline);
  if (!chain.ok()) {
    if (!is_gone_or_unreadable(chain.error())) return chain.error();
    return ParentChoice{std::nullopt, chain.error().message};
  }
  const auto note = [&](const Error& error) { progress.note(error.message); };
  std::vector<catalog::BackupSummary> backups =
      TRY(catalog::list_backups(objects, archive.layout(), note));
  std::erase_if(backups, [&](const catalog::BackupSummary& backup) {
    return !catalog::lies_on(backup, chain->history()) || backup.start_lsn > start_lsn;
  });
  if (backups.empty()) {
    return ParentChoice{std::nullopt,
                        fmt::format("there is no backup yet that timeline {} leads on from",
                                    control.timeline.value)};
  }
  // By LSN: clocks go wrong, and those of two hosts differ.
  std::ranges::sort(backups, std::ranges::greater(), [](const catalog::BackupSummary& backup) {
    return std::pair(backup.start_lsn, backup.stop_lsn);
  });
  std::string reason;
  for (size_t i = 0; i < std::min(kMostTried, backups.size()); ++i) {
    const catalog::BackupSummary& backup = backups[i];
    Result<catalog::ManifestIndex> index =
        catalog::ManifestIndex::load(objects, archive.layout(), backup);
    if (!index.ok()) {
      if (!is_gone_or_unreadable(index.error())) return std::move(index).error();
      reason = fmt::format("{} cannot be built on: {}", backup.id.text, index.error().message);
      progress.note(reason);
      continue;
    }
    reason = why_incomparable(backup, index->conclusion(), control);
    if (!reason.empty()) continue;
    Changes changes = TRY(
        find_changes(archive, *chain, backup, start_lsn, files, join_path(pgdata, "pg_wal"), stop));
    if (index->conclusion().data_checksums != control.checksums_enabled()) {
      changes = {std::nullopt, "data checksums were switched on or off since"};
    }
    if (backup.unexplained_pages > 0) {
      reason = fmt::format("of {}, {} had changed without a word of it in the WAL", backup.id.text,
                           backup.unexplained_pages == 1
                               ? "a page"
                               : fmt::format("{} pages", backup.unexplained_pages));
    }
    if (!changes.since) reason = changes.why_not;
    if (!reason.empty()) reason = "every page is read and compared: " + reason;
    return ParentChoice{Parent{backup, *std::move(index), std::move(changes)}, std::move(reason)};
  }
  return ParentChoice{std::nullopt, std::move(reason)};
}

}  // namespace walkback::backup
