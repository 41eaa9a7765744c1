#include "retention/policy.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <set>
#include <tuple>

#include "base/time_text.h"
#include "catalog/promise.h"
#include "catalog/recovery_windows.h"

namespace walkback::retention {

namespace {

// Which hour, day, … a moment lies in, in UTC: hosts in several zones must agree.
std::string period(Timestamp time, const char* format) {
  const std::time_t seconds = time.unix_us / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format(fmt::runtime(format), parts);
}

struct Tier {
  int Policy::*count;
  const char* name;
  const char* format;
  std::chrono::hours longest;
};
constexpr std::chrono::hours kDay{24};
constexpr Tier kTiers[] = {{&Policy::hourly, "hourly", "{:%Y-%m-%d %H:00}", std::chrono::hours(1)},
                           {&Policy::daily, "daily", "{:%Y-%m-%d}", kDay},
                           {&Policy::weekly, "weekly", "{:%G-W%V}", 7 * kDay},
                           {&Policy::monthly, "monthly", "{:%Y-%m}", 31 * kDay},
                           {&Policy::yearly, "yearly", "{:%Y}", 366 * kDay}};

class Planner {
 public:
  Planner(const Policy& policy, const Facts& facts, Timestamp now)
      : policy_(policy), facts_(facts) {
    if (policy.window) window_begin_ = now + (-*policy.window);
    for (const catalog::BackupSummary& backup : facts.backups) {
      Decision decision;
      decision.backup = backup;
      date(decision, now);
      plan_.decisions.push_back(std::move(decision));
    }
    std::ranges::sort(plan_.decisions, {}, [](const Decision& decision) {
      const catalog::BackupSummary& backup = decision.backup;
      return std::tuple(decision.at, decision.ahead, backup.timeline, backup.start_lsn, backup.id);
    });
    remark_damage();
    plan_.segment_bytes = facts.segment_bytes;
    keep_pinned(now);
  }

  Plan run() && {
    if (policy_.keeps_everything()) {
      for (Decision& decision : plan_.decisions) {
        decision.reasons.emplace_back("no rule in [retention] says that it may go");
      }
      plan_.keeps_all_wal = true;
      return std::move(plan_);
    }
    keep_window();
    apply([this](bool ahead, Counts which) { keep_newest(ahead, which); });
    for (const Tier& tier : kTiers) {
      apply([&](bool ahead, Counts which) { keep_tier(tier, ahead, which); });
    }
    keep_all_where_none_is_sound();
    keep_last_good();
    for (const auto& [id, holder] : facts_.leased) {
      if (Decision* decision = find(id)) {
        decision->reasons.push_back("in use by " + holder);
        decision->with_wal = true;
      }
    }
    need_wal();
    return std::move(plan_);
  }

 private:
  Decision* find(const catalog::BackupId& id) {
    const auto found = std::ranges::find(
        plan_.decisions, id, [](const Decision& decision) { return decision.backup.id; });
    return found == plan_.decisions.end() ? nullptr : &*found;
  }

  bool is_good(const Decision& decision) const {
    return catalog::is_good(decision.backup) && !facts_.unsound.contains(decision.backup.id);
  }

  pg::TimelineHistory history_of(pg::TimelineId timeline) const {
    const auto found =
        std::ranges::find(facts_.timelines, timeline,
                          [](const TimelineFacts& facts) { return facts.history.timeline(); });
    return found == facts_.timelines.end() ? pg::TimelineHistory(timeline) : found->history;
  }

  // Whether the log leads from one to the other: then no clock is needed to know which came first.
  bool precedes(const catalog::BackupSummary& one, const catalog::BackupSummary& other) const {
    return one.start_lsn < other.start_lsn && catalog::lies_on(one, history_of(other.timeline));
  }

  // A date that is yet to come was written by a clock that was wrong, or is read by one. What came
  // after it in the log, and has a date, says when it was at the latest; what came before, at the
  // earliest.
  void date(Decision& decision, Timestamp now) const {
    const catalog::BackupSummary& backup = decision.backup;
    decision.at = backup.stopped_at;
    if (backup.stopped_at <= now) return;
    std::optional<Timestamp> next, previous;
    for (const catalog::BackupSummary& other : facts_.backups) {
      if (other.stopped_at > now) continue;
      if (precedes(backup, other)) next = std::min(next.value_or(now), other.stopped_at);
      if (precedes(other, backup)) {
        previous = std::max(previous.value_or(other.stopped_at), other.stopped_at);
      }
    }
    decision.ahead = !next;
    decision.at = std::max(next.value_or(now), previous.value_or(next.value_or(now)));
    if (backup.stopped_at - now <= catalog::kClocksDiffer) return;
    decision.remarks.push_back(
        decision.ahead ? "its date is yet to come: it counts beside the others"
                       : fmt::format("its date is yet to come: the next backup says that it ended "
                                     "by {}",
                                     to_iso_utc(*next)));
  }

  void remark_damage() {
    for (Decision& decision : plan_.decisions) {
      const auto unsound = facts_.unsound.find(decision.backup.id);
      if (unsound != facts_.unsound.end()) {
        decision.remarks.push_back("does not count: " + unsound->second);
      } else if (!catalog::is_good(decision.backup)) {
        decision.remarks.push_back("does not count: it has damaged pages");
      }
    }
  }

  // What is wrong with them may be mended: with a segment that was left somewhere, with another
  // copy of an object.
  void keep_all_where_none_is_sound() {
    const auto is_sound = [&](const Decision& decision) {
      return !facts_.unsound.contains(decision.backup.id);
    };
    if (std::ranges::any_of(plan_.decisions, is_sound)) return;
    for (Decision& decision : plan_.decisions) {
      decision.reasons.emplace_back("no backup is known to be whole");
      decision.with_wal = true;
    }
  }

  void keep_pinned(Timestamp now) {
    for (const auto& [id, pin] : facts_.pins) {
      Decision* const decision = find(id);
      if (decision == nullptr || (pin.until && *pin.until <= now)) continue;
      decision->reasons.push_back(pin.until ? "pinned until " + to_iso_utc(*pin.until) : "pinned");
    }
  }

  // Whether a moment of the window may lie on this timeline, after where it left its parent.
  bool reaches_window(const TimelineFacts& timeline) const {
    return !timeline.last_known || *timeline.last_known >= window_begin_;
  }

  // A rule is applied twice: what it keeps is sound, and what it would keep if all were stays to be
  // mended. Between the two an earlier prune may have removed WAL, and a tier's next is older.
  enum class Counts { kSound, kMendable };
  static constexpr Counts kBoth[] = {Counts::kSound, Counts::kMendable};

  bool counts(const Decision& decision, Counts which) const {
    return which == Counts::kSound ? is_good(decision) : catalog::is_good(decision.backup);
  }
  void keep_by_rule(Decision& decision, Counts which, std::string reason) const {
    if (which == Counts::kSound) {
      decision.relied_on = true;
    } else if (is_good(decision)) {
      return;  // it is kept for this already
    } else {
      reason += ", once it is mended";
    }
    decision.reasons.push_back(std::move(reason));
  }

  // Any moment of the window is recovered from the last good backup before it, or a later one.
  void keep_window() {
    if (!policy_.window) return;
    for (Decision& decision : plan_.decisions) {
      if (decision.at < window_begin_) continue;
      decision.reasons.emplace_back("in the recovery window");
      decision.with_wal = true;
    }
    for (const TimelineFacts& timeline : facts_.timelines) {
      if (!reaches_window(timeline)) continue;
      for (const Counts which : kBoth) {
        Decision* const first = last_before(timeline, window_begin_, which);
        if (first == nullptr) continue;
        first->with_wal = true;
        keep_by_rule(*first, which,
                     fmt::format("the recovery window on timeline {} begins with it",
                                 timeline.history.timeline().value));
      }
    }
  }

  // The newest of this history that ended by `time`.
  Decision* last_before(const TimelineFacts& timeline, Timestamp time, Counts which) {
    Decision* last = nullptr;
    for (Decision& decision : plan_.decisions) {
      if (decision.at > time || !counts(decision, which)) continue;
      if (catalog::lies_on(decision.backup, timeline.history)) last = &decision;
    }
    return last;
  }

  // Those that nobody knows the time of are counted by themselves. Whichever clock is wrong, theirs
  // or ours, what a right one would keep is among those that stay.
  template <typename Rule>
  void apply(Rule rule) {
    for (const bool ahead : {false, true}) {
      for (const Counts which : kBoth) rule(ahead, which);
    }
  }

  void keep_newest(bool ahead, Counts which) {
    int left = policy_.count;
    for (auto decision = plan_.decisions.rbegin(); decision != plan_.decisions.rend() && left > 0;
         ++decision) {
      if (decision->ahead != ahead || !counts(*decision, which)) continue;
      decision->with_wal = true;
      keep_by_rule(*decision, which, fmt::format("among the newest {}", policy_.count));
      --left;
    }
  }

  void keep_tier(const Tier& tier, bool ahead, Counts which) {
    std::set<std::string> seen;
    for (auto decision = plan_.decisions.rbegin(); decision != plan_.decisions.rend(); ++decision) {
      if (seen.size() >= static_cast<size_t>(std::max(policy_.*tier.count, 0))) return;
      if (decision->ahead != ahead || !counts(*decision, which)) continue;
      const std::string name =
          period(ahead ? decision->backup.stopped_at : decision->at, tier.format);
      if (!seen.insert(name).second) continue;
      keep_by_rule(*decision, which, fmt::format("{}: {}", tier.name, name));
    }
  }

  // Of the current lineage the newest good backup never goes, nor the WAL after it; where none is
  // good, the newest. A lineage that was left behind ends when its last moment leaves the window.
  void keep_last_good() {
    if (plan_.decisions.empty()) return;
    const bool has_left = !facts_.is_current && policy_.window &&
                          std::ranges::none_of(facts_.timelines, [&](const TimelineFacts& t) {
                            return reaches_window(t);
                          });
    if (has_left) return;
    auto last = std::ranges::find_if(plan_.decisions.rbegin(), plan_.decisions.rend(),
                                     [&](const Decision& d) { return is_good(d); });
    if (last == plan_.decisions.rend()) last = plan_.decisions.rbegin();
    last->reasons.emplace_back(is_good(*last) ? "the last good backup" : "the last backup");
    last->with_wal = last->relied_on = true;
    // What is newer and damaged is still the newest there is.
    Decision& newest = plan_.decisions.back();
    if (&newest != &*last) {
      newest.reasons.emplace_back("the newest backup");
      newest.with_wal = true;
    }
    keep_last_of_current_timeline(*last);
  }

  // It may have been taken on a branch that the current timeline does not lead through.
  void keep_last_of_current_timeline(const Decision& last) {
    if (!facts_.is_current || facts_.timelines.empty()) return;
    const TimelineFacts& current = facts_.timelines.back();
    if (catalog::lies_on(last.backup, current.history)) return;
    Decision* const own =
        last_before(current, {std::numeric_limits<int64_t>::max()}, Counts::kSound);
    if (own == nullptr) return;
    own->reasons.emplace_back("the last good backup of the current timeline");
    own->with_wal = own->relied_on = true;
  }

  void need_wal() {
    plan_.keeps_all_wal = facts_.history_missing;
    for (const TimelineFacts& timeline : facts_.timelines) {
      std::optional<pg::Lsn> from;
      bool has_backup = false;
      for (const Decision& decision : plan_.decisions) {
        if (!catalog::lies_on(decision.backup, timeline.history)) continue;
        has_backup = true;
        if (!decision.with_wal) continue;
        from = std::min(from.value_or(decision.backup.start_lsn), decision.backup.start_lsn);
      }
      const bool is_left_behind = policy_.window && !reaches_window(timeline);
      if (from && !is_left_behind) {
        plan_.wal.push_back({timeline.history, *from, std::nullopt});
      } else if (from) {
        need_leased(timeline);
      } else if (!is_left_behind && (!has_backup || policy_.window || &timeline == current())) {
        // A running first backup may need it, and nothing is known to make it useless.
        plan_.wal.push_back({timeline.history, {}, std::nullopt});
      }
    }
    for (const Decision& decision : plan_.decisions) {
      if (!decision.keep()) continue;
      plan_.wal.push_back({history_of(decision.backup.timeline), decision.backup.start_lsn,
                           decision.backup.stop_lsn});
    }
  }

  const TimelineFacts* current() const {
    return facts_.is_current ? &facts_.timelines.back() : nullptr;
  }

  // A branch whose last moment has left the window goes, but for who reads it now.
  void need_leased(const TimelineFacts& timeline) {
    for (const auto& [id, holder] : facts_.leased) {
      const Decision* decision = find(id);
      if (decision != nullptr && catalog::lies_on(decision->backup, timeline.history)) {
        plan_.wal.push_back({timeline.history, decision->backup.start_lsn, std::nullopt});
      }
    }
  }

  const Policy& policy_;
  const Facts& facts_;
  Timestamp window_begin_;
  Plan plan_;
};

}  // namespace

bool WalNeed::needs(pg::SegmentName segment, uint32_t segment_bytes) const {
  if (!timeline.contains(segment.timeline)) return false;
  // A segment in which a timeline was left exists on both.
  const pg::Lsn begin = std::max(from, *timeline.begin_of(segment.timeline));
  std::optional<pg::Lsn> end = timeline.end_of(segment.timeline);
  if (to) end = std::min(end.value_or(*to), *to);
  return segment.number >= begin.value / segment_bytes &&
         (!end || segment.number <= end->value / segment_bytes);
}

std::vector<std::string> tiers_within_window(const Policy& policy) {
  std::vector<std::string> idle;
  for (const Tier& tier : kTiers) {
    const int count = policy.*tier.count;
    if (count > 0 && policy.window && count * tier.longest <= *policy.window) {
      idle.push_back(fmt::format("{} = {}", tier.name, count));
    }
  }
  return idle;
}

bool Plan::needs(pg::SegmentName segment) const {
  return keeps_all_wal || std::ranges::any_of(wal, [&](const WalNeed& need) {
           return need.needs(segment, segment_bytes);
         });
}

Plan plan(const Policy& policy, const Facts& facts, Timestamp now) {
  return Planner(policy, facts, now).run();
}

}  // namespace walkback::retention
