#include "backup/wait_for_wal.h"

#include <fmt/format.h>

#include "catalog/server_commands.h"

namespace walkback::backup {

namespace {

// Often at first: on a machine at rest the last segment is there within a tenth of a second.
constexpr std::chrono::milliseconds kFirstLook{5};
constexpr std::chrono::milliseconds kBetweenLooks{50};
constexpr std::chrono::seconds kBetweenQuestions{1};  // to the server

Error not_archived(pgconn::Connection& connection, const std::string& name,
                   std::chrono::seconds timeout) {
  std::string message = fmt::format("WAL segment {} did not arrive in the repository within {} s",
                                    name, timeout.count());
  Result<std::optional<std::string>> failure = last_archive_failure(connection);
  if (failure.ok() && *failure) message += "; " + **failure;
  return make_error(
      ErrorKind::kTransient, std::move(message),
      "look at the server's log for what archive_command says, mend that, and back up again");
}

Error archived_elsewhere(const std::string& name, const std::string& where) {
  return make_error(
      ErrorKind::kInvalid,
      fmt::format("the server calls WAL segment {} archived, and it is not in {}", name, where),
      "its archive_command gives the WAL to something else: `walkback check` shows it, "
      "`walkback init --apply` sets walkback's");
}

// Files are archived in the order of their names (src/backend/postmaster/pgarch.c,
// pgarch_readyXlog), so a later one of the timeline, which may be a backup's history file, tells of
// this one too.
bool says_archived(const std::string& last, const std::string& name) {
  constexpr size_t kTimelineDigits = 8;
  return last.size() >= name.size() && last >= name &&
         last.compare(0, kTimelineDigits, name, 0, kTimelineDigits) == 0;
}

// A name proves nothing: a clone of this cluster, or a former primary, may archive under it too,
// and a backup without its own WAL recovers to a mixture of both. A segment that is gone from
// pg_wal was archived by this server (src/backend/access/transam/xlogarchive.c,
// XLogArchiveCheckDone).
Result<void> check_own(const catalog::WalArchive& archive, FileSystem& files,
                       const std::string& pg_wal, const std::string& name) {
  const std::string path = join_path(pg_wal, name);
  const Result<std::unique_ptr<File>> own = files.open_read(path);
  if (!own.ok() && own.error().kind == ErrorKind::kMissing) return success();
  if (!own.ok()) return own.error();
  if (TRY(archive.holds(name, **own))) return success();
  // Renamed for its next use while it was read.
  if (!TRY(files.status(path))) return success();
  return make_error(
      ErrorKind::kConflict,
      fmt::format("WAL segment {} in the repository is not the one in this server's pg_wal", name),
      "another server archives under this cluster's name (a copy, or a former primary): switch "
      "archiving off on the one that should not, or give it a cluster name of its own; this backup "
      "was not kept");
}

}  // namespace

Result<void> check_archives_here(const ServerFacts& facts, const catalog::WalArchive& archive) {
  const std::string& last = facts.last_archived;
  const bool foreign = catalog::is_foreign_archive_command(facts.archive_command);
  // Names other than a segment's are rare, and no evidence.
  if (!foreign || !pg::SegmentName::parse(last, archive.segment_bytes()).ok()) return success();
  if (TRY(archive.has(last))) return success();
  return archived_elsewhere(last, archive.description());
}

Result<void> wait_for_wal(const catalog::WalArchive& archive, FileSystem& files,
                          const std::string& pg_wal, pgconn::Connection& connection,
                          pg::TimelineId timeline, pg::Lsn start, pg::Lsn stop, Clock& clock,
                          std::chrono::seconds timeout, Progress& progress,
                          std::stop_token stop_token) {
  const uint32_t segment_bytes = archive.segment_bytes();
  const auto deadline = clock.monotonic() + timeout;
  auto next_question = clock.monotonic();
  std::chrono::milliseconds until_next_look = kFirstLook;
  const pg::SegmentName last =
      pg::SegmentName::of(timeline, pg::Lsn{stop.value - 1}, segment_bytes);
  pg::SegmentName segment = pg::SegmentName::of(timeline, start, segment_bytes);
  while (segment.number <= last.number) {
    const std::string name = segment.text(segment_bytes);
    if (TRY(archive.has(name))) {
      TRY(check_own(archive, files, pg_wal, name));
      ++segment.number;
      continue;
    }
    if (clock.monotonic() >= next_question) {
      next_question = clock.monotonic() + kBetweenQuestions;
      const bool archived = says_archived(TRY(last_archived(connection)), name);
      // It may have arrived since it was looked for.
      if (archived && !TRY(archive.has(name))) {
        return archived_elsewhere(name, archive.description());
      }
    }
    if (stop_token.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
    if (clock.monotonic() > deadline) return not_archived(connection, name, timeout);
    progress.detail("waiting for " + name);
    clock.sleep(until_next_look);
    until_next_look = std::min(until_next_look * 2, kBetweenLooks);
  }
  return success();
}

}  // namespace walkback::backup
