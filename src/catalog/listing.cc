#include "catalog/listing.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/backups.h"
#include "catalog/layout.h"
#include "catalog/lineage.h"
#include "catalog/wal_archive.h"

namespace walkback::catalog {

Result<Listing> list_cluster(store::ObjectStore& objects, const std::string& cluster,
                             const OnUnreadable& unreadable) {
  Listing listing;
  for (const Lineage& lineage : TRY(list_lineages(objects, cluster))) {
    const WalArchive archive(objects, cluster, lineage);
    const std::vector<BackupSummary> backups =
        TRY(list_backups(objects, archive.layout(), unreadable));
    LineageWindows windows = TRY(find_windows(archive, backups));
    listing.bytes_stored += stored_bytes_of(backups);
    listing.backups.insert(listing.backups.end(), backups.begin(), backups.end());
    listing.windows.insert(listing.windows.end(), windows.windows.begin(), windows.windows.end());
    listing.gaps.insert(listing.gaps.end(), windows.gaps.begin(), windows.gaps.end());
    listing.timelines.insert(listing.timelines.end(), windows.timelines.begin(),
                             windows.timelines.end());
    for (pg::TimelineId timeline : TRY(archive.timelines())) {
      for (const StoredSegment& segment : TRY(archive.segments(timeline))) {
        ++listing.wal_segments;
        listing.wal_bytes_stored += segment.stored_bytes;
      }
    }
  }
  listing.bytes_stored += listing.wal_bytes_stored;
  return listing;
}

Result<void> check_cluster_is_known(store::ObjectStore& objects, const std::string& cluster) {
  // One that is damaged is known all the same.
  bool has_any = false;
  const auto lost = [&](pg::SystemIdentifier, const Error&) { has_any = true; };
  has_any |= !TRY(list_lineages(objects, cluster, lost)).empty();
  if (has_any) return success();
  std::vector<std::string> clusters;
  // A folder of events alone is what an attempt left that never got as far as a cluster.
  for (const std::string& name : TRY(objects.list_folders("clusters/"))) {
    if (!TRY(list_lineages(objects, name)).empty()) clusters.push_back(name);
  }
  if (clusters.empty()) return success();
  return make_error(
      ErrorKind::kMissing,
      fmt::format("no cluster '{}' in {}; there {}: {}", cluster, objects.description(),
                  clusters.size() == 1 ? "is" : "are", fmt::join(clusters, ", ")),
      "--cluster NAME, or cluster.name in the configuration, says which one is meant");
}

}  // namespace walkback::catalog
