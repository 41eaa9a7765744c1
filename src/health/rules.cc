#include "health/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/human.h"
#include "health/findings.h"

namespace walkback::health {

namespace {

struct Rule {
  std::string_view name;
  void (*judge)(Findings&);
};

constexpr std::array kRules{
    Rule{"repository", judge_repository},
    Rule{"server", judge_server},
    Rule{"backup_age", judge_backup_age},
    Rule{"gap", judge_gaps},
    Rule{"archiver", judge_archiver},
    Rule{"wal_lag", judge_wal_lag},
    Rule{"pg_wal", judge_pg_wal},
    Rule{"slot", judge_slots},
    Rule{"bad_pages", judge_bad_pages},
    Rule{"unreadable", judge_unreadable},
    Rule{"mass_delete", judge_mass_deletes},
    Rule{"verify", judge_verify},
    Rule{"drill", judge_drill},
    Rule{"recovery_time", judge_recovery_time},
    Rule{"growth", judge_growth},
    Rule{"keys", judge_keys},
    Rule{"clock", judge_clock},
    Rule{"alert", judge_alerts},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kRules.size()> names;
  for (size_t i = 0; i < kRules.size(); ++i) names[i] = kRules[i].name;
  return names;
}();

}  // namespace

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kHealthy:
      return "healthy";
    case Level::kWarning:
      return "warning";
    case Level::kCritical:
      return "critical";
  }
  return "";
}

std::string Finding::key() const {
  for (const Figure& figure : evidence) {
    const bool names = figure.name == "slot" || figure.name == "url" || figure.name == "xid" ||
                       figure.name == "from_lsn" || figure.name == "channel";
    if (!names) continue;
    if (const auto* name = std::get_if<std::string>(&figure.value)) return rule + "/" + *name;
    if (const auto* number = std::get_if<uint64_t>(&figure.value)) {
      return fmt::format("{}/{}", rule, *number);
    }
  }
  return rule;
}

Level Report::status() const {
  Level worst = Level::kHealthy;
  for (const Finding& finding : findings) worst = std::max(worst, finding.level);
  return worst;
}

std::string limit_text(std::chrono::seconds limit) {
  return "the limit is " + human_duration(static_cast<double>(limit.count()));
}

Report Findings::finish() && {
  std::ranges::stable_sort(found_, std::ranges::greater(), &Finding::level);
  return {facts.cluster, facts.now, std::move(found_), std::move(not_known_)};
}

std::span<const std::string_view> all_rules() { return kNames; }

Report judge(const Facts& facts, const Limits& limits) {
  Findings findings(facts, limits);
  for (const Rule& rule : kRules) rule.judge(findings);
  return std::move(findings).finish();
}

}  // namespace walkback::health
