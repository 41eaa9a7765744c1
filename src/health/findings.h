// What the rules write into. Internal to health.
#pragma once

#include <string>
#include <utility>

#include "health/facts.h"
#include "health/finding.h"
#include "health/limits.h"

namespace walkback::health {

class Findings {
 public:
  Findings(const Facts& its_facts, const Limits& its_limits)
      : facts(its_facts), limits(its_limits) {}

  void add(Level level, std::string rule, std::string text, std::string hint = {},
           std::vector<Figure> evidence = {}) {
    found_.push_back({level, std::move(rule), std::move(text),
                      level == Level::kHealthy ? std::string() : std::move(hint),
                      std::move(evidence)});
  }
  void not_known(std::string rule, std::string why) {
    not_known_.push_back({std::move(rule), std::move(why)});
  }
  // Null, having said that `rule` is not known, where the repository could not be read.
  const RepositoryFacts* repository(std::string_view rule) {
    return seen(facts.repository, rule, "the repository");
  }
  const ServerFacts* server(std::string_view rule) {
    return seen(facts.server, rule, "PostgreSQL");
  }
  template <typename T>
  const T* seen(const Looked<T>& looked, std::string_view rule, std::string_view what) {
    if (looked && looked->ok()) return &**looked;
    not_known(std::string(rule),
              std::string(what) + (looked ? " could not be asked" : " could not be looked at"));
    return nullptr;
  }
  Report finish() &&;

  const Facts& facts;
  const Limits& limits;

 private:
  std::vector<Finding> found_;
  std::vector<NotKnown> not_known_;
};

// "the limit is 10 min 0 s"
std::string limit_text(std::chrono::seconds limit);
inline double seconds_between(Timestamp from, Timestamp to) {
  return std::max(0.0, std::chrono::duration<double>(to - from).count());
}
// How bad a figure is that should stay at or below `limit`.
inline Level level_above(double figure, std::chrono::seconds limit, int critical) {
  const auto most = static_cast<double>(limit.count());
  if (figure > most * critical) return Level::kCritical;
  return figure > most ? Level::kWarning : Level::kHealthy;
}
// The same of one that should not fall below it.
inline Level level_below(double figure, std::chrono::seconds limit, int critical) {
  const auto least = static_cast<double>(limit.count());
  if (figure < least / critical) return Level::kCritical;
  return figure < least ? Level::kWarning : Level::kHealthy;
}

// What comes before a backup can succeed, because no WAL reaches the repository; empty: nothing.
std::string before_a_backup(const ServerFacts& server);  // wal_rules.cc

// backup_rules.cc
void judge_backup_age(Findings& findings);
void judge_bad_pages(Findings& findings);
void judge_unreadable(Findings& findings);
void judge_gaps(Findings& findings);
void judge_verify(Findings& findings);
void judge_drill(Findings& findings);
void judge_recovery_time(Findings& findings);
void judge_mass_deletes(Findings& findings);
// wal_rules.cc
void judge_archiver(Findings& findings);
void judge_wal_lag(Findings& findings);
void judge_pg_wal(Findings& findings);
void judge_slots(Findings& findings);
// host_rules.cc
void judge_repository(Findings& findings);
void judge_server(Findings& findings);
void judge_growth(Findings& findings);
void judge_keys(Findings& findings);
void judge_clock(Findings& findings);
void judge_alerts(Findings& findings);

}  // namespace walkback::health
