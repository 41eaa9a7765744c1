#include "cli/find_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/human.h"

namespace walkback::cli {

namespace {

using find::FileFate;
using find::FindReport;
using find::FoundTable;
using find::FoundTransaction;
using find::FoundWork;
using find::Outcome;

// As wide as a terminal's line with its label.
constexpr size_t kColumns = 60;
// Of a transaction's tables; a schema change may touch hundreds.
constexpr size_t kShownTables = 5;
constexpr size_t kShownUnknown = 5;

std::string table_name(const FoundTable& table) {
  if (!table.name) {
    return fmt::format("file {} of database {}, whose name nobody knows any more",
                       table.file.number, table.file.database);
  }
  return printable(
      fmt::format("{}.{}.{}", table.name->database, table.name->schema, table.name->name));
}

std::string fate(const FoundTable& table) {
  const std::string rows =
      table.rows_gone >= 0
          ? fmt::format(" (about {} rows)", human_count(static_cast<uint64_t>(table.rows_gone)))
          : "";
  switch (table.fate) {
    case FileFate::kTruncated:
      return "truncated" + rows;
    case FileFate::kDropped:
      return "dropped" + rows;
    case FileFate::kRewritten:
      return "rewritten";
    case FileFate::kCreated:
      return "created";
    case FileFate::kChanged:
      break;
  }
  return "";
}

std::string what_was_done(const FoundTable& table) {
  std::vector<std::string> done;
  const auto add = [&](int64_t rows, std::string_view verb) {
    if (rows > 0)
      done.push_back(fmt::format("{} {}", human_count(static_cast<uint64_t>(rows)), verb));
  };
  if (std::string words = fate(table); !words.empty()) done.push_back(std::move(words));
  add(table.rows.deleted, "deleted");
  add(table.rows.updated, "updated");
  add(table.rows.inserted, "inserted");
  return fmt::format("{}", fmt::join(done, ", "));
}

std::string when(const FoundTransaction& transaction) {
  std::string text;
  switch (transaction.outcome) {
    case Outcome::kCommitted:
      text = "committed ";
      break;
    case Outcome::kRolledBack:
      text = "rolled back ";
      break;
    case Outcome::kPrepared:
      text = "prepared, and neither committed nor rolled back yet";
      break;
    case Outcome::kUnfinished:
      text = "not ended: it is running, or a crash ended it";
      break;
  }
  if (transaction.ended_at) text += local_time(*transaction.ended_at);
  text += transaction.began_at ? ", began about " + local_time(*transaction.began_at)
                               : ", began where there is no WAL: what it did may be more than this";
  if (transaction.lsn) text += ", LSN " + transaction.lsn.text();
  return text;
}

std::string describe(const FoundWork& work, const FindView& view) {
  const FoundTransaction& transaction = work.transaction;
  Fields fields;
  for (const std::string& database : work.databases_dropped) {
    fields.add(printable(database), "the whole database dropped");
  }
  for (size_t i = 0; i < work.tables.size() && i < kShownTables; ++i) {
    fields.add(table_name(work.tables[i]), what_was_done(work.tables[i]));
  }
  std::string text =
      fmt::format("transaction {}, {}\n{}", transaction.xid, when(transaction), fields.text());
  if (work.tables.size() > kShownTables) {
    text += fmt::format("  and {} more tables\n", work.tables.size() - kShownTables);
  }
  if (transaction.outcome != Outcome::kCommitted) return text;
  const std::string target = fmt::format(
      "--before-xid {}{}", transaction.xid,
      view.timeline_given ? fmt::format(" --timeline {}", view.report.timeline.value) : "");
  text += "    " + view.suggestion.walkback("plan " + target) + "\n";
  text += "    " +
          view.suggestion.walkback(
              fmt::format("recover {} --into {}/before-{}", target, view.beside, transaction.xid)) +
          "\n";
  return text;
}

std::string graph(const FindView& view) {
  const std::vector<find::Histogram::Column> columns = view.report.histogram.columns(kColumns);
  if (columns.size() < 2) return "";
  const auto highest = std::ranges::max_element(columns, {}, &find::Histogram::Column::rows);
  const double seconds =
      static_cast<double>((columns[1].begin - columns[0].begin).count()) / 1'000'000;
  return fmt::format("rows changed, {} a column; {} at {}\n\n{}\n{}  to  {}\n\n",
                     human_duration(seconds), human_count(highest->rows),
                     local_second(highest->begin), sparkline(columns, view.utf8),
                     local_second(columns.front().begin),
                     local_second(view.report.last.value_or(columns.back().begin)));
}

std::string unknown(const FindReport& report) {
  std::string text;
  for (size_t i = 0; i < report.unknown.size() && i < kShownUnknown; ++i) {
    text += fmt::format("not known  {}, LSN {} to {}\n", printable(report.unknown[i].what),
                        report.unknown[i].from.text(), report.unknown[i].to.text());
  }
  if (report.unknown.size() > kShownUnknown) {
    text +=
        fmt::format("not known  {} more such stretches\n", report.unknown.size() - kShownUnknown);
  }
  if (report.unknown_first_records) {
    text += fmt::format(
        "not known  the first record of some segments, the first is {}: the segment before was\n"
        "           gone when it was archived, and no private key is here to look into it\n",
        *report.unknown_first_records);
  }
  return text;
}

}  // namespace

std::string sparkline(const std::vector<find::Histogram::Column>& columns, bool utf8) {
  constexpr std::array<std::string_view, 9> kBlocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<std::string_view, 9> kLetters = {" ", ".", ":", "-", "=",
                                                        "+", "*", "%", "#"};
  const auto& levels = utf8 ? kBlocks : kLetters;
  uint64_t highest = 1;
  for (const auto& column : columns) highest = std::max(highest, column.rows);
  std::string line;
  for (const auto& column : columns) {
    const double share = static_cast<double>(column.rows) / static_cast<double>(highest);
    const auto level = static_cast<size_t>(share * 8);
    line += levels[column.rows == 0 ? 0 : std::max<size_t>(1, level)];
  }
  return line;
}

std::string find_text(const FindView& view) {
  const FindReport& report = view.report;
  std::string text =
      fmt::format("Transactions that ended from {} to {}, timeline {}\n\n",
                  local_second(report.since), local_second(report.until), report.timeline.value);
  text += graph(view);
  for (const FoundWork& work : report.found) text += describe(work, view) + "\n";
  if (!report.table_is_known) {
    text +=
        "No table of this name is known: to no backup of that time, nor to the WAL, nor to the "
        "server now.\nIts name was another then, or it is spelt otherwise: without --table all are "
        "shown.\n\n";
  } else if (report.found.empty()) {
    text += report.last ? "No transaction that was asked for.\n\n"
                        : "No transaction ended in this time, as far as the WAL is archived.\n\n";
  }
  if (report.more > 0) {
    text += fmt::format(
        "{} or more smaller ones: --limit, --min-rows, --table, --since and --until "
        "choose\n",
        report.more);
  }
  text += fmt::format("{} committed, {} rolled back, in {}\n",
                      counted(report.totals.committed, "transaction"),
                      human_count(report.totals.rolled_back), counted(report.segments, "segment"));
  if (report.last && *report.last < report.until) {
    text += fmt::format("the last one archived ended {}\n", local_time(*report.last));
  }
  return text + unknown(report);
}

}  // namespace walkback::cli
