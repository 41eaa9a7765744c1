#include "catalog/listing.h"

#include "catalog/backups.h"
#include "catalog/layout.h"
#include "catalog/lineage.h"
#include "catalog/wal_archive.h"

namespace walkback::catalog {

Result<Listing> list_cluster(store::ObjectStore& objects, const std::string& cluster) {
  Listing listing;
  for (const Lineage& lineage : TRY(list_lineages(objects, cluster))) {
    const WalArchive archive(objects, cluster, lineage);
    const std::vector<BackupSummary> backups = TRY(list_backups(objects, archive.layout()));
    LineageWindows windows = TRY(find_windows(archive, backups));
    for (const BackupSummary& backup : backups) listing.bytes_stored += backup.bytes_stored;
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

}  // namespace walkback::catalog
