// Whether the past can be recovered, and what shows it.
#include <fmt/format.h>

#include <algorithm>

#include "base/human.h"
#include "catalog/promise.h"
#include "health/findings.h"

namespace walkback::health {

namespace {

using catalog::BackupSummary;
using catalog::WalGap;

// With `now`, of those that no clock dated in the future.
const BackupSummary* last_good(const RepositoryFacts& repository,
                               std::optional<Timestamp> now = {}) {
  const auto& backups = repository.backups;
  const auto found = std::find_if(backups.rbegin(), backups.rend(), [&](const BackupSummary& one) {
    return catalog::is_good(one) && !(now && catalog::is_dated_ahead(one, *now));
  });
  return found == backups.rend() ? nullptr : &*found;
}

std::string attempts_text(const Attempts& attempts, Timestamp now) {
  if (attempts.running_backup) {
    return fmt::format("; one runs since {}",
                       human_duration(seconds_between(*attempts.running_backup, now)));
  }
  if (!attempts.failed_backup) return "";
  return fmt::format("; the last attempt, at {}, failed: {}",
                     local_second(attempts.failed_backup->at), attempts.failed_backup->error);
}

// A gap without times lies between moments that nobody knows: it counts.
bool is_promised(const WalGap& gap, std::optional<Timestamp> since) {
  return !since || !gap.to || *gap.to > *since;
}

std::string moments_in(const WalGap& gap) {
  if (gap.from && gap.to) {
    return fmt::format("moments between {} and {}", local_second(*gap.from), local_second(*gap.to));
  }
  if (gap.from) return fmt::format("moments after {}", local_second(*gap.from));
  if (gap.to) return fmt::format("moments before {}", local_second(*gap.to));
  return "the moments when it was written (which nothing in the repository says)";
}

std::vector<Figure> evidence_of(const WalGap& gap) {
  std::vector<Figure> evidence{{"timeline", uint64_t{gap.timeline.value}},
                               {"from_lsn", gap.from_lsn.text()},
                               {"to_lsn", gap.to_lsn.text()},
                               {"bytes", gap.to_lsn - gap.from_lsn}};
  if (gap.from) evidence.push_back({"from", *gap.from});
  if (gap.to) evidence.push_back({"to", *gap.to});
  return evidence;
}

std::string took(const MassChange& change) {
  const std::string rows = counted(change.rows, "row");
  return change.what == "deleted" ? fmt::format("deleted {} of {}", rows, change.table)
                                  : fmt::format("{} {} ({})", change.what, change.table, rows);
}

// A backup is of use with its WAL alone: where none is archived, that comes first.
std::string how_to_back_up(const Findings& findings, std::string_view otherwise) {
  const Looked<ServerFacts>& server = findings.facts.server;
  const std::string first = server && server->ok() ? before_a_backup(**server) : "";
  if (first.empty()) return std::string(otherwise);
  return fmt::format("first {}. No backup ends before WAL is archived; then `walkback backup`",
                     first);
}

}  // namespace

void judge_backup_age(Findings& findings) {
  const RepositoryFacts* repository = findings.repository("backup_age");
  if (repository == nullptr) return;
  const Timestamp now = findings.facts.now;
  const std::string attempts = attempts_text(repository->attempts, now);
  const auto ahead = std::ranges::find_if(repository->backups, [&](const BackupSummary& backup) {
    return catalog::is_dated_ahead(backup, now);
  });
  const BackupSummary* newest = last_good(*repository, now);
  if (ahead != repository->backups.end()) {
    findings.add(newest ? Level::kWarning : Level::kCritical, "backup_age",
                 fmt::format("backup {} ended at {}, which is yet to come: its host's clock was "
                             "wrong, and nobody knows how old it is",
                             ahead->id.text, local_second(ahead->stopped_at)),
                 "set that clock right, then `walkback backup`",
                 {{"backup", ahead->id.text}, {"stopped_at", ahead->stopped_at}});
  }
  if (newest == nullptr && ahead != repository->backups.end()) return;
  if (newest == nullptr) {
    return findings.add(
        Level::kCritical, "backup_age",
        repository->backups.empty()
            ? "there is no backup: nothing can be recovered" + attempts
            : fmt::format("no good backup: of {}, all have pages that fail their checksum",
                          counted(repository->backups.size(), "backup")),
        how_to_back_up(findings, "`walkback backup` takes one"),
        {{"backups", uint64_t{repository->backups.size()}}});
  }
  const double age = seconds_between(newest->stopped_at, now);
  const Span limit = findings.limits.backup_age;
  const Level level = limit ? level_above(age, *limit, kCriticalBackupAge) : Level::kHealthy;
  std::string text =
      fmt::format("the last good backup, {}, ended {} ago", newest->id.text, human_duration(age));
  if (level != Level::kHealthy) text += "; " + limit_text(*limit);
  text += attempts;
  std::vector<Figure> evidence{{"backup", newest->id.text},
                               {"stopped_at", newest->stopped_at},
                               {"age_s", age},
                               {"backups", uint64_t{repository->backups.size()}}};
  if (limit) evidence.push_back({"limit_s", static_cast<uint64_t>(limit->count())});
  findings.add(
      level, "backup_age", std::move(text),
      how_to_back_up(findings,
                     repository->attempts.failed_backup && !repository->attempts.running_backup
                         ? "mend what the last attempt failed at (`walkback history` has all of "
                           "them), then `walkback backup`"
                         : "`walkback backup` takes one; is what should take it every night still "
                           "there?"),
      std::move(evidence));
}

void judge_bad_pages(Findings& findings) {
  const RepositoryFacts* repository = findings.repository("bad_pages");
  if (repository == nullptr || repository->backups.empty()) return;
  const BackupSummary& newest = repository->backups.back();
  const std::vector<Figure> evidence{{"backup", newest.id.text},
                                     {"bad_pages", newest.bad_pages},
                                     {"unexplained_pages", newest.unexplained_pages}};
  if (newest.bad_pages > 0) {
    findings.add(Level::kCritical, "bad_pages",
                 fmt::format("{} of the cluster failed {} checksum in the newest backup, {}",
                             counted(newest.bad_pages, "page"),
                             newest.bad_pages == 1 ? "its" : "their", newest.id.text),
                 "`walkback backup` names them; the disk loses data: an older backup may have "
                 "them whole",
                 evidence);
  } else if (newest.unexplained_pages > 0) {
    findings.add(Level::kCritical, "bad_pages",
                 fmt::format("{} changed without a word of it in the WAL, as the newest backup, "
                             "{}, found",
                             counted(newest.unexplained_pages, "page"), newest.id.text),
                 "something else than PostgreSQL wrote them, or the disk lost a write; "
                 "`walkback backup` reads and compares all of them",
                 evidence);
  } else {
    findings.add(Level::kHealthy, "bad_pages", "no damaged page in the newest backup", "",
                 evidence);
  }
}

void judge_unreadable(Findings& findings) {
  const RepositoryFacts* repository = findings.repository("unreadable");
  if (repository == nullptr || repository->unreadable.empty()) return;
  const size_t count = repository->unreadable.size();
  findings.add(Level::kCritical, "unreadable",
               fmt::format("{} in the repository cannot be read: {}", counted(count, "object"),
                           repository->unreadable.front()),
               "`walkback verify` says which backups need what is damaged",
               {{"objects", uint64_t{count}}});
}

void judge_gaps(Findings& findings) {
  const RepositoryFacts* repository = findings.repository("gap");
  if (repository == nullptr) return;
  const BackupSummary* newest = last_good(*repository);
  const std::optional<Timestamp> since =
      catalog::promised_since(findings.limits.promise, repository->backups, findings.facts.now);
  bool promised = false;
  for (const WalGap& gap : repository->gaps) {
    const bool is_behind_all = newest == nullptr || gap.to_lsn > newest->stop_lsn;
    if (!is_behind_all && !is_promised(gap, since)) continue;
    promised = true;
    const std::string why = gap.reason.empty() ? "missing" : "of no use (" + gap.reason + ")";
    const std::string where =
        fmt::format("WAL from {} to {} on timeline {} is {}", gap.from_lsn.text(),
                    gap.to_lsn.text(), gap.timeline.value, why);
    if (is_behind_all) {
      findings.add(Level::kCritical, "gap",
                   fmt::format("{}: nothing after {} can be recovered", where,
                               gap.from ? local_second(*gap.from) : gap.from_lsn.text()),
                   "`walkback backup` makes what comes after it recoverable again, at once",
                   evidence_of(gap));
    } else {
      findings.add(Level::kWarning, "gap",
                   fmt::format("{}: {} cannot be recovered", where, moments_in(gap)),
                   "if these segments are left anywhere, `walkback wal-push PATH` of each closes "
                   "it",
                   evidence_of(gap));
    }
  }
  if (promised) return;
  if (repository->windows.empty() && newest != nullptr) {
    return findings.add(
        Level::kCritical, "gap",
        fmt::format("nothing can be recovered: the WAL of backup {}, the last, is not all there",
                    newest->id.text),
        "`walkback verify` says what is missing; `walkback backup` makes a new beginning, at once",
        {{"backup", newest->id.text}});
  }
  if (repository->windows.empty()) {
    return findings.not_known("gap", "there is no backup that a window could begin with");
  }
  const catalog::RecoveryWindow& window = repository->windows.back();
  findings.add(Level::kHealthy, "gap",
               fmt::format("every moment from {} to {} can be recovered", local_second(window.from),
                           local_second(window.to)),
               "", {{"from", window.from}, {"to", window.to}});
}

void judge_verify(Findings& findings) {
  const RepositoryFacts* repository = findings.repository("verify");
  if (repository == nullptr) return;
  const Attempts& attempts = repository->attempts;
  const Span limit = findings.limits.verify_age;
  const std::optional<Attempts::Verification>& last = attempts.last_verify;
  if (last && last->found_trouble) {
    return findings.add(Level::kCritical, "verify",
                        fmt::format("the last verification, at {}, found trouble: {}",
                                    local_second(last->at), last->detail),
                        "`walkback verify` shows what, and which backups need it",
                        {{"at", last->at}});
  }
  if (!attempts.last_sound_verify) {
    const Level level = limit ? Level::kWarning : Level::kHealthy;
    const std::string failed =
        last ? fmt::format("; the last, at {}, failed: {}", local_second(last->at), last->detail)
             : "";
    return findings.add(level, "verify", "what is stored was never verified" + failed,
                        repository->backups.empty()
                            ? "once there is a backup, `walkback verify` reads and compares it"
                            : "`walkback verify` reads and compares it");
  }
  const double age = seconds_between(*attempts.last_sound_verify, findings.facts.now);
  const Level level =
      limit && age > static_cast<double>(limit->count()) ? Level::kWarning : Level::kHealthy;
  std::string text = fmt::format("what is stored was verified {} ago", human_duration(age));
  if (level != Level::kHealthy) text += "; " + limit_text(*limit);
  if (last && !last->sound) text += "; the last run failed: " + last->detail;
  if (last && last->gaps > 0) {
    text += fmt::format("; the WAL has {} (see there)", counted(last->gaps, "gap"));
  }
  std::vector<Figure> evidence{{"at", *attempts.last_sound_verify}, {"age_s", age}};
  if (limit) evidence.push_back({"limit_s", static_cast<uint64_t>(limit->count())});
  findings.add(level, "verify", std::move(text), "`walkback verify` reads what came since",
               std::move(evidence));
}

void judge_drill(Findings& findings) {
  const RepositoryFacts* repository = findings.repository("drill");
  if (repository == nullptr) return;
  const Attempts& attempts = repository->attempts;
  if (attempts.last_drill && !attempts.last_drill->ok) {
    return findings.add(
        Level::kCritical, "drill",
        fmt::format("the last drill, at {}, failed: {}", local_second(attempts.last_drill->at),
                    attempts.last_drill->error),
        "mend what it says before a recovery has to work", {{"at", attempts.last_drill->at}});
  }
  const Span limit = findings.limits.drill_age;
  const std::optional<Attempts::Drill>& good = attempts.last_good_drill;
  if (!good) {
    return findings.add(limit ? Level::kWarning : Level::kHealthy, "drill",
                        "no drill has shown yet that a recovery works",
                        repository->backups.empty()
                            ? "once there is a backup, `walkback drill --into DIR` shows it"
                            : "`walkback drill --into DIR` shows it");
  }
  const double age = seconds_between(good->at, findings.facts.now);
  const Level level =
      limit && age > static_cast<double>(limit->count()) ? Level::kWarning : Level::kHealthy;
  std::string text = fmt::format("the last drill, {} ago, recovered in {}", human_duration(age),
                                 human_duration(good->recovery_s));
  if (level != Level::kHealthy) text += "; " + limit_text(*limit);
  std::vector<Figure> evidence{{"at", good->at}, {"age_s", age}, {"recovery_s", good->recovery_s}};
  if (limit) evidence.push_back({"limit_s", static_cast<uint64_t>(limit->count())});
  findings.add(level, "drill", std::move(text), "`walkback drill --into DIR` shows it again",
               std::move(evidence));
}

void judge_recovery_time(Findings& findings) {
  const Span objective = findings.limits.recovery_time_objective;
  if (!objective) return;
  const RepositoryFacts* repository = findings.repository("recovery_time");
  if (repository == nullptr) return;
  const auto most = static_cast<double>(objective->count());
  const std::optional<Attempts::Drill>& good = repository->attempts.last_good_drill;
  if (!good) {
    return findings.add(
        Level::kWarning, "recovery_time",
        fmt::format("a recovery shall take at most {}, and no drill has measured it",
                    human_duration(most)),
        "`walkback drill --into DIR` measures it",
        {{"objective_s", static_cast<uint64_t>(objective->count())}});
  }
  const bool restore_alone = good->restore_s > most;
  findings.add(good->recovery_s > most ? Level::kWarning : Level::kHealthy, "recovery_time",
               fmt::format("the last drill took {} of the {} that a recovery may take",
                           human_duration(good->recovery_s), human_duration(most)),
               restore_alone ? "restoring the backup alone took longer: recovery.workers fetches "
                               "more at a time, and a faster disk or a nearer repository does more"
                             : "backups more often leave less WAL to replay",
               {{"recovery_s", good->recovery_s},
                {"objective_s", static_cast<uint64_t>(objective->count())}});
}

void judge_mass_deletes(Findings& findings) {
  if (findings.limits.mass_delete_rows == 0) return;
  const RepositoryFacts* repository = findings.repository("mass_delete");
  if (repository == nullptr) return;
  const std::vector<MassChange>* changes =
      findings.seen(repository->mass_changes, "mass_delete", "the WAL of the last hour");
  if (changes == nullptr) return;
  for (const MassChange& change : *changes) {
    findings.add(
        Level::kWarning, "mass_delete",
        fmt::format("transaction {} {} at {}", change.xid, took(change), local_second(change.at)),
        fmt::format(
            "if that was no purge: `walkback find --xid {0}` shows it, `walkback undo --xid {0}` "
            "which rows it would give back, `walkback recover --before-xid {0} --into DIR` has "
            "the state before",
            change.xid),
        {{"xid", change.xid},
         {"at", change.at},
         {"table", change.table},
         {"what", change.what},
         {"rows", change.rows},
         {"limit_rows", findings.limits.mass_delete_rows}});
  }
  if (changes->empty()) {
    findings.add(Level::kHealthy, "mass_delete",
                 fmt::format("no transaction of the last hour took {} or more",
                             counted(findings.limits.mass_delete_rows, "row")),
                 "", {{"limit_rows", findings.limits.mass_delete_rows}});
  }
}

}  // namespace walkback::health
