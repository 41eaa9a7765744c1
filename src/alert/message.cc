#include "alert/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/human.h"
#include "base/json.h"
#include "health/report_json.h"

namespace walkback::alert {

namespace {

using health::Finding;
using health::Level;

std::string in_capitals(std::string_view text) {
  std::string capitals(text);
  for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return capitals;
}

// For a mail's header.
std::string ascii(std::string_view text) {
  std::string clean(text);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7E) c = '?';
  }
  return clean;
}

std::string opening(const Message& message) {
  switch (message.reason) {
    case Reason::kTest:
      return "This is a test: nothing is said of the cluster.\n";
    case Reason::kRecovered:
      return "What was wrong is well again.\n";
    case Reason::kRepeat:
      return "It has not changed since it was last said.\n";
    case Reason::kChange:
      return "";
  }
  return "";
}

}  // namespace

std::string_view reason_name(Reason reason) {
  switch (reason) {
    case Reason::kChange:
      return "change";
    case Reason::kRepeat:
      return "repeat";
    case Reason::kRecovered:
      return "recovered";
    case Reason::kTest:
      return "test";
  }
  return "";
}

std::string subject_of(const Message& message) {
  const std::string where = fmt::format("cluster {} on {}", message.report.cluster, message.host);
  if (message.reason == Reason::kTest) return ascii("TEST: " + where);
  return ascii(in_capitals(health::level_name(message.report.status())) + ": " + where);
}

std::string body_of(const Message& message) {
  std::string text = fmt::format("{}, {}\n", subject_of(message), local_second(message.report.at));
  text += opening(message);
  if (message.reason == Reason::kTest) return text;
  for (const Finding& finding : message.report.findings) {
    if (finding.level == Level::kHealthy) continue;
    const std::string level(health::level_name(finding.level));
    text +=
        fmt::format("\n{} {}: {}\n", finding.level == Level::kCritical ? in_capitals(level) : level,
                    finding.rule, finding.text);
    if (!finding.hint.empty()) text += fmt::format("  -> {}\n", finding.hint);
  }
  text += "\n";
  for (const Finding& finding : message.report.findings) {
    if (finding.level == Level::kHealthy)
      text += fmt::format("{}: {}\n", finding.rule, finding.text);
  }
  return text;
}

std::string json_of(const Message& message) {
  Json json;
  json["event"] = "alert";
  json["reason"] = reason_name(message.reason);
  json["subject"] = subject_of(message);
  json.update(Json::parse(health::report_json(message.report, message.host)));
  return to_text(json);
}

std::string text_of_rule(const health::Report& report, std::string_view rule) {
  const auto found = std::ranges::find(report.findings, rule, &Finding::rule);
  return found == report.findings.end() ? std::string() : found->text;
}

size_t issues_in(const health::Report& report) {
  return static_cast<size_t>(std::ranges::count_if(
      report.findings, [](const Finding& finding) { return finding.level != Level::kHealthy; }));
}

}  // namespace walkback::alert
