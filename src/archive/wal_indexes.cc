#include "archive/wal_indexes.h"

#include <optional>
#include <set>

#include "catalog/lineage.h"
#include "catalog/unreadable.h"
#include "catalog/wal_archive.h"

namespace walkback::archive {

namespace {

enum class Found { kWhole, kBeginUnknown, kMissing, kDamaged, kIncomplete };

// Numbers of segments that any timeline has.
using Archived = std::set<uint64_t>;

Result<Found> look_at(const catalog::WalArchive& archive, const Archived& archived,
                      pg::SegmentName name) {
  const Result<std::optional<wal::SegmentSummary>> summary = archive.summary(name);
  if (!summary.ok()) {
    return catalog::is_unreadable(summary.error()) ? Result<Found>(Found::kDamaged)
                                                   : summary.error();
  }
  if (!*summary) return Found::kMissing;
  if ((*summary)->says_all()) return Found::kWhole;
  const bool lacks_only_first = (*summary)->problem.empty();
  const bool has_one_before = name.number > 0 && archived.contains(name.number - 1);
  return lacks_only_first && !has_one_before ? Found::kBeginUnknown : Found::kIncomplete;
}

bool is_whole(Found found) { return found == Found::kWhole || found == Found::kBeginUnknown; }

// What there is afterwards; `before` where none could be made.
Result<Found> rebuild(const catalog::WalArchive& archive, const Archived& archived,
                      pg::SegmentName name, Found before, WalIndexReport& report) {
  const Result<void> made = archive.remake_index(name);
  if (!made.ok()) {
    // Of one segment, as opposed to the repository, which does not answer, and to keys.
    const ErrorKind kind = made.error().kind;
    if (kind != ErrorKind::kCorrupt && kind != ErrorKind::kMissing) return made.error();
    report.failed.push_back(made.error().message);
    return before;
  }
  ++report.rebuilt;
  const Found now = TRY(look_at(archive, archived, name));
  if (!is_whole(now)) ++report.still_incomplete;
  return now;
}

// `before` and `next` stand beside each other in the archive.
void look_between(pg::SegmentName before, pg::SegmentName next, uint32_t segment_bytes,
                  WalIndexReport& report) {
  if (next.number <= before.number + 1) return;
  if (report.not_archived == 0) {
    report.first_not_archived =
        pg::SegmentName{before.timeline, before.number + 1}.text(segment_bytes);
  }
  report.not_archived += next.number - before.number - 1;
}

}  // namespace

Result<WalIndexReport> run_wal_index(const WalIndexOptions& options, store::ObjectStore& objects,
                                     Progress& progress, std::stop_token stop) {
  WalIndexReport report;
  progress.begin(options.rebuild ? "making the WAL indexes again" : "reading the WAL indexes", 0);
  for (const catalog::Lineage& lineage : TRY(catalog::list_lineages(objects, options.cluster))) {
    const catalog::WalArchive archive(objects, options.cluster, lineage);
    Archived archived;
    for (const pg::TimelineId timeline : TRY(archive.timelines())) {
      for (const catalog::StoredSegment& segment : TRY(archive.segments(timeline))) {
        archived.insert(segment.name.number);
      }
    }
    for (const pg::TimelineId timeline : TRY(archive.timelines())) {
      std::optional<pg::SegmentName> before;
      for (const catalog::StoredSegment& segment : TRY(archive.segments(timeline))) {
        if (stop.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
        progress.detail(segment.name.text(archive.segment_bytes()));
        ++report.segments;
        if (before) look_between(*before, segment.name, archive.segment_bytes(), report);
        before = segment.name;
        const Found found = TRY(look_at(archive, archived, segment.name));
        if (is_whole(found)) ++report.whole;
        if (found == Found::kBeginUnknown) ++report.begin_unknown;
        if (found == Found::kMissing) ++report.missing;
        if (found == Found::kDamaged) ++report.damaged;
        if (found == Found::kIncomplete) ++report.incomplete;
        const bool wanted = options.all || !is_whole(found);
        const Found now = options.rebuild && wanted
                              ? TRY(rebuild(archive, archived, segment.name, found, report))
                              : found;
        if (is_whole(now)) ++report.whole_now;
        if (now == Found::kBeginUnknown) ++report.begin_unknown_now;
      }
    }
  }
  return report;
}

}  // namespace walkback::archive
