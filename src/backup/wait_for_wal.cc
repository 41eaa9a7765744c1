#include "backup/wait_for_wal.h"

#include <fmt/format.h>

namespace walkback::backup {

namespace {

// Often at first: on a machine at rest the last segment is there within a tenth of a second. Less
// and less often after that: what is waited for in vain is a quarter of the wait.
constexpr std::chrono::milliseconds kFirstLook{5};
constexpr std::chrono::milliseconds kBetweenLooks{50};
constexpr std::chrono::seconds kBetweenComparisons{1};  // of a whole segment
constexpr std::chrono::seconds kBetweenQuestions{1};    // to the server

}  // namespace

// A name proves nothing: a clone of this cluster, or a former primary, may archive under it too,
// and a backup without its own WAL recovers to a mixture of both. A segment that is gone from
// pg_wal was archived by this server (src/backend/access/transam/xlogarchive.c,
// XLogArchiveCheckDone). A standby removes what it has replayed whether it was archived or not
// (the same function), but not the last segment, in which it still is.
Result<WalWait::Arrival> WalWait::look_for(pg::SegmentName segment) {
  const std::string name = segment.text(archive_.segment_bytes());
  if (!TRY(archive_.has(name))) return Arrival::kMissing;
  const std::string path = join_path(pg_wal_, name);
  const auto differs = [&]() -> Result<bool> {
    const Result<std::unique_ptr<File>> own = files_.open_read(path);
    if (!own.ok() && own.error().kind == ErrorKind::kMissing) return false;
    if (!own.ok()) return own.error();
    if (TRY(archive_.holds(name, **own))) return false;
    // Renamed for its next use while it was read?
    return TRY(files_.status(path)).has_value();
  };
  if (!TRY(differs())) return Arrival::kProved;
  if (!TRY(origin_.has_whole(segment))) return Arrival::kNotToCompareYet;
  // It may have become whole since it was read.
  if (!TRY(differs())) return Arrival::kProved;
  return make_error(
      ErrorKind::kConflict,
      fmt::format("WAL segment {} in the repository is not the one in this server's pg_wal", name),
      "another server archives under this cluster's name (a copy, or a former primary): switch "
      "archiving off on the one that should not, or give it a cluster name of its own; this backup "
      "was not kept");
}

Result<void> WalWait::until(pg::TimelineId timeline, pg::Lsn start, pg::Lsn stop) {
  const uint32_t segment_bytes = archive_.segment_bytes();
  const auto deadline = clock_.monotonic() + timeout_;
  auto next_question = clock_.monotonic();
  std::chrono::milliseconds until_next_look = kFirstLook;
  const pg::SegmentName last =
      pg::SegmentName::of(timeline, pg::Lsn{stop.value - 1}, segment_bytes);
  pg::SegmentName segment = pg::SegmentName::of(timeline, start, segment_bytes);
  if (!TRY(archive_.has(last.text(segment_bytes)))) origin_.hurry();
  while (segment.number <= last.number) {
    const Arrival arrival = TRY(look_for(segment));
    if (arrival == Arrival::kProved) {
      ++segment.number;
      continue;
    }
    const std::string name = segment.text(segment_bytes);
    if (clock_.monotonic() >= next_question) {
      next_question = clock_.monotonic() + kBetweenQuestions;
      TRY(origin_.ask(name));
    }
    if (stop_.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
    if (clock_.monotonic() > deadline) return origin_.late(name, timeout_);
    progress_.detail("waiting for " + name);
    clock_.sleep(until_next_look);
    until_next_look = std::min<std::chrono::milliseconds>(
        until_next_look * 5 / 4,
        arrival == Arrival::kMissing ? kBetweenLooks : kBetweenComparisons);
  }
  return success();
}

}  // namespace walkback::backup
