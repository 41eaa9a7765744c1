// What health says: findings, each with a level, a rule's name, evidence in figures and what to do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace walkback::health {

enum class Level { kHealthy, kWarning, kCritical };
std::string_view level_name(Level level);  // "healthy", "warning", "critical"

// For programs; `text` says the same to people.
using FigureValue = std::variant<uint64_t, double, bool, std::string, Timestamp>;
struct Figure {
  std::string name;  // "age_s"
  FigureValue value;
  bool operator==(const Figure&) const = default;
};

struct Finding {
  Level level = Level::kHealthy;
  std::string rule;  // "wal_lag": one of all_rules()
  std::string text;  // one line
  std::string hint;  // what to do; empty where there is nothing to do
  std::vector<Figure> evidence;

  // Tells findings of one rule apart: "slot/old_subscriber".
  std::string key() const;
};

// A rule that could not be asked.
struct NotKnown {
  std::string rule;
  std::string why;
};

struct Report {
  std::string cluster;
  Timestamp at;
  std::vector<Finding> findings;  // the worst first, then in the order of all_rules()
  std::vector<NotKnown> not_known;

  // The worst of them; what is not known makes nothing worse, for it has a finding of its own.
  Level status() const;
};

}  // namespace walkback::health
