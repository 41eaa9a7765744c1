#include "cli/drill_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/json.h"
#include "base/shell.h"
#include "base/time_text.h"
#include "cli/errors.h"
#include "cli/human.h"
#include "cli/kept_server_text.h"
#include "cli/or_null.h"
#include "cli/text.h"

namespace walkback::cli {

namespace {

using catalog::ProofOutcome;
using drill::DrillReport;
using drill::Proof;

std::string title(const Proof& proof) {
  if (proof.name == "row_counts") return "rows";
  if (proof.name == "page_checksums") return "page checksums";
  return proof.name;
}

std::string_view word(ProofOutcome outcome) {
  switch (outcome) {
    case ProofOutcome::kProved:
      return "proved";
    case ProofOutcome::kFailed:
      return "FAILED";
    case ProofOutcome::kNotProved:
      return "not proved";
  }
  return {};
}

std::string target_text(const restore::RecoveryPlan& plan,
                        const std::optional<drill::RandomTarget>& random) {
  if (!random) return target_phrase(plan);
  return fmt::format("{}, chosen by chance (--random --seed {} chooses it again)",
                     target_phrase(plan), random->seed);
}

std::string reached_text(const DrillReport& report) {
  std::string text = "LSN " + report.plan.end_lsn.text();
  const std::optional<restore::PlanRecord>& last = report.plan.last_replayed;
  if (!last) return text;
  text += last->xid ? fmt::format(", transaction {}", *last->xid) : ", " + last->what;
  if (last->time) {
    text += fmt::format(", {} {}", last->xid ? "committed at" : "of", local_time(*last->time));
  }
  return text;
}

bool has_recovered(const DrillReport& report) {
  return report.proofs.front().outcome == ProofOutcome::kProved;
}

std::string recovered_text(const DrillReport& report) {
  const catalog::DrillSummary& summary = report.summary;
  return fmt::format("{}: restore {} ({} written, {} fetched), replay {} ({})",
                     human_duration(summary.recovery_s()), human_duration(summary.restore_s),
                     human_bytes(summary.bytes_written), human_bytes(summary.bytes_fetched),
                     human_duration(summary.replay_s), counted(report.plan.segments, "segment"));
}

std::string proofs_table(const DrillReport& report) {
  Table table({{"PROOF"}, {"TOOK", true}, {"RESULT"}, {"WHAT"}});
  for (const Proof& proof : report.proofs) {
    table.row({title(proof), proof.duration_s > 0 ? human_duration(proof.duration_s) : "-",
               std::string(word(proof.outcome)), printable(proof.text)});
  }
  return table.text();
}

std::string details_of(const DrillReport& report) {
  constexpr size_t kShown = 10;
  std::string text;
  for (const Proof& proof : report.proofs) {
    if (proof.details.empty()) continue;
    text += fmt::format("\n{}:\n", title(proof));
    const size_t shown = std::min(kShown, proof.details.size());
    for (size_t i = 0; i < shown; ++i) text += "  " + printable(proof.details[i]) + "\n";
    if (shown < proof.details.size()) {
      text += fmt::format("  and {} more: --json has them\n", proof.details.size() - shown);
    }
  }
  return text;
}

std::string remarks_of(const DrillReport& report) {
  if (report.remarks.empty()) return {};
  std::string text = report.compared_with
                         ? fmt::format("\nSince drill {}:\n", *report.compared_with)
                         : std::string("\n");
  for (const std::string& remark : report.remarks) text += "  " + printable(remark) + "\n";
  return text;
}

Json time_of(const std::optional<Timestamp>& time) {
  return time ? Json(to_iso_utc(*time)) : Json(nullptr);
}

Json proofs_of(const DrillReport& report) {
  Json list = Json::array();
  for (const Proof& proof : report.proofs) {
    list.push_back({{"name", proof.name},
                    {"outcome", catalog::proof_outcome_name(proof.outcome)},
                    {"text", proof.text},
                    {"details", proof.details},
                    {"duration_s", proof.duration_s}});
  }
  return list;
}

Json checks_of(const DrillReport& report) {
  Json list = Json::array();
  for (const drill::CheckedAnswer& answer : report.checks) {
    list.push_back({{"name", answer.name},
                    {"database", answer.database},
                    {"expected", answer.expected},
                    {"found", answer.found},
                    {"as_expected", answer.as_expected}});
  }
  return list;
}

Json random_of(const DrillReport& report) {
  if (!report.random) return nullptr;
  const catalog::RecoveryWindow& window = report.random->window;
  return {{"seed", report.random->seed},
          {"time", to_iso_utc(report.random->time)},
          {"window",
           {{"timeline", window.timeline.value},
            {"from", to_iso_utc(window.from)},
            {"to", to_iso_utc(window.to)}}}};
}

}  // namespace

std::string drill_plan_text(const drill::DrillPlan& plan) {
  return fmt::format("Drill {}\n", target_text(plan.scratch.plan, plan.random));
}

std::string drill_text(const DrillReport& report, const Suggestion& suggestion) {
  std::string text = fmt::format("Drill {} {}\n\n", report.id,
                                 !report.passed()      ? "FAILED"
                                 : report.all_proved() ? "passed: everything is proved"
                                                       : "passed, as far as it could be proved");
  Fields fields;
  fields.add("target", target_text(report.plan, report.random));
  fields.add("backup", report.plan.backup.id.text);
  if (has_recovered(report)) {
    fields.add("reached", reached_text(report));
    fields.add("recovered in", recovered_text(report));
  }
  return text + fields.text() + "\n" + proofs_table(report) + details_of(report) +
         remarks_of(report) + kept_server_text(report.kept, suggestion);
}

std::string drill_json(const DrillReport& report, const Error* error) {
  const catalog::DrillSummary& summary = report.summary;
  Json json{
      {"drill",
       {{"id", report.id},
        {"passed", report.passed()},
        {"proved", report.all_proved()},
        {"backup", summary.backup.text},
        {"target", summary.target},
        {"random", random_of(report)},
        {"timeline", summary.timeline.value},
        {"target_lsn", summary.target_lsn.text()},
        {"target_time", time_of(summary.target_time)},
        {"proofs", proofs_of(report)},
        {"checks", checks_of(report)},
        {"rows",
         {{"databases", report.rows.databases},
          {"tables", report.rows.tables.size()},
          {"rows", report.rows.rows},
          {"compared_with", report.compared_with ? Json(*report.compared_with) : Json(nullptr)},
          {"remarks", report.remarks}}},
        {"bytes_written", summary.bytes_written},
        {"bytes_fetched", summary.bytes_fetched},
        {"wal_bytes", summary.wal_bytes},
        {"segments_replayed", has_recovered(report) ? report.plan.segments : 0},
        {"timings",
         {{"restore_s", summary.restore_s},
          {"replay_s", summary.replay_s},
          {"prove_s", summary.prove_s},
          {"total_s", summary.total_s}}},
        {"kept", text_or_null(report.kept.root)}}}};
  if (error != nullptr) {
    json["error"] = {
        {"kind", error_kind_name(error->kind)}, {"message", error->message}, {"hint", error->hint}};
  }
  return to_text(json);
}

Error drill_error(const DrillReport& report) {
  const auto first = std::ranges::find(report.proofs, ProofOutcome::kFailed, &Proof::outcome);
  CHECK(first != report.proofs.end());
  const auto all = std::ranges::count(report.proofs, ProofOutcome::kFailed, &Proof::outcome);
  return make_error(ErrorKind::kCorrupt,
                    fmt::format("the drill failed: {}: {}{}", title(*first), first->text,
                                all > 1 ? fmt::format(" (and {} more)", all - 1) : ""),
                    "`walkback verify` tells damage in the repository from damage in the cluster; "
                    "--keep leaves the server to be looked at");
}

}  // namespace walkback::cli
