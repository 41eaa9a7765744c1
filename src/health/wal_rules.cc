// Whether what is committed now reaches the repository, and what holds WAL up.
#include <fmt/format.h>

#include <algorithm>

#include "base/human.h"
#include "health/findings.h"

namespace walkback::health {

namespace {

// A segment waits a moment before it is archived; only what waits longer piles up.
constexpr double kPilesUp_s = 60;

bool is_standby(Findings& findings) {
  return findings.facts.server && findings.facts.server->ok() &&
         (*findings.facts.server)->in_recovery;
}

// Of those commits that would be lost: the primary's clock wrote their times.
double lag_of(const Facts& facts, const UnarchivedFacts& unarchived) {
  if (!unarchived.first_commit) return 0;
  const bool answers = facts.server && facts.server->ok();
  return seconds_between(*unarchived.first_commit, answers ? (*facts.server)->clock : facts.now);
}

// For how long a finished segment has waited for the archiver.
double waited_s(const Facts& facts) {
  if (!facts.wal_directory || !facts.wal_directory->ok()) return 0;
  const WalDirectoryFacts& directory = **facts.wal_directory;
  return directory.waiting_since ? seconds_between(*directory.waiting_since, facts.now) : 0;
}

std::string clock_time(const std::optional<Timestamp>& time) {
  return time ? local_second(*time) : std::string("a time that is not known");
}

std::vector<Figure> evidence_of(const ArchiverFacts& archiver) {
  std::vector<Figure> evidence{{"last_archived", archiver.last_archived},
                               {"last_failed", archiver.last_failed},
                               {"failures", archiver.failures}};
  if (archiver.last_archived_at) {
    evidence.push_back({"last_archived_at", *archiver.last_archived_at});
  }
  if (archiver.last_failed_at) evidence.push_back({"last_failed_at", *archiver.last_failed_at});
  return evidence;
}

struct LagText {
  std::string text;
  std::string hint;
};

LagText explain_lag(Findings& findings, const UnarchivedFacts& unarchived, double lag) {
  const Facts& facts = findings.facts;
  const bool answers = facts.server && facts.server->ok();
  std::string what =
      fmt::format("the oldest commit that is not in the repository is {} old", human_duration(lag));
  if (unarchived.bytes) what += fmt::format(", with {} of WAL", human_bytes(*unarchived.bytes));
  if (findings.limits.wal_lag) what += "; " + limit_text(*findings.limits.wal_lag);
  if (!answers) {
    return {std::move(what),
            "until the server runs again these commits are in its pg_wal alone: keep it"};
  }
  const ServerFacts& server = **facts.server;
  const auto timeout = static_cast<double>(server.archiver.timeout.count());
  if (server.archiver.failing() || server.archiver.archives_elsewhere || !server.archiver.on) {
    return {std::move(what), "what the archiver's finding says comes first"};
  }
  if (timeout == 0 || timeout > lag) {
    return {std::move(what),
            "a segment is archived when it is full, or archive_timeout has passed, which is " +
                (timeout == 0 ? std::string("off") : human_duration(timeout)) +
                ": `walkback init --apply --archive-timeout 60` sets it"};
  }
  return {std::move(what),
          "the archiver does not keep up: `walkback check` shows how the repository answers"};
}

}  // namespace

std::string before_a_backup(const ServerFacts& server) {
  const ArchiverFacts& archiver = server.archiver;
  if (server.in_recovery) return "";  // its primary archives
  if (archiver.waits_for_restart) return "restart PostgreSQL: archive_mode takes effect with that";
  if (!archiver.on) {
    return "`walkback init --apply` sets what archiving needs; then restart PostgreSQL";
  }
  if (!archiver.has_command) return "`walkback init --apply` sets what archiving needs";
  if (archiver.archives_elsewhere) {
    return "archive_command gives the WAL to something else: `walkback check` shows it";
  }
  if (archiver.failing()) {
    return fmt::format(
        "the server's log has what archive_command said at {}; `walkback check` tries the "
        "repository",
        clock_time(archiver.last_failed_at));
  }
  return "";
}

void judge_archiver(Findings& findings) {
  const ServerFacts* server = findings.server("archiver");
  if (server == nullptr) return;
  if (server->in_recovery) {
    return findings.not_known("archiver", "this is a standby: its primary archives");
  }
  const ArchiverFacts& archiver = server->archiver;
  std::vector<Figure> evidence = evidence_of(archiver);
  if (!archiver.on || !archiver.has_command) {
    return findings.add(Level::kCritical, "archiver",
                        archiver.on
                            ? "archive_command is empty: nothing is archived, and pg_wal grows"
                        : archiver.waits_for_restart
                            ? "archive_mode is set, and PostgreSQL was not restarted since: "
                              "no WAL is archived"
                            : "archive_mode is off: no WAL is archived",
                        before_a_backup(*server), std::move(evidence));
  }
  if (archiver.archives_elsewhere) {
    return findings.add(Level::kCritical, "archiver",
                        fmt::format("the server calls {} archived, and it is not in the repository",
                                    archiver.last_archived),
                        before_a_backup(*server), evidence);
  }
  if (!archiver.failing()) {
    return findings.add(
        Level::kHealthy, "archiver",
        archiver.last_archived_at
            ? fmt::format(
                  "the server last archived {}, {} ago", archiver.last_archived,
                  human_duration(seconds_between(*archiver.last_archived_at, server->clock)))
            : "the server has archived nothing since its statistics were reset",
        "", std::move(evidence));
  }
  const double waited = waited_s(findings.facts);
  evidence.push_back({"waiting_s", waited});
  const Span limit = findings.limits.wal_lag;
  const bool for_long = limit && waited > static_cast<double>(limit->count());
  findings.add(for_long ? Level::kCritical : Level::kWarning, "archiver",
               fmt::format("archive_command fails: {} at {}, and nothing was archived since {}{}",
                           archiver.last_failed, clock_time(archiver.last_failed_at),
                           archiver.last_archived_at ? local_second(*archiver.last_archived_at)
                                                     : "the statistics were reset",
                           waited > 0 ? "; a segment waits for " + human_duration(waited) : ""),
               before_a_backup(*server), std::move(evidence));
}

void judge_wal_lag(Findings& findings) {
  if (is_standby(findings)) {
    return findings.not_known("wal_lag", "this is a standby: its primary archives");
  }
  const UnarchivedFacts* unarchived =
      findings.seen(findings.facts.unarchived, "wal_lag", "the server's WAL");
  if (unarchived == nullptr) return;
  const double lag = lag_of(findings.facts, *unarchived);
  std::vector<Figure> evidence{{"lag_s", lag},
                               {"archived_until_lsn", unarchived->archived_until.text()}};
  if (unarchived->bytes) evidence.push_back({"lag_bytes", *unarchived->bytes});
  if (unarchived->first_commit) evidence.push_back({"first_commit", *unarchived->first_commit});
  const Span limit = findings.limits.wal_lag;
  if (limit) evidence.push_back({"limit_s", static_cast<uint64_t>(limit->count())});
  if (!unarchived->lost.empty()) {
    evidence.push_back({"lost_segment", unarchived->lost});
    return findings.add(Level::kCritical, "wal_lag",
                        fmt::format("segment {} is neither in the repository nor in pg_wal: what "
                                    "comes after it cannot be recovered",
                                    unarchived->lost),
                        "`walkback check` says why it was not archived; then `walkback backup`, "
                        "with which recovery begins anew",
                        std::move(evidence));
  }
  const Level level = limit ? level_above(lag, *limit, kCriticalWalLag) : Level::kHealthy;
  if (level == Level::kHealthy) {
    return findings.add(
        level, "wal_lag",
        unarchived->first_commit
            ? fmt::format("the oldest commit that is not in the repository is {} old{}",
                          human_duration(lag),
                          unarchived->bytes
                              ? fmt::format(", with {} of WAL", human_bytes(*unarchived->bytes))
                              : "")
            : "everything that is committed is in the repository",
        "", std::move(evidence));
  }
  LagText said = explain_lag(findings, *unarchived, lag);
  findings.add(level, "wal_lag", std::move(said.text), std::move(said.hint), std::move(evidence));
}

void judge_pg_wal(Findings& findings) {
  const WalDirectoryFacts* directory =
      findings.seen(findings.facts.wal_directory, "pg_wal", "pg_wal");
  if (directory == nullptr) return;
  std::vector<Figure> evidence{{"bytes", directory->bytes},
                               {"segments_waiting", directory->waiting},
                               {"free_bytes", directory->disk.free_bytes}};
  if (directory->bytes_per_s) evidence.push_back({"wal_bytes_per_s", *directory->bytes_per_s});
  const std::string sizes = fmt::format("{} in pg_wal, {} free", human_bytes(directory->bytes),
                                        human_bytes(directory->disk.free_bytes));
  const uint64_t segment_bytes =
      directory->segments > 0 ? directory->bytes / directory->segments : 0;
  if (directory->disk.free_bytes < kSegmentsToTheEnd * segment_bytes) {
    return findings.add(Level::kCritical, "pg_wal",
                        sizes + ": PostgreSQL stops when it cannot write the next segment",
                        "make room on that disk; remove nothing from pg_wal by hand",
                        std::move(evidence));
  }
  const bool slots_hold =
      findings.facts.server && findings.facts.server->ok() &&
      std::ranges::any_of((*findings.facts.server)->slots, [&](const SlotFacts& slot) {
        return slot.held_bytes > findings.limits.slot_wal_bytes;
      });
  const bool piles_up = waited_s(findings.facts) > kPilesUp_s || slots_hold;
  const Span limit = findings.limits.disk_time_left;
  if (!piles_up || !directory->bytes_per_s || *directory->bytes_per_s <= 0) {
    return findings.add(Level::kHealthy, "pg_wal", sizes, "", std::move(evidence));
  }
  const double left = static_cast<double>(directory->disk.free_bytes) / *directory->bytes_per_s;
  evidence.push_back({"time_left_s", left});
  if (limit) evidence.push_back({"limit_s", static_cast<uint64_t>(limit->count())});
  const Level level = limit ? level_below(left, *limit, kCriticalDiskTime) : Level::kHealthy;
  const std::string held = slots_hold ? "a replication slot holds WAL"
                                      : counted(directory->waiting, "segment") + " " +
                                            (directory->waiting == 1 ? "waits" : "wait") +
                                            " for the archiver";
  findings.add(level, "pg_wal",
               fmt::format("{}: {}; at the rate of the last hour ({}/s) the disk is full in {}",
                           sizes, held, human_bytes(static_cast<uint64_t>(*directory->bytes_per_s)),
                           human_duration(left)),
               slots_hold ? "the slot's finding says which; remove nothing from pg_wal by hand"
                          : "the archiver's finding says why; remove nothing from pg_wal by hand",
               std::move(evidence));
}

void judge_slots(Findings& findings) {
  const ServerFacts* server = findings.server("slot");
  if (server == nullptr) return;
  uint64_t most = 0;
  bool found = false;
  for (const SlotFacts& slot : server->slots) {
    most = std::max(most, slot.held_bytes);
    std::vector<Figure> evidence{{"slot", slot.name},
                                 {"active", slot.active},
                                 {"held_bytes", slot.held_bytes},
                                 {"limit_bytes", findings.limits.slot_wal_bytes}};
    const std::string drop = fmt::format(
        "if nobody needs it any more: SELECT pg_drop_replication_slot('{}')", slot.name);
    if (slot.lost) {
      findings.add(Level::kWarning, "slot",
                   fmt::format("replication slot {} has lost the WAL that it needs", slot.name),
                   "what reads from it must be built anew; " + drop, std::move(evidence));
      found = true;
    } else if (slot.held_bytes > findings.limits.slot_wal_bytes) {
      const bool fills = findings.facts.wal_directory && findings.facts.wal_directory->ok() &&
                         slot.held_bytes > (*findings.facts.wal_directory)->disk.free_bytes;
      findings.add(
          fills ? Level::kCritical : Level::kWarning, "slot",
          fmt::format("replication slot {} holds {} of WAL in pg_wal; {}{}", slot.name,
                      human_bytes(slot.held_bytes),
                      slot.active ? "what reads from it does not keep up" : "nothing reads from it",
                      fills ? "; less than that is free" : ""),
          slot.active ? "look at what reads from it; " + drop : drop, std::move(evidence));
      found = true;
    }
  }
  if (found) return;
  findings.add(
      Level::kHealthy, "slot",
      server->slots.empty()
          ? "no replication slots"
          : fmt::format("{}, holding {} of WAL at most",
                        counted(server->slots.size(), "replication slot"), human_bytes(most)),
      "", {{"slots", uint64_t{server->slots.size()}}, {"held_bytes", most}});
}

}  // namespace walkback::health
