#include "cli/rescue_text.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/shell.h"
#include "cli/fetched_text.h"
#include "cli/human.h"
#include "cli/kept_server_text.h"
#include "cli/or_null.h"
#include "cli/target_record.h"
#include "cli/text.h"

namespace walkback::cli {

namespace {

using undo::Difference;
using undo::RescueReport;
using undo::RowComparison;
using undo::RowFormat;

constexpr size_t kMostShown = 10;  // rows of each kind

uint64_t count_of(const RowComparison& comparison, Difference difference) {
  switch (difference) {
    case Difference::kOnlyThen:
      return comparison.only_then;
    case Difference::kOnlyNow:
      return comparison.only_now;
    case Difference::kChanged:
      return comparison.changed;
  }
  return 0;
}

constexpr std::pair<Difference, const char*> kDifferences[] = {
    {Difference::kOnlyThen, "only then"},
    {Difference::kOnlyNow, "only today"},
    {Difference::kChanged, "with other values today"},
};

std::string rows_listed(const RowComparison& comparison, Difference difference, const char* title) {
  const uint64_t count = count_of(comparison, difference);
  if (count == 0) return {};
  std::string text = fmt::format("\nRows {}:\n", title);
  size_t shown = 0;
  for (const undo::DifferentRow& row : comparison.listed) {
    if (row.difference != difference || shown == kMostShown) continue;
    text += fmt::format("  {}\n", printable(row.row));
    ++shown;
  }
  if (count == shown) return text;
  return text +
         fmt::format("  and {} more; --json lists up to 1,000\n", human_count(count - shown));
}

std::string told_by(const RescueReport& report) {
  if (report.key.empty()) return "all of their values, for it has no key";
  return printable(fmt::format("{}", fmt::join(report.key, ", ")));
}

std::string comparison_text(const RescueReport& report) {
  Fields fields;
  fields.add("rows then", human_count(report.rows));
  if (!report.comparison) {
    fields.add("today", printable("not compared: " + report.not_compared));
    return fields.text();
  }
  const RowComparison& comparison = *report.comparison;
  fields.add("today", printable(*report.today));
  fields.add("rows told by", told_by(report));
  fields.add("the same", human_count(comparison.same));
  for (const auto& [difference, title] : kDifferences) {
    fields.add(title, human_count(count_of(comparison, difference)));
  }
  std::string text = fields.text();
  for (const auto& [difference, title] : kDifferences) {
    text += rows_listed(comparison, difference, title);
  }
  return text;
}

std::string output_text(const RescueReport& report, const undo::RowOutput& output) {
  const std::string where = shell_word(output.path);
  if (output.format != RowFormat::kSql) {
    return fmt::format("{} in {}\n", counted(report.written, "row"), where);
  }
  if (report.remakes) {
    return fmt::format("The SQL that makes the table, with {}, is in {}\n",
                       counted(report.written, "row"), where);
  }
  return fmt::format("The SQL that gives {} back is in {}\n", counted(report.written, "row"),
                     where);
}

Json listed_of(const RowComparison& comparison) {
  Json listed = Json::array();
  for (const undo::DifferentRow& row : comparison.listed) {
    listed.push_back({{"difference", undo::difference_name(row.difference)}, {"row", row.row}});
  }
  return listed;
}

Json json_of(const RescueReport& report) {
  if (!report.comparison) return nullptr;
  const RowComparison& comparison = *report.comparison;
  return {{"key", report.key},
          {"same", comparison.same},
          {"only_then", comparison.only_then},
          {"only_now", comparison.only_now},
          {"changed", comparison.changed},
          {"rows", listed_of(comparison)}};
}

}  // namespace

std::string rescue_text(const RescueView& view, const Suggestion& suggestion) {
  const RescueReport& report = view.report;
  std::string text = fmt::format("{} in database {}, recovered {}", printable(report.table),
                                 printable(report.database), target_phrase(view.plan));
  if (!report.where.empty()) text += ", where " + printable(report.where);
  text += "\n\n" + comparison_text(report) + "\n";
  for (const undo::LeftOut& left : report.left_out) {
    text += fmt::format("Left out: {}: {}\n", printable(left.table), printable(left.why));
  }
  for (const std::string& note : report.notes) text += "Note: " + printable(note) + "\n";
  for (const std::string& with : report.with_table) {
    text += fmt::format("Comes back with it: {}\n", printable(with));
  }
  text += fetched_text(report.fetched);
  if (view.output) text += output_text(report, *view.output);
  if (!view.output && report.rows > 0) {
    text += "`--output FILE` writes SQL that gives them back, `--format csv` the rows.\n";
  }
  return text + kept_server_text(report.kept, suggestion);
}

std::string rescue_json(const RescueView& view) {
  const RescueReport& report = view.report;
  Json left_out = Json::array();
  for (const undo::LeftOut& left : report.left_out) {
    left_out.push_back({{"table", left.table}, {"why", left.why}});
  }
  Json output = nullptr;
  if (view.output) {
    output = {{"path", view.output->path},
              {"format", undo::row_format_name(view.output->format)},
              {"rows", report.written},
              {"makes_table", report.remakes},
              {"with_table", report.with_table}};
  }
  return to_text(Json{{"rescue",
                       {{"target", restore::target_kind_name(view.plan.target.kind)},
                        {"target_lsn", view.plan.target_lsn.text()},
                        {"target_time", time_or_null(target_record(view.plan).time)},
                        {"backup", view.plan.backup.id.text},
                        {"database", report.database},
                        {"table", report.table},
                        {"where", text_or_null(report.where)},
                        {"rows", report.rows},
                        {"table_today", report.today ? Json(*report.today) : Json(nullptr)},
                        {"comparison", json_of(report)},
                        {"not_compared", text_or_null(report.not_compared)},
                        {"left_out", std::move(left_out)},
                        {"notes", report.notes},
                        {"output", std::move(output)},
                        {"fetched", fetched_json(report.fetched)},
                        {"kept", text_or_null(report.kept.root)}}}});
}

}  // namespace walkback::cli
