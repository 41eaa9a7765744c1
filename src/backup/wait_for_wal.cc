#include "backup/wait_for_wal.h"

#include <fmt/format.h>

#include "backup/server_session.h"

namespace walkback::backup {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{50};

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

}  // namespace

Result<void> wait_for_wal(const catalog::WalArchive& archive, pgconn::Connection& connection,
                          pg::TimelineId timeline, pg::Lsn start, pg::Lsn stop, Clock& clock,
                          std::chrono::seconds timeout, Progress& progress,
                          std::stop_token stop_token) {
  const uint32_t segment_bytes = archive.segment_bytes();
  const auto deadline = clock.monotonic() + timeout;
  const pg::SegmentName last =
      pg::SegmentName::of(timeline, pg::Lsn{stop.value - 1}, segment_bytes);
  pg::SegmentName segment = pg::SegmentName::of(timeline, start, segment_bytes);
  while (segment.number <= last.number) {
    const std::string name = segment.text(segment_bytes);
    if (TRY(archive.has(name))) {
      ++segment.number;
      continue;
    }
    if (stop_token.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
    if (clock.monotonic() > deadline) return not_archived(connection, name, timeout);
    progress.detail("waiting for " + name);
    clock.sleep(kBetweenLooks);
  }
  return success();
}

}  // namespace walkback::backup
