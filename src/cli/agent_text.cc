#include "cli/agent_text.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/time_text.h"
#include "cli/human.h"

namespace walkback::cli {

namespace {

std::string outcome_text(int exit_status) {
  return exit_status == 0 ? "done" : fmt::format("failed, exit status {}", exit_status);
}

Json ran_json(const agent::Ran& ran) {
  return {{"job", schedule::job_name(ran.due.job)},
          {"reason", schedule::reason_name(ran.due.reason)},
          {"due_at", to_iso_utc(ran.due.at)},
          {"text", ran.due.text},
          {"exit_status", ran.exit_status}};
}

}  // namespace

std::string once_text(const agent::OnceReport& report, health::Level health) {
  std::string text;
  for (const agent::Ran& ran : report.ran) {
    text += fmt::format("{}: {} ({}: {})\n", schedule::job_name(ran.due.job),
                        outcome_text(ran.exit_status), schedule::reason_name(ran.due.reason),
                        ran.due.text);
  }
  for (const schedule::Job job : report.left) {
    text += fmt::format("{}: another agent does it\n", schedule::job_name(job));
  }
  if (text.empty()) text = "Nothing was due.\n";
  if (!report.objective_trouble.empty()) text += "objective: " + report.objective_trouble + "\n";
  text += fmt::format("health: {}\n", health::level_name(health));
  text += report.next ? fmt::format("next: {}\n", local_time(*report.next)) : "next: never\n";
  return text;
}

std::string once_json(const agent::OnceReport& report, health::Level health) {
  Json json;
  json["ran"] = Json::array();
  for (const agent::Ran& ran : report.ran) json["ran"].push_back(ran_json(ran));
  json["left"] = Json::array();
  for (const schedule::Job job : report.left) json["left"].push_back(schedule::job_name(job));
  json["health"] = health::level_name(health);
  json["next_at"] = report.next ? Json(to_iso_utc(*report.next)) : Json();
  json["objective_trouble"] = report.objective_trouble;
  return to_text(json);
}

}  // namespace walkback::cli
