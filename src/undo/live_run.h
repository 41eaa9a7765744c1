// Runs an undo's script on the running cluster: to see what it would do, and to do it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pgconn/connection.h"
#include "undo/script.h"
#include "undo/text_spool.h"

namespace walkback::undo {

struct Conflict {
  std::string does;  // what was to be done: "insert", "update", "remove", "create"
  std::string why;   // "changed since", "key taken again: payments_pkey", …
  std::string row;   // "id=7", or the row where it has no key
  bool operator==(const Conflict&) const = default;
};

struct TableOutcome {
  std::string table;
  uint64_t inserted = 0, set_back = 0, removed = 0;
  uint64_t conflicts = 0;
  std::vector<Conflict> listed;  // the first of them
  bool created = false;          // it was dropped, and comes back whole
  // Triggers and rules that fire all the same: "trigger audit (ENABLE ALWAYS) on INSERT".
  std::vector<std::string> fires;
  bool operator==(const TableOutcome&) const = default;
};

struct LiveOutcome {
  std::vector<TableOutcome> tables;
  std::optional<uint64_t> xid;  // of the transaction that gave the rows back
  uint64_t conflicts() const;
};

// In one transaction, which is rolled back unless everything in it succeeds; rows of the cluster
// are only ever changed by `apply`.
class LiveRun {
 public:
  // `live` is a session of pgconn::connect() with the cluster's database; all of them outlive it.
  // `last` are statements that apply() runs behind the script's own, where there are any.
  LiveRun(pgconn::Connection& live, const Script& script, const TextSpool& rows,
          const TextSpool* last = nullptr)
      : live_(live), script_(script), rows_(rows), last_(last) {}
  ~LiveRun();
  LiveRun(const LiveRun&) = delete;
  LiveRun& operator=(const LiveRun&) = delete;

  // What would be done, and all that stands against it, whatever is done about conflicts then.
  // Locks no row. Call once, first.
  Result<LiveOutcome> preview();
  // Looks again, under locks, and does it; commits. kConflict, with nothing done, when anything
  // stands against it and `mode` is to fail.
  Result<LiveOutcome> apply(OnConflict mode);

 private:
  Result<void> run(const Script::Statements& statements);
  Result<LiveOutcome> outcome();
  Result<void> explained(const std::string& statement, Result<pgconn::Table> ran) const;
  Result<std::vector<std::string>> fired(const UndoTable& table);

  pgconn::Connection& live_;
  const Script& script_;
  const TextSpool& rows_;
  const TextSpool* const last_;
  bool open_ = false;
};

}  // namespace walkback::undo
