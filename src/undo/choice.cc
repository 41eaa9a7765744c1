#include "undo/choice.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::undo {

namespace {

using find::FileFate;
using find::FoundTable;
using find::FoundWork;
using find::Outcome;
using find::Reach;

Error no_such_transaction(const find::FindReport& report, uint64_t xid) {
  std::string hint =
      "a transaction that only read has no xid and leaves no trace; one that ended just now is in "
      "the archive once its WAL segment is (`SELECT pg_switch_wal()` ends it)";
  if (!report.unknown.empty()) {
    hint = fmt::format("it may lie in what is unknown: {}", report.unknown.front().what);
  }
  return make_error(ErrorKind::kMissing,
                    fmt::format("no transaction {} is in the archived WAL", xid), hint);
}

Error several(const std::vector<const FoundWork*>& works, uint64_t xid) {
  std::string candidates;
  for (const FoundWork* work : works) {
    candidates += fmt::format("{}{}", candidates.empty() ? "" : ", ", work->transaction.xid);
  }
  return make_error(
      ErrorKind::kInvalid,
      fmt::format("xid {} is ambiguous: xids count modulo 2^32, and the archive has several", xid),
      fmt::format("give all 64 bits: one of {}", candidates));
}

Result<void> check_outcome(const FoundWork& work, uint64_t xid) {
  const find::FoundTransaction& transaction = work.transaction;
  switch (transaction.outcome) {
    case Outcome::kCommitted:
      return success();
    case Outcome::kRolledBack:
      if (transaction.savepoints_of) {
        return make_error(ErrorKind::kInvalid,
                          fmt::format("{} was a savepoint of transaction {} and was rolled back: "
                                      "there is nothing to undo",
                                      xid, *transaction.savepoints_of),
                          fmt::format("`walkback undo --xid {}` undoes what that transaction kept",
                                      *transaction.savepoints_of));
      }
      return make_error(
          ErrorKind::kInvalid,
          fmt::format("transaction {} was rolled back: there is nothing to undo", xid),
          "`walkback find` shows which transactions took the most");
    case Outcome::kPrepared:
      return make_error(
          ErrorKind::kInvalid, fmt::format("transaction {} is prepared and has not committed", xid),
          transaction.gid.empty()
              ? "ROLLBACK PREPARED ends it without a trace; pg_prepared_xacts has its name"
              : fmt::format("ROLLBACK PREPARED '{}' ends it without a trace", transaction.gid));
    case Outcome::kInterrupted:
      return make_error(ErrorKind::kInvalid,
                        fmt::format("transaction {} was ended by a crash and never committed: "
                                    "there is nothing to undo",
                                    xid),
                        "`walkback find` shows which transactions took the most");
    case Outcome::kUnfinished:
      return make_error(ErrorKind::kInvalid,
                        fmt::format("the archive has no end of transaction {}", xid),
                        "it still runs, or its end is not archived yet or lies in a gap");
  }
  return success();
}

Result<void> check_reach(const FoundWork& work, uint64_t xid) {
  switch (work.reach) {
    case Reach::kReachable:
      return success();
    case Reach::kBeforeBackups:
      return make_error(
          ErrorKind::kInvalid,
          fmt::format("transaction {} committed before the oldest backup: the rows that it took "
                      "are in no backup",
                      xid),
          "`walkback list` shows what can be recovered");
    case Reach::kBehindGap:
      return make_error(
          ErrorKind::kInvalid,
          fmt::format("transaction {} lies behind a gap in the WAL, and no backup lies between",
                      xid),
          "`walkback list` shows the gaps");
  }
  return success();
}

// Empty when its rows can be given back.
std::string why_left_out(const FoundTable& table) {
  if (!table.name) return "nobody knows any more which table it was";
  if (table.fate == FileFate::kDropped) return "";
  if (table.name->kind == 'm') return "a materialized view: REFRESH makes its rows";
  switch (table.fate) {
    case FileFate::kChanged:
    case FileFate::kTruncated:
    case FileFate::kDropped:
      return "";
    case FileFate::kRewritten:
    case FileFate::kAltered:
      return "the transaction also rewrote it (ALTER TABLE, CLUSTER, VACUUM FULL)";
    case FileFate::kCreated:
      return "the transaction created it: DROP TABLE takes it away";
  }
  return "";
}

bool is_wanted(const FoundTable& table, const std::vector<find::TablePattern>& only) {
  if (only.empty()) return true;
  return table.name && std::ranges::any_of(only, [&](const find::TablePattern& pattern) {
           return pattern.matches(*table.name);
         });
}

}  // namespace

bool can_give_back(const FoundWork& work) {
  return work.is_recoverable() && std::ranges::any_of(work.tables, [](const FoundTable& table) {
           return why_left_out(table).empty();
         });
}

std::string name_of(const FoundTable& table) {
  if (table.name) return fmt::format("{}.{}", table.name->schema, table.name->name);
  return fmt::format("file {}/{}/{}", table.file.tablespace, table.file.database,
                     table.file.number);
}

Result<Choice> choose(const find::FindReport& report, uint64_t xid,
                      const std::vector<find::TablePattern>& only) {
  std::vector<const FoundWork*> works;
  for (const FoundWork& work : report.found) works.push_back(&work);
  for (const FoundWork& work : report.others) works.push_back(&work);
  if (works.empty()) return no_such_transaction(report, xid);
  if (works.size() > 1) return several(works, xid);
  Choice choice;
  choice.work = works.front();
  const find::FoundTransaction& transaction = choice.work->transaction;
  TRY(check_outcome(*choice.work, xid));
  TRY(check_reach(*choice.work, xid));
  if (static_cast<pg::Xid>(transaction.xid) != static_cast<pg::Xid>(xid)) {
    choice.notes.push_back(fmt::format(
        "{} is a subtransaction of {}: all of that transaction is undone", xid, transaction.xid));
  }
  for (const std::string& database : choice.work->databases_dropped) {
    choice.left_out.push_back(
        {"database " + database, "it was dropped: `walkback recover --before-xid` has it"});
  }
  bool any_wanted = only.empty();
  for (const FoundTable& table : choice.work->tables) {
    if (!is_wanted(table, only)) continue;
    any_wanted = true;
    const std::string why = why_left_out(table);
    if (!why.empty()) {
      choice.left_out.push_back({name_of(table), why});
      continue;
    }
    choice.database = table.file.database;
    choice.database_name = table.name->database;
    (table.fate == FileFate::kDropped ? choice.dropped : choice.tables).push_back(&table);
  }
  if (!any_wanted) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("transaction {} changed no table of that name", xid),
                      fmt::format("`walkback find --xid {}` shows its tables", xid));
  }
  if (!choice.tables.empty() || !choice.dropped.empty()) return choice;
  if (choice.left_out.empty()) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("the WAL has no change of transaction {} to a row of any table", xid),
        "large objects are not undone, nor are unlogged and temporary tables, which "
        "WAL has nothing of; `walkback find` shows which transactions took the most");
  }
  return make_error(ErrorKind::kUnsupported,
                    fmt::format("nothing of transaction {} can be undone: {}: {}", xid,
                                choice.left_out.front().table, choice.left_out.front().why),
                    how_to_recover(transaction.xid));
}

std::string how_to_recover(uint64_t xid) {
  return fmt::format("`walkback recover --before-xid {} --into DIR` gives back what was there",
                     xid);
}

}  // namespace walkback::undo
