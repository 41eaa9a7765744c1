#include "cli/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/json.h"
#include "cli/human.h"

namespace walkback::cli {

namespace {

using health::Finding;
using health::Level;

std::string in_capitals(std::string_view text) {
  std::string capitals(text);
  for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return capitals;
}

// What is critical is seen at a glance.
std::string shown_level(Level level) {
  const std::string name(health::level_name(level));
  return level == Level::kCritical ? in_capitals(name) : name;
}

size_t widest_rule(const health::Report& report) {
  size_t widest = 0;
  for (const Finding& finding : report.findings) widest = std::max(widest, finding.rule.size());
  for (const health::NotKnown& one : report.not_known) widest = std::max(widest, one.rule.size());
  return widest;
}

}  // namespace

std::string status_text(const health::Report& report) {
  std::string text =
      fmt::format("{}: cluster {}, {}\n", in_capitals(health::level_name(report.status())),
                  report.cluster, local_second(report.at));
  const size_t widest = widest_rule(report);
  std::string right;
  for (const Finding& finding : report.findings) {
    if (finding.level == Level::kHealthy) {
      right += fmt::format("  {:<{}}  {}\n", finding.rule, widest, printable(finding.text));
      continue;
    }
    text += fmt::format("\n  {}  {}: {}\n", shown_level(finding.level), finding.rule,
                        printable(finding.text));
    if (!finding.hint.empty()) text += fmt::format("    -> {}\n", printable(finding.hint));
  }
  if (!right.empty()) {
    text += report.status() == Level::kHealthy ? "\n" : "\nWhat is well:\n";
    text += right;
  }
  if (report.not_known.empty()) return text;
  text += "\nNot known:\n";
  for (const health::NotKnown& one : report.not_known) {
    text += fmt::format("  {:<{}}  {}\n", one.rule, widest, printable(one.why));
  }
  return text;
}

health::Report completed(health::Report report, const Suggestion& suggestion) {
  for (Finding& finding : report.findings) finding.hint = suggestion.complete(finding.hint);
  return report;
}

std::string test_alert_text(const std::vector<alert::Delivery>& deliveries) {
  Table table({{"channel"}, {""}, {""}});
  for (const alert::Delivery& one : deliveries) {
    table.row({one.channel, one.error ? "FAILED" : "sent", one.error ? one.error->message : ""});
  }
  return table.text();
}

std::string test_alert_json(const std::vector<alert::Delivery>& deliveries) {
  Json list = Json::array();
  for (const alert::Delivery& one : deliveries) {
    list.push_back({{"channel", one.channel},
                    {"sent", !one.error.has_value()},
                    {"error", one.error ? Json(one.error->message) : Json()}});
  }
  return to_text({{"test_alert", std::move(list)}});
}

}  // namespace walkback::cli
