// What Slack, PagerDuty and a mail reader are given.
#include <fmt/format.h>

#include <array>
#include <ctime>

#include "alert/channels.h"
#include "base/json.h"

namespace walkback::alert {

namespace {

using health::Finding;
using health::Level;

// More than that nobody reads on a telephone.
constexpr size_t kMostIssues = 8;
constexpr size_t kLongestLine = 900;  // RFC 5322 has 998

std::string_view color_of(const Message& message) {
  if (message.reason == Reason::kTest) return "#439fe0";
  switch (message.report.status()) {
    case Level::kHealthy:
      return "#2eb886";
    case Level::kWarning:
      return "#daa038";
    case Level::kCritical:
      return "#a30200";
  }
  return "";
}

// Slack reads these three as its own.
std::string for_slack(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string issues_of(const health::Report& report) {
  std::string text;
  size_t shown = 0;
  for (const Finding& finding : report.findings) {
    if (finding.level == Level::kHealthy) continue;
    if (++shown > kMostIssues) break;
    text += fmt::format("• *{}*: {}\n", finding.rule, for_slack(finding.text));
    if (!finding.hint.empty()) text += fmt::format("    {}\n", for_slack(finding.hint));
  }
  if (issues_in(report) > kMostIssues) {
    text += fmt::format("and {} more\n", issues_in(report) - kMostIssues);
  }
  return text;
}

std::string_view severity_of(Level level) {
  return level == Level::kCritical ? "critical" : level == Level::kWarning ? "warning" : "info";
}

std::string mail_date(Timestamp time) {
  const auto seconds = static_cast<time_t>(time.unix_us / 1'000'000);
  struct tm parts {};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  // LC_TIME is "C": nothing here calls setlocale().
  std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts);
  return text.data();
}

// Lines of a mail end in CRLF and have an end; no other control character is any good there.
std::string mail_lines(std::string_view text) {
  std::string lines;
  size_t length = 0;
  for (const char c : text) {
    // Not within a character of UTF-8.
    const bool begins = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (c == '\n' || (length >= kLongestLine && begins)) {
      lines += "\r\n";
      length = 0;
    }
    if (c == '\n') continue;
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    lines += control ? '?' : c;
    ++length;
  }
  return lines;
}

}  // namespace

std::string slack_payload(const Message& message) {
  Json fields = Json::array();
  auto field = [&](std::string_view title, const std::string& value) {
    if (!value.empty()) {
      fields.push_back({{"title", title}, {"value", for_slack(value)}, {"short", false}});
    }
  };
  if (message.reason != Reason::kTest) {
    field("Last backup", text_of_rule(message.report, "backup_age"));
    field("WAL lag", text_of_rule(message.report, "wal_lag"));
    field("Total size", text_of_rule(message.report, "growth"));
    field("Issues", std::to_string(issues_in(message.report)));
  }
  const std::string subject = subject_of(message);
  const std::string text = message.reason == Reason::kTest
                               ? "This is a test: nothing is said of the cluster."
                               : issues_of(message.report);
  Json attachment;
  attachment["color"] = color_of(message);
  attachment["fallback"] = for_slack(subject);
  attachment["mrkdwn_in"] = Json::array({"text"});
  attachment["text"] = text;
  attachment["fields"] = std::move(fields);
  attachment["footer"] = "walkback";
  attachment["ts"] = message.report.at.unix_us / 1'000'000;
  Json json;
  json["text"] = for_slack(subject);
  json["attachments"] = Json::array();
  json["attachments"].push_back(std::move(attachment));
  return to_text(json);
}

std::string pagerduty_payload(const Message& message, const std::string& key) {
  const bool is_test = message.reason == Reason::kTest;
  const bool resolves = message.reason == Reason::kRecovered;
  Json event;
  event["routing_key"] = key;
  event["event_action"] = resolves ? "resolve" : "trigger";
  // One incident for a cluster, however often it is said.
  event["dedup_key"] = fmt::format("walkback/{}{}", message.report.cluster, is_test ? "/test" : "");
  if (resolves) return to_text(event);
  Json payload;
  payload["summary"] = subject_of(message);
  payload["source"] = message.host;
  payload["severity"] = is_test ? "info" : severity_of(message.report.status());
  payload["component"] = "walkback";
  payload["custom_details"] = Json::parse(json_of(message));
  event["payload"] = std::move(payload);
  return to_text(event);
}

std::string pagerduty_resolved_nothing(const std::string& key) {
  Json event;
  event["routing_key"] = key;
  event["event_action"] = "resolve";
  event["dedup_key"] = "walkback/check";
  return to_text(event);
}

std::string email_text(const Message& message, const EmailOptions& options, Timestamp now,
                       const std::string& id) {
  const std::string at_host = options.from.substr(options.from.find('@'));
  const bool urgent = message.report.status() == Level::kCritical;
  return fmt::format(
      "Date: {}\r\nFrom: walkback <{}>\r\nTo: {}\r\nSubject: [walkback] {}\r\n"
      "Message-ID: <{}{}>\r\nAuto-Submitted: auto-generated\r\n{}MIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}",
      mail_date(now), options.from, fmt::join(options.to, ", "), subject_of(message), id, at_host,
      urgent ? "Importance: high\r\n" : "", mail_lines(body_of(message)));
}

}  // namespace walkback::alert
