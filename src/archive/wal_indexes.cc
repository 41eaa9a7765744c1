#include "archive/wal_indexes.h"

#include "catalog/lineage.h"
#include "catalog/unreadable.h"
#include "catalog/wal_archive.h"

namespace walkback::archive {

namespace {

enum class Found { kWhole, kMissing, kDamaged, kIncomplete };

Result<Found> look_at(const catalog::WalArchive& archive, pg::SegmentName name) {
  const Result<std::optional<wal::SegmentSummary>> summary = archive.summary(name);
  if (!summary.ok()) {
    return catalog::is_unreadable(summary.error()) ? Result<Found>(Found::kDamaged)
                                                   : summary.error();
  }
  if (!*summary) return Found::kMissing;
  return (*summary)->says_all() ? Found::kWhole : Found::kIncomplete;
}

Result<void> rebuild(const catalog::WalArchive& archive, pg::SegmentName name,
                     WalIndexReport& report) {
  const Result<void> made = archive.remake_index(name);
  if (!made.ok()) {
    // Of one segment, as opposed to the repository, which does not answer, and to keys.
    const ErrorKind kind = made.error().kind;
    if (kind != ErrorKind::kCorrupt && kind != ErrorKind::kMissing) return made;
    report.failed.push_back(made.error().message);
    return success();
  }
  ++report.rebuilt;
  if (TRY(look_at(archive, name)) != Found::kWhole) ++report.still_incomplete;
  return success();
}

}  // namespace

Result<WalIndexReport> run_wal_index(const WalIndexOptions& options, store::ObjectStore& objects,
                                     Progress& progress, std::stop_token stop) {
  WalIndexReport report;
  progress.begin(options.rebuild ? "making the WAL indexes again" : "reading the WAL indexes", 0);
  for (const catalog::Lineage& lineage : TRY(catalog::list_lineages(objects, options.cluster))) {
    const catalog::WalArchive archive(objects, options.cluster, lineage);
    for (const pg::TimelineId timeline : TRY(archive.timelines())) {
      for (const catalog::StoredSegment& segment : TRY(archive.segments(timeline))) {
        if (stop.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
        progress.detail(segment.name.text(archive.segment_bytes()));
        ++report.segments;
        const Found found = TRY(look_at(archive, segment.name));
        if (found == Found::kWhole) ++report.whole;
        if (found == Found::kMissing) ++report.missing;
        if (found == Found::kDamaged) ++report.damaged;
        if (found == Found::kIncomplete) ++report.incomplete;
        const bool wanted = options.all || found != Found::kWhole;
        if (options.rebuild && wanted) TRY(rebuild(archive, segment.name, report));
      }
    }
  }
  return report;
}

}  // namespace walkback::archive
