#include "restore/refusal.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::restore {

namespace {

using catalog::RecoveryWindow;

// A year of holes is not read in two lines; `walkback list` has all.
constexpr size_t kMostWindows = 3;
constexpr size_t kMostMissing = 3;

std::string show(const PlanRecord& record) {
  return record.time ? fmt::format("{}, LSN {}", show_time(*record.time), record.lsn.text())
                     : "LSN " + record.lsn.text();
}

// The two lines, as they grow.
struct Words {
  std::string message;
  std::vector<std::string> hints;
  void hint(std::string text) { hints.push_back(std::move(text)); }
};

class Refusal {
 public:
  explicit Refusal(const Unreached& why) : why_(why) {}

  Error error() {
    explain();
    for (pg::TimelineId other : why_.held_by) words_.hint(on_another(other));
    if (words_.hints.empty()) words_.hint("`walkback list` shows what can be recovered");
    return make_error(kind(), words_.message, fmt::format("{}", fmt::join(words_.hints, "; ")));
  }

 private:
  // A hole is the user's to see, damage the repository's.
  ErrorKind kind() const {
    return why_.target.kind == TargetKind::kLatest && why_.problem ? why_.problem->kind
                                                                   : ErrorKind::kInvalid;
  }

  void explain() {
    switch (why_.target.kind) {
      case TargetKind::kTime:
        return explain_time();
      case TargetKind::kLsn:
        return explain_lsn();
      case TargetKind::kXid:
      case TargetKind::kBeforeXid:
      case TargetKind::kName:
        return explain_event();
      case TargetKind::kLatest:
        return explain_latest();
      case TargetKind::kImmediate:
        return explain_no_window();
    }
  }

  void explain_time() {
    const Timestamp time = why_.target.time;
    if (why_.now && time > *why_.now) {
      words_.message =
          fmt::format("{} is in the future; it is now {}", show_time(time), show_time(*why_.now));
      return offer_end();
    }
    if (why_.windows.empty()) return explain_no_window();
    // By the clocks of two hosts a time may lie after the backup's end and its record before it.
    if (time < why_.windows.front().from || why_.too_early) return explain_before_the_first();
    const auto next = std::ranges::find_if(
        why_.windows, [&](const RecoveryWindow& window) { return window.from > time; });
    const RecoveryWindow& before = *(next - 1);
    if (why_.problem && time < before.to) return explain_damage();
    if (next != why_.windows.end()) return explain_gap(before, &*next);
    if (!missing_from(before.to_lsn, {UINT64_MAX}).empty()) return explain_gap(before, nullptr);
    if (why_.problem) return explain_damage();
    explain_later();
  }

  void explain_lsn() {
    const pg::Lsn lsn = why_.target.lsn;
    if (why_.windows.empty()) return explain_no_window();
    if (lsn < why_.windows.front().from_lsn) return explain_before_the_first();
    const auto next = std::ranges::find_if(
        why_.windows, [&](const RecoveryWindow& window) { return window.from_lsn > lsn; });
    const RecoveryWindow& before = *(next - 1);
    if (why_.problem && lsn < before.to_lsn) return explain_damage();
    if (next != why_.windows.end()) return explain_gap(before, &*next);
    if (!missing_from(before.to_lsn, {UINT64_MAX}).empty()) return explain_gap(before, nullptr);
    if (why_.problem) return explain_damage();
    words_.message =
        fmt::format("LSN {} lies beyond the archived WAL of timeline {}, which ends at {}",
                    lsn.text(), why_.timeline.value, before.to_lsn.text());
    say_without_own_wal();
    offer_end();
    offer_to_archive();
  }

  void explain_event() {
    if (why_.rolled_back) {
      words_.message = fmt::format("transaction {} was rolled back at {}: it changed nothing",
                                   *why_.rolled_back->xid, show_time(*why_.rolled_back->time));
      words_.hint(fmt::format("the state it ended in: --lsn {}", why_.rolled_back->lsn.text()));
      return;
    }
    if (why_.too_early) {
      words_.message = fmt::format("{} ({}) is earlier than the end of the first backup",
                                   describe_named(), show(*why_.too_early));
      return offer_beginning();
    }
    words_.message = fmt::format("{} is not in the archived WAL of timeline {}", describe_named(),
                                 why_.timeline.value);
    if (why_.target.kind != TargetKind::kName && why_.last_timed && why_.last_timed->xid) {
      words_.message += fmt::format(", whose last transaction is {} ({})", *why_.last_timed->xid,
                                    show(*why_.last_timed));
    }
    say_without_own_wal();
    if (why_.problem) words_.message += "; " + why_.problem->message;
    for (size_t i = 0; i < why_.missing.size() && i < kMostMissing; ++i) {
      words_.message += "; " + describe(why_.missing[i]);
    }
    if (!why_.incomplete.empty()) words_.message += "; " + why_.incomplete;
    offer_restore_points();
    offer_windows();
    offer_to_archive();
  }

  void explain_latest() {
    if (why_.problem) return explain_damage();
    if (why_.windows.empty() || why_.missing.empty()) return explain_no_window();
    words_.message = fmt::format("the end of timeline {} cannot be reached", why_.timeline.value);
    name_missing(missing_from(why_.readable_to.value_or(pg::Lsn{}), {UINT64_MAX}));
    if (why_.readable_to) {
      words_.hint(fmt::format("up to the gap: --lsn {}", why_.readable_to->text()));
    }
  }

  void explain_no_window() {
    words_.message = fmt::format(
        "{} cannot be recovered: {}", describe(why_.target),
        why_.incomplete.empty() ? fmt::format("no backup leads to timeline {}", why_.timeline.value)
                                : why_.incomplete);
    words_.hint("`walkback list` shows the backups and every gap");
  }

  void explain_before_the_first() {
    words_.message = describe(why_.target) + " is earlier than the end of the first backup";
    offer_beginning();
  }

  void explain_gap(const RecoveryWindow& before, const RecoveryWindow* after) {
    const std::vector<MissingWal> missing =
        missing_from(before.to_lsn, after != nullptr ? after->from_lsn : pg::Lsn{UINT64_MAX});
    if (missing.empty() && why_.problem) {
      words_.message =
          fmt::format("{} cannot be reached: {}", describe(why_.target), why_.problem->message);
    } else {
      words_.message = describe(why_.target) + " lies in a gap";
      name_missing(missing);
    }
    if (after == nullptr) words_.message += ", and no backup was taken after that";
    std::string around = fmt::format("recovery is possible up to {} (--lsn {})",
                                     show_time(before.to), before.to_lsn.text());
    if (after != nullptr) {
      around += fmt::format(" and again from {}, when the first backup after the gap had ended",
                            show_time(after->from));
    }
    words_.hint(std::move(around));
  }

  void name_missing(const std::vector<MissingWal>& missing) {
    for (size_t i = 0; i < missing.size() && i < kMostMissing; ++i) {
      words_.message += (i == 0 ? ": " : ", ") + describe(missing[i]);
    }
    if (missing.size() > kMostMissing) {
      words_.message += fmt::format(", and {} more gaps", missing.size() - kMostMissing);
    }
  }

  void explain_damage() {
    words_.message =
        fmt::format("{} cannot be reached: {}", describe(why_.target), why_.problem->message);
    if (why_.readable_to) {
      words_.hint(fmt::format("up to there: --lsn {}", why_.readable_to->text()));
    }
  }

  void explain_later() {
    const std::optional<PlanRecord>& last = why_.last_timed;
    if (last && *last->time == why_.target.time) {
      words_.message = fmt::format(
          "{} is the very time of the last archived transaction: whether another one of that time "
          "follows is not known yet",
          show_time(why_.target.time));
    } else if (last) {
      words_.message = fmt::format(
          "{} is later than the last archived {} ({})", show_time(why_.target.time),
          last->xid ? fmt::format("transaction, {}", *last->xid) : last->what, show(*last));
    } else {
      words_.message = fmt::format(
          "{} is later than the end of the last backup ({}), and no transaction after "
          "that is archived",
          show_time(why_.target.time), show_time(why_.windows.back().from));
    }
    say_without_own_wal();
    offer_end();
    offer_to_archive();
  }

  void say_without_own_wal() {
    if (!why_.left) return;
    words_.message += fmt::format(
        "; timeline {} left timeline {} at LSN {} and has no WAL of its own "
        "in the repository yet",
        why_.timeline.value, why_.left->parent.value, why_.left->at.text());
  }

  void offer_beginning() {
    if (why_.windows.empty()) return;
    const RecoveryWindow& first = why_.windows.front();
    words_.hint(fmt::format("the earliest moment that can be recovered is {} (LSN {})",
                            show_time(first.from), first.from_lsn.text()));
  }

  // The end, where it is not "latest" that was asked for.
  void offer_end() {
    if (why_.windows.empty()) return;
    const RecoveryWindow& last = why_.windows.back();
    words_.hint(fmt::format(
        "every moment before {} can be reached, and all that is archived of timeline {}, up to LSN "
        "{}: --latest{}",
        show_time(last.to), why_.timeline.value, last.to_lsn.text(),
        why_.current && !why_.left ? "" : fmt::format(" --timeline {}", why_.timeline.value)));
  }

  // Where what is wanted may be on its way.
  void offer_to_archive() {
    if (!why_.current || why_.problem) return;
    // On a server at rest the log has no later time, until a checkpoint is asked for.
    const bool time = why_.target.kind == TargetKind::kTime;
    words_.hint(
        fmt::format("what the server has not archived yet is archived after {}SELECT "
                    "pg_switch_wal() there{}",
                    time ? "CHECKPOINT; " : "", time ? ", which proves the time up to now" : ""));
  }

  void offer_restore_points() {
    if (why_.target.kind != TargetKind::kName) return;
    if (why_.restore_points.empty()) {
      return words_.hint("there is no restore point in the archived WAL");
    }
    std::vector<std::string> points;
    for (const PlanRecord& point : why_.restore_points) {
      points.push_back(
          fmt::format("{} ({})", point.what.substr(point.what.find('\'')), show_time(*point.time)));
    }
    words_.hint(fmt::format("the nearest restore points: {}", fmt::join(points, ", ")));
  }

  void offer_windows() {
    std::vector<std::string> windows;
    for (size_t i = why_.windows.size() - std::min(why_.windows.size(), kMostWindows);
         i < why_.windows.size(); ++i) {
      const RecoveryWindow& window = why_.windows[i];
      windows.push_back(fmt::format("from {} to {} (LSN {} to {})", show_time(window.from),
                                    show_time(window.to), window.from_lsn.text(),
                                    window.to_lsn.text()));
    }
    if (!windows.empty()) {
      words_.hint(fmt::format("recovery is possible {}", fmt::join(windows, ", and ")));
    }
  }

  std::vector<MissingWal> missing_from(pg::Lsn from, pg::Lsn to) const {
    std::vector<MissingWal> missing;
    std::ranges::copy_if(why_.missing, std::back_inserter(missing),
                         [&](const MissingWal& wal) { return wal.from >= from && wal.to <= to; });
    return missing;
  }

  std::string describe_named() const {
    return why_.target.kind == TargetKind::kName ? describe(why_.target)
                                                 : fmt::format("transaction {}", why_.target.xid);
  }

  std::string on_another(pg::TimelineId other) const {
    std::string_view what;
    switch (why_.target.kind) {
      case TargetKind::kTime:
        what = "this moment";
        break;
      case TargetKind::kXid:
      case TargetKind::kBeforeXid:
        what = "this transaction";
        break;
      case TargetKind::kName:
        what = "this restore point";
        break;
      case TargetKind::kLsn:
        what = "this LSN";
        break;
      case TargetKind::kLatest:
      case TargetKind::kImmediate:
        return fmt::format("another history: --timeline {}", other.value);
    }
    return fmt::format("timeline {0} holds {1}: --timeline {0}", other.value, what);
  }

  const Unreached& why_;
  Words words_;
};

}  // namespace

std::string describe(const RecoveryTarget& target) {
  switch (target.kind) {
    case TargetKind::kTime:
      return show_time(target.time);
    case TargetKind::kXid:
      return fmt::format("transaction {}", target.xid);
    case TargetKind::kBeforeXid:
      return fmt::format("the moment before transaction {}", target.xid);
    case TargetKind::kLsn:
      return fmt::format("LSN {}", target.lsn.text());
    case TargetKind::kName:
      return fmt::format("restore point '{}'", target.name);
    case TargetKind::kLatest:
      return "the latest moment";
    case TargetKind::kImmediate:
      return "the end of a backup";
  }
  return "the target";
}

std::string describe(const MissingWal& missing) {
  if (missing.first_file == missing.last_file) {
    return fmt::format("WAL segment {} is missing", missing.first_file);
  }
  return fmt::format("WAL segments {} to {} are missing", missing.first_file, missing.last_file);
}

Error refuse(const Unreached& why) { return Refusal(why).error(); }

Error undecided(pg::TimelineId newest, const pg::TimelineSwitch& left,
                const std::vector<OtherTimeline>& others) {
  std::string message = fmt::format(
      "which timeline is the latest is not known: {}, the newest, left timeline {} at LSN {} and "
      "has "
      "no WAL of its own in the repository yet",
      newest.value, left.parent.value, left.at.text());
  std::string hint = fmt::format("up to where it left: --timeline {}", newest.value);
  for (const OtherTimeline& other : others) {
    message += fmt::format(", while timeline {} goes on", other.timeline.value);
    if (other.until) message += " to " + show_time(*other.until);
    hint += fmt::format("; timeline {0} to its end: --timeline {0}", other.timeline.value);
  }
  hint +=
      fmt::format("; a server on timeline {} archives its first WAL after SELECT pg_switch_wal()",
                  newest.value);
  return make_error(ErrorKind::kInvalid, std::move(message), std::move(hint));
}

}  // namespace walkback::restore
