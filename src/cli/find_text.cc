#include "cli/find_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/shell.h"
#include "cli/human.h"
#include "pg/sql_text.h"
#include "undo/choice.h"

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

// As `pg_dump -t` takes it.
std::string sql_name(const std::string& schema, const std::string& name) {
  return pg::quote_identifier(schema) + "." + pg::quote_identifier(name);
}

// As --table takes it.
std::string full_name(const find::RelationName& name) {
  return pg::quote_identifier(name.database) + "." + sql_name(name.schema, name.name);
}

std::string table_name(const FoundTable& table) {
  if (!table.name) {
    return fmt::format("file {} of database {}, whose name nobody knows any more",
                       table.file.number, table.file.database);
  }
  std::string text = full_name(*table.name);
  for (const find::SchemaAndName& also : table.name->also) {
    text += fmt::format(" (also {})", sql_name(also.schema, also.name));
  }
  return printable(text);
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
      // REFRESH makes its rows anew, and WAL says no more of it than of VACUUM FULL.
      return table.name && table.name->kind == 'm' ? "refreshed or rewritten"
                                                   : "rewritten with the same rows";
    case FileFate::kAltered:
      return "rewritten with changed columns" + rows;
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

// Nobody knows whether it has committed.
bool end_is_to_come(const FoundTransaction& transaction) {
  return transaction.outcome == Outcome::kUnfinished && !transaction.log_goes_on;
}

std::string where_its_end_is(const FindView& view) {
  const bool all_is_archived = view.archiver && view.archiver->written <= view.report.archive_end;
  if (all_is_archived) return "not ended: it runs, and all that the server wrote is archived";
  std::string text = "its end is not in the archive yet";
  if (!view.reaches_now || !view.report.archive_last) return text;
  const double seconds =
      static_cast<double>((view.now - *view.report.archive_last).count()) / 1'000'000;
  return text + fmt::format("; {} of WAL {} on the server", human_duration(seconds),
                            view.server_answers ? "are" : "may be");
}

std::string when(const FoundTransaction& transaction, const FindView& view) {
  std::string text;
  switch (transaction.outcome) {
    case Outcome::kCommitted:
      text = "committed ";
      break;
    case Outcome::kRolledBack:
      text = "rolled back ";
      break;
    case Outcome::kPrepared:
      text = "prepared";
      if (!transaction.gid.empty()) text += " as " + printable(pg::quote_literal(transaction.gid));
      if (transaction.prepared_at) text += " " + local_time(*transaction.prepared_at);
      text += transaction.log_goes_on
                  ? ", and neither committed nor rolled back where reading stopped"
                  : ", and neither committed nor rolled back yet";
      break;
    case Outcome::kInterrupted:
      text = "interrupted by a crash or a recovery";
      if (transaction.interrupted_after)
        text += " after " + local_time(*transaction.interrupted_after);
      break;
    case Outcome::kUnfinished:
      text = transaction.log_goes_on ? "not ended where reading stopped, behind the window"
                                     : where_its_end_is(view);
      break;
  }
  if (transaction.ended_at) text += local_time(*transaction.ended_at);
  if (transaction.may_be_more) {
    text += ", may have begun before the WAL that was read: what it did may be more than this";
  } else if (transaction.began_at) {
    text += ", began about " + local_time(*transaction.began_at);
  }
  if (transaction.lsn) text += ", LSN " + transaction.lsn.text();
  return text;
}

std::string who(const FoundTransaction& transaction) {
  if (!transaction.savepoints_of) return fmt::format("transaction {}", transaction.xid);
  return fmt::format("{} of transaction {}", counted(transaction.savepoints, "savepoint"),
                     *transaction.savepoints_of);
}

// What was done to one table, or alike to several partitions of one.
struct Line {
  FoundTable table;
  size_t partitions = 0;
};

// A DELETE from a table of 400 partitions is one line.
std::vector<Line> lines_of(const std::vector<FoundTable>& tables) {
  std::vector<Line> lines;
  for (const FoundTable& table : tables) {
    if (!table.name || table.name->partition_of.empty()) {
      lines.push_back({table});
      continue;
    }
    const find::SchemaAndName& root = table.name->partition_of.back();
    const auto same = std::ranges::find_if(lines, [&](const Line& line) {
      return line.partitions > 0 && line.table.file.database == table.file.database &&
             line.table.fate == table.fate && line.table.name->partition_of.back() == root;
    });
    if (same == lines.end()) {
      lines.push_back({table, 1});
      continue;
    }
    ++same->partitions;
    same->table.rows += table.rows;
    const bool known = same->table.rows_gone >= 0 && table.rows_gone >= 0;
    same->table.rows_gone = known ? same->table.rows_gone + table.rows_gone : -1;
  }
  for (Line& line : lines) {
    if (line.partitions < 2) continue;
    const find::SchemaAndName root = line.table.name->partition_of.back();
    line.table.name->schema = root.schema;
    line.table.name->name = root.name;
    line.table.name->also.clear();
  }
  return lines;
}

std::string label(const Line& line) {
  std::string text = table_name(line.table);
  if (line.partitions > 1) text += fmt::format(" ({} partitions)", line.partitions);
  return text;
}

// With the variables that this very command was told by.
std::string command(const FindView& view, const std::string& arguments) {
  const std::string line =
      view.suggestion.complete("`" + view.variables + "walkback " + arguments + "`");
  return line.substr(1, line.size() - 2);
}

std::string describe(const FoundWork& work, const FindView& view) {
  const FoundTransaction& transaction = work.transaction;
  Fields fields;
  for (const std::string& database : work.databases_dropped) {
    fields.add(printable(database), "the whole database dropped");
  }
  const std::vector<Line> lines = lines_of(work.tables);
  for (size_t i = 0; i < lines.size() && i < kShownTables; ++i) {
    fields.add(label(lines[i]), what_was_done(lines[i].table));
  }
  std::string text =
      fmt::format("{}, {}\n{}", who(transaction), when(transaction, view), fields.text());
  if (work.tables.empty() && work.databases_dropped.empty()) {
    text += transaction.work_unseen
                ? "  was prepared in WAL that is not there, and what it did is not known\n"
            : transaction.may_be_more ? "  changed no rows of any table in the WAL that was read\n"
                                      : "  changed no rows of any table, as far as the WAL tells\n";
  }
  if (lines.size() > kShownTables) {
    text += fmt::format("  and {}\n", counted(lines.size() - kShownTables, "more table"));
  }
  if (transaction.outcome != Outcome::kCommitted) return text;
  if (work.reach == find::Reach::kBeforeBackups) {
    return text + "    before the first backup that is there: nothing recovers to before it\n";
  }
  if (work.reach == find::Reach::kBehindGap) {
    return text +
           "    behind a gap in the archive, with no backup between the gap and it: nothing "
           "recovers to before it\n";
  }
  const std::string timeline =
      view.timeline_given ? fmt::format(" --timeline {}", view.report.timeline.value) : "";
  if (undo::can_give_back(work)) {
    text +=
        "    " + command(view, fmt::format("undo --xid {}{}", transaction.xid, timeline)) + "\n";
  }
  const std::string target = fmt::format("--before-xid {}{}", transaction.xid, timeline);
  text += "    " + command(view, "plan " + target) + "\n";
  text += "    " +
          command(view, fmt::format("recover {} --into {}", target,
                                    shell_word(view.free_directory(transaction.xid)))) +
          "\n";
  return text;
}

using Columns = std::vector<find::Histogram::Column>;

// One line of marks under what the highest of them means; nothing where all are zero.
std::string graph_of(const Columns& columns, std::string_view what,
                     uint64_t find::Histogram::Rows::*rows, bool utf8) {
  std::vector<uint64_t> numbers;
  for (const auto& column : columns) numbers.push_back(column.rows.*rows);
  const auto highest = std::ranges::max_element(numbers);
  if (*highest == 0) return "";
  const Timestamp from = columns[static_cast<size_t>(highest - numbers.begin())].begin;
  const auto width = columns[1].begin - columns[0].begin;
  const std::string when =
      width < std::chrono::seconds(1)
          ? "at " + local_second(from)
          : fmt::format("from {} to {}", local_second(from), local_second(from + width));
  return fmt::format("{}; {} is {} {}\n{}\n", what, sparkline({1}, utf8), human_count(*highest),
                     when, sparkline(numbers, utf8));
}

std::string graph(const FindView& view) {
  const Columns columns = view.report.histogram.columns(kColumns);
  if (columns.size() < 2) return "";
  const double seconds =
      static_cast<double>((columns[1].begin - columns[0].begin).count()) / 1'000'000;
  using Rows = find::Histogram::Rows;
  const std::string marks =
      graph_of(columns, "deleted, updated, truncated or dropped", &Rows::taken, view.utf8) +
      graph_of(columns, "inserted", &Rows::added, view.utf8);
  if (marks.empty()) return "";
  return fmt::format("rows changed{}, {} a column\n{}{}  to  {}\n\n",
                     view.filtered ? " by what was asked for" : "", human_duration(seconds), marks,
                     local_second(columns.front().begin),
                     local_second(view.report.last.value_or(columns.back().begin)));
}

// "1,500 transactions committed and were asked for: 1,500 rows deleted".
std::string tally(const FindView& view) {
  const find::TransactionSearch::Tally& tally = view.report.tally;
  if (tally.transactions < 2) return "";
  std::vector<std::string> done;
  const auto add = [&](int64_t rows, std::string_view what) {
    if (rows > 0)
      done.push_back(fmt::format("{} {}", counted(static_cast<uint64_t>(rows), "row"), what));
  };
  add(tally.sum.rows.deleted, "deleted");
  add(tally.sum.rows.updated, "updated");
  add(tally.sum.rows.inserted, "inserted");
  if (tally.sum.gone > 0) {
    done.push_back(fmt::format("about {} in tables that were truncated, dropped or rewritten",
                               human_count(tally.sum.gone)));
  }
  std::string text =
      fmt::format("{} committed{}{}{}\n  from {} to {}; the first of them is {}\n",
                  counted(tally.transactions, "transaction"),
                  view.filtered ? " and were asked for" : " and changed something",
                  done.empty() ? "" : ": ", fmt::join(done, ", "), local_time(*tally.first_at),
                  local_time(*tally.last_at), tally.first_xid);
  if (view.report.more > 0) {
    text += fmt::format(
        "  the {} {} of them are shown: --limit, --order {}, --min-rows, --table, --since and "
        "--until choose\n",
        human_count(view.report.found.size()), view.earliest_first ? "earliest" : "largest",
        view.earliest_first ? "size" : "time");
  }
  return text + "\n";
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

std::optional<Error> why_no_target(const FoundWork& work, const Error& refusal) {
  const FoundTransaction& transaction = work.transaction;
  const auto because = [&](std::string why, std::string hint) {
    return make_error(refusal.kind, fmt::format("transaction {} {}", transaction.xid, why),
                      std::move(hint));
  };
  switch (transaction.outcome) {
    case Outcome::kPrepared:
      return because(
          fmt::format("is prepared as {}, and neither committed nor rolled back yet: it "
                      "has changed nothing that others see",
                      printable(pg::quote_literal(transaction.gid))),
          fmt::format("ROLLBACK PREPARED {} in its database undoes it without a recovery",
                      printable(pg::quote_literal(transaction.gid))));
    case Outcome::kInterrupted:
      return because("was interrupted by a crash or a recovery: it changed nothing", "");
    case Outcome::kUnfinished:
      return because("has no end in the archive yet",
                     "if it has committed since, SELECT pg_switch_wal() on the server archives "
                     "that");
    case Outcome::kRolledBack:
      if (work.reach == find::Reach::kReachable) return std::nullopt;
      return because("was rolled back: it changed nothing", "");
    case Outcome::kCommitted:
      break;
  }
  if (work.reach != find::Reach::kBeforeBackups) return std::nullopt;
  return because(fmt::format("committed {}, before the first backup that is there had ended: "
                             "nothing recovers to before it",
                             transaction.ended_at ? local_time(*transaction.ended_at) : "early"),
                 refusal.hint);
}

std::string sparkline(const std::vector<uint64_t>& numbers, bool utf8) {
  constexpr std::array<std::string_view, 9> kBlocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<std::string_view, 9> kLetters = {" ", ".", ":", "-", "=",
                                                        "+", "*", "%", "#"};
  const auto& levels = utf8 ? kBlocks : kLetters;
  uint64_t highest = 1;
  for (const uint64_t number : numbers) highest = std::max(highest, number);
  std::string line;
  for (const uint64_t number : numbers) {
    const double share = static_cast<double>(number) / static_cast<double>(highest);
    const auto level = static_cast<size_t>(share * 8);
    line += levels[number == 0 ? 0 : std::max<size_t>(1, level)];
  }
  return line;
}

namespace {

std::string heading(const FindView& view) {
  const FindReport& report = view.report;
  if (view.xid) {
    return fmt::format("Transaction {}, in all that is archived, timeline {}\n\n", *view.xid,
                       report.timeline.value);
  }
  return fmt::format("Transactions that ended from {} to {}, timeline {}\n\n",
                     local_second(report.since), local_second(report.until), report.timeline.value);
}

// What cannot be seen yet stands first: the accident of this minute is in it.
std::string not_archived(const FindView& view) {
  if (!view.reaches_now) return "";
  const FindReport& report = view.report;
  const std::optional<Error> trouble =
      view.archiver ? archiving_trouble(*view.archiver) : std::nullopt;
  std::string text;
  if (trouble)
    text += fmt::format("ARCHIVING STANDS STILL: {}\n  {}\n", trouble->message, trouble->hint);
  const bool all_is_archived = view.archiver && view.archiver->written <= report.archive_end;
  if (all_is_archived) return text.empty() ? "" : text + "\n";
  if (report.archive_last) {
    const double seconds =
        static_cast<double>((view.now - *report.archive_last).count()) / 1'000'000;
    text += fmt::format("not archived yet: everything after {} ({} ago)",
                        local_second(*report.archive_last), human_duration(seconds));
  } else {
    text += "not archived yet: everything";
  }
  if (trouble) return text + "\n\n";
  if (!view.server_answers) {
    return text +
           "; no server of this cluster answers:\n"
           "  what it has not archived lies in its pg_wal until it runs again\n\n";
  }
  if (!view.archiver) return text + "; SELECT pg_switch_wal() on the primary archives it\n\n";
  return text + fmt::format("; this archives it, then repeat:\n    {}\n\n", view.switch_command);
}

std::string did_you_mean(const FindReport& report) {
  if (!report.nearest_table) return "";
  return printable(
      fmt::format("Did you mean --table {}?\n", shell_word(full_name(*report.nearest_table))));
}

std::string nothing_found(const FindView& view) {
  const FindReport& report = view.report;
  if (!report.table_is_known) {
    return "No table of this name is known: to no backup of that time, nor to the newest, nor to "
           "the WAL, nor to the server now.\n" +
           did_you_mean(report) +
           "Without --table all are shown; a name with capital letters needs double quotes, as in "
           "SQL.\n\n";
  }
  if (!report.found.empty() || !report.others.empty()) return "";
  if (view.xid) {
    return "No transaction of this number ended, or wrote anything, in what is archived.\n\n";
  }
  return report.last ? "No transaction that was asked for.\n\n"
                     : "No transaction ended in this time, as far as the WAL is archived.\n\n";
}

std::string archive_bounds(const FindReport& report) {
  if (!report.archive_first || !report.archive_last) return "";
  return fmt::format("archived: transactions that ended from {} to {}\n",
                     local_time(*report.archive_first), local_time(*report.archive_last));
}

// Of the table that a transaction took the most from, unless it was renamed: in a copy of before it
// has another name than now. One that was dropped is wanted whole.
std::string dump_command(const FoundWork& work) {
  const auto named = std::ranges::find_if(
      work.tables, [](const FoundTable& table) { return table.name && table.name->also.empty(); });
  if (named == work.tables.end()) return "pg_dump -h DIR -p PORT -t TABLE --data-only";
  return printable(fmt::format("pg_dump -h DIR -p PORT -t {}{} {}",
                               shell_word(sql_name(named->name->schema, named->name->name)),
                               named->fate == FileFate::kDropped ? "" : " --data-only",
                               shell_word(named->name->database)));
}

std::string how_to_go_on(const FindView& view) {
  const auto first = std::ranges::find_if(view.report.found, &FoundWork::is_recoverable);
  if (first == view.report.found.end()) return "";
  std::string text =
      "`undo` shows which rows it would give back and what stands against that; with --apply it\n"
      "gives them back. `recover` makes a copy beside the cluster, and says its DIR and PORT:\n" +
      fmt::format("`{}` takes rows out of it (docs/how-to.md, \"One table back\")\n",
                  dump_command(*first));
  if (view.key_missing) {
    text +=
        "no owner's private key is here, and all these lines need one:\n"
        "WALKBACK_ENCRYPTION_IDENTITY_FILE=FILE before them says where it lies\n";
  }
  return text;
}

std::string others(const FindView& view, bool to_come, std::string_view heading) {
  std::string text;
  for (const FoundWork& work : view.report.others) {
    if (end_is_to_come(work.transaction) != to_come) continue;
    if (text.empty()) text = fmt::format("{}\n\n", heading);
    text += describe(work, view) + "\n";
  }
  return text;
}

}  // namespace

std::string find_text(const FindView& view) {
  const FindReport& report = view.report;
  std::string text = heading(view) + not_archived(view);
  if (!view.xid) text += graph(view) + tally(view);
  for (const FoundWork& work : report.found) text += describe(work, view) + "\n";
  text += others(view, true, "Not ended, as far as is archived:") +
          others(view, false, "Not committed:");
  text += nothing_found(view);
  text += fmt::format("{}{} committed, {} rolled back, in {}\n",
                      view.filtered ? "in this time, whatever they did: " : "",
                      counted(report.totals.committed, "transaction"),
                      human_count(report.totals.rolled_back), counted(report.segments, "segment"));
  text += archive_bounds(report);
  return text + how_to_go_on(view) + unknown(report);
}

}  // namespace walkback::cli
