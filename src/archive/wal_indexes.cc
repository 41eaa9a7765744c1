#include "archive/wal_indexes.h"

#include <optional>
#include <set>

#include "catalog/lineage.h"
#include "catalog/unreadable.h"
#include "catalog/wal_archive.h"

namespace walkback::archive {

namespace {

enum class Found { kWhole, kBeginUnknown, kMissing, kDamaged, kIncomplete, kWrongSign };

// Numbers of segments that any timeline has.
using Archived = std::set<uint64_t>;

// Nothing is wrong with a sign whose segment has an index that cannot say whether it is right.
Result<bool> has_right_sign(const catalog::WalArchive& archive,
                            const catalog::StoredSegment& segment,
                            const wal::SegmentSummary& summary) {
  const bool has_sign = segment.changes_settings;
  const catalog::ChangesSettings changes = catalog::changes_settings(summary);
  const auto wrong = has_sign ? catalog::ChangesSettings::kNo : catalog::ChangesSettings::kYes;
  if (changes == wrong) return false;
  const Result<void> sign = has_sign ? archive.check_settings_sign(segment.name) : success();
  if (sign.ok()) return true;
  if (catalog::is_unreadable(sign.error()) || sign.error().kind == ErrorKind::kMissing) {
    return false;
  }
  return sign.error();
}

Result<Found> look_at(const catalog::WalArchive& archive, const Archived& archived,
                      const catalog::StoredSegment& segment) {
  const pg::SegmentName name = segment.name;
  const Result<std::optional<wal::SegmentSummary>> summary = archive.summary(name);
  if (!summary.ok()) {
    return catalog::is_unreadable(summary.error()) ? Result<Found>(Found::kDamaged)
                                                   : summary.error();
  }
  if (!*summary) return Found::kMissing;
  const bool lacks_only_first = (*summary)->problem.empty();
  const bool has_one_before = name.number > 0 && archived.contains(name.number - 1);
  const bool says_all = (*summary)->says_all();
  if (!says_all && (!lacks_only_first || has_one_before)) return Found::kIncomplete;
  if (!TRY(has_right_sign(archive, segment, **summary))) return Found::kWrongSign;
  return says_all ? Found::kWhole : Found::kBeginUnknown;
}

bool is_whole(Found found) { return found == Found::kWhole || found == Found::kBeginUnknown; }

// The segment as a listing would have it now.
Result<catalog::StoredSegment> seen_again(const catalog::WalArchive& archive,
                                          store::ObjectStore& objects,
                                          catalog::StoredSegment segment) {
  const std::string name = segment.name.text(archive.segment_bytes());
  segment.changes_settings = TRY(objects.info(archive.layout().wal_settings(name))).has_value();
  return segment;
}

// From the index where that is right: no segment need be read, nor opened.
Result<void> remake_sign(const catalog::WalArchive& archive, pg::SegmentName name) {
  const std::optional<wal::SegmentSummary> summary = TRY(archive.summary(name));
  return summary ? archive.remake_settings_sign(name, *summary) : success();
}

// What there is afterwards; `before` where none could be made.
Result<Found> rebuild(const catalog::WalArchive& archive, store::ObjectStore& objects,
                      const Archived& archived, const catalog::StoredSegment& segment, Found before,
                      bool sign_only, WalIndexReport& report) {
  const Result<void> made =
      sign_only ? remake_sign(archive, segment.name) : archive.remake_index(segment.name);
  if (!made.ok()) {
    // Of one segment, as opposed to the repository, which does not answer, and to keys.
    const ErrorKind kind = made.error().kind;
    if (kind != ErrorKind::kCorrupt && kind != ErrorKind::kMissing) return made.error();
    report.failed.push_back(made.error().message);
    return before;
  }
  ++report.rebuilt;
  const Found now = TRY(look_at(archive, archived, TRY(seen_again(archive, objects, segment))));
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
        const Found found = TRY(look_at(archive, archived, segment));
        if (is_whole(found)) ++report.whole;
        if (found == Found::kBeginUnknown) ++report.begin_unknown;
        if (found == Found::kMissing) ++report.missing;
        if (found == Found::kDamaged) ++report.damaged;
        if (found == Found::kIncomplete) ++report.incomplete;
        if (found == Found::kWrongSign) ++report.wrong_sign;
        const bool wanted = options.rebuild && (options.all || !is_whole(found));
        const bool sign_only = found == Found::kWrongSign && !options.all;
        const Found now =
            wanted ? TRY(rebuild(archive, objects, archived, segment, found, sign_only, report))
                   : found;
        if (is_whole(now)) ++report.whole_now;
        if (now == Found::kBeginUnknown) ++report.begin_unknown_now;
      }
    }
  }
  return report;
}

}  // namespace walkback::archive
