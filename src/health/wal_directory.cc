#include "health/wal_directory.h"

#include <algorithm>
#include <vector>

namespace walkback::health {

namespace {

constexpr std::chrono::hours kRateOver{1};
// Shorter than that it is a burst and no rate.
constexpr double kShortestForRate_s = 10;
constexpr std::string_view kReady = ".ready";

Result<std::vector<pg::SegmentName>> segments_in(FileSystem& files, const std::string& directory,
                                                 std::string_view suffix, uint32_t segment_bytes) {
  std::vector<pg::SegmentName> segments;
  for (const DirectoryEntry& entry : TRY(files.list(directory))) {
    if (!entry.name.ends_with(suffix)) continue;
    const std::string_view name =
        std::string_view(entry.name).substr(0, entry.name.size() - suffix.size());
    if (pg::wal_file_kind(name) != pg::WalFileKind::kSegment) continue;
    const auto segment = pg::SegmentName::parse(name, segment_bytes);
    if (segment.ok()) segments.push_back(*segment);
  }
  return segments;  // the directory is listed by name: by timeline, then in the order of the log
}

// When a file was last written; nothing when it has gone meanwhile.
Result<std::optional<Timestamp>> modified(FileSystem& files, const std::string& path) {
  const std::optional<FileInfo> info = TRY(files.status(path));
  return info ? std::optional(info->modified) : std::nullopt;
}

// A finished segment was last written when it was finished: the oldest of the last hour says how
// much came since. Segments beyond the one that is written are old ones with a new name.
Result<std::optional<double>> rate(FileSystem& files, const std::string& pg_wal,
                                   const std::vector<pg::SegmentName>& segments,
                                   uint32_t segment_bytes, const ServerFacts& server,
                                   Timestamp now) {
  std::optional<double> found;
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    const pg::Lsn end = segment->start(segment_bytes) + segment_bytes;
    if (segment->timeline != server.timeline || end > server.wal_end) continue;
    const auto finished = TRY(modified(files, join_path(pg_wal, segment->text(segment_bytes))));
    if (!finished) continue;
    const std::chrono::microseconds since = now - *finished;
    if (since > kRateOver) break;
    const double seconds = std::chrono::duration<double>(since).count();
    if (seconds < kShortestForRate_s) continue;
    found = static_cast<double>(server.wal_end - end) / seconds;
  }
  return found;
}

}  // namespace

Result<WalDirectoryFacts> look_at_pg_wal(FileSystem& files, const std::string& pg_wal,
                                         uint32_t segment_bytes, const ServerFacts* server,
                                         Timestamp now) {
  WalDirectoryFacts facts;
  facts.disk = TRY(files.disk_space(pg_wal));
  const std::vector<pg::SegmentName> segments = TRY(segments_in(files, pg_wal, "", segment_bytes));
  facts.segments = segments.size();
  facts.bytes = facts.segments * segment_bytes;
  const std::string marks = join_path(pg_wal, "archive_status");
  const std::vector<pg::SegmentName> waiting =
      TRY(segments_in(files, marks, kReady, segment_bytes));
  facts.waiting = waiting.size();
  if (!waiting.empty()) {
    facts.first_waiting = waiting.front().text(segment_bytes);
    // Made when the segment was finished, and renamed when it is archived.
    facts.waiting_since =
        TRY(modified(files, join_path(marks, facts.first_waiting + std::string(kReady))));
  }
  if (server != nullptr && !server->in_recovery) {
    facts.bytes_per_s = TRY(rate(files, pg_wal, segments, segment_bytes, *server, now));
  }
  return facts;
}

}  // namespace walkback::health
