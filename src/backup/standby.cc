#include "backup/standby.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/time_text.h"
#include "catalog/wal_chain.h"
#include "pg/timeline_history.h"

namespace walkback::backup {

namespace {

constexpr uint64_t kLargestHistory = 1 << 20;

// Times in pg_control are whole seconds, cut off.
constexpr std::chrono::seconds kControlFileTime{1};

// The timeline that left `timeline` before `lsn`, if the standby went along: it keeps the history
// files of those that it follows (src/backend/access/transam/timeline.c,
// restoreTimeLineHistoryFiles; src/backend/replication/walreceiver.c,
// WalRcvFetchTimeLineHistoryFiles).
Result<std::optional<pg::TimelineId>> followed_instead(FileSystem& files, const std::string& pg_wal,
                                                       pg::TimelineId timeline, pg::Lsn lsn) {
  for (const DirectoryEntry& entry : TRY(files.list(pg_wal))) {
    const Result<pg::TimelineId> newer = pg::parse_history_file_name(entry.name);
    if (!newer.ok() || *newer <= timeline) continue;
    const Result<Bytes> text = read_file(files, join_path(pg_wal, entry.name), kLargestHistory);
    if (!text.ok() && text.error().kind == ErrorKind::kMissing) continue;
    if (!text.ok()) return text.error();
    const pg::TimelineHistory history = TRY(pg::TimelineHistory::parse(*newer, as_text(*text)));
    const std::optional<pg::Lsn> left = history.end_of(timeline);
    if (left && *left < lsn) return std::optional(*newer);
  }
  return std::optional<pg::TimelineId>();
}

}  // namespace

Result<void> check_wal_arrives(const catalog::WalArchive& archive, const pg::ControlFile& control,
                               WalWait& wait) {
  catalog::SegmentLists lists(archive);
  const Result<catalog::WalChain> chain = catalog::WalChain::load(lists, control.timeline);
  if (!chain.ok() && chain.error().kind != ErrorKind::kMissing) return chain.error();
  if (!chain.ok() || chain->stretches().empty()) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("there is no WAL of timeline {}, which this standby follows, in {}",
                    control.timeline.value, archive.description()),
        "a standby's WAL is archived by its primary: run `walkback init --apply` there, with this "
        "repository and this cluster's name");
  }
  // What lies before the restartpoint's segment was complete long ago.
  const uint64_t number = control.redo.value / archive.segment_bytes();
  const pg::Lsn begun{number * archive.segment_bytes()};
  if (chain->stretches().back().end >= begun) return success();
  const auto before =
      TRY(pg::SegmentName::parse(chain->file_name({begun.value - 1}), archive.segment_bytes()));
  return wait.until(before.timeline, before.start(archive.segment_bytes()), begun);
}

Result<Replayed> how_far_replayed(pgconn::Connection& standby) {
  const pgconn::Table table = TRY(standby.query(
      "SELECT pg_last_wal_replay_lsn(), to_char(pg_last_xact_replay_timestamp() AT TIME ZONE "
      "'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), pg_last_wal_replay_lsn()"));
  if (table.rows.size() != 1 || table.rows[0].size() != 3 || !table.rows[0][0] ||
      !table.rows[0][2]) {
    return make_error(ErrorKind::kInvalid, "the standby did not say how far it has replayed");
  }
  const pgconn::Row& row = table.rows[0];
  Replayed replayed;
  replayed.to = TRY(pg::Lsn::parse(*row[0]));
  if (row[1]) replayed.last_transaction = TRY(parse_iso_utc(*row[1]));
  replayed.known_to = TRY(pg::Lsn::parse(*row[2]));
  return replayed;
}

Result<BackupEnd> end_at_standby(const pg::ControlFile& copied, const Replayed& replayed,
                                 const pg::BackupLabel& label, FileSystem& files,
                                 const std::string& pg_wal) {
  BackupEnd end;
  end.lsn = std::max(copied.min_recovery_point, replayed.to);
  end.wal_until = std::max(end.lsn, replayed.known_to);
  end.time = replayed.last_transaction.value_or(copied.checkpoint_time + kControlFileTime);
  const std::optional<pg::TimelineId> newer =
      TRY(followed_instead(files, pg_wal, label.timeline, end.wal_until));
  if (newer) {
    return make_error(
        ErrorKind::kTransient,
        fmt::format("the backup began on timeline {}, and the standby went on to timeline {} "
                    "before it ended",
                    label.timeline.value, newer->value),
        "take it again: it begins on the new timeline once the standby has replayed a checkpoint "
        "there");
  }
  if (end.lsn <= label.checkpoint) {
    return make_error(ErrorKind::kTransient,
                      fmt::format("the standby has replayed nothing since its restartpoint at {}",
                                  label.checkpoint.text()),
                      "take the backup again once it follows its primary");
  }
  return end;
}

}  // namespace walkback::backup
