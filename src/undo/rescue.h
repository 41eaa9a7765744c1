// `walkback rescue`: a table, or some of its rows, as of any target, and how that differs from what
// the running cluster has.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "find/relation_names.h"
#include "pgconn/connection.h"
#include "restore/plan.h"
#include "scratch/scratch_server.h"
#include "undo/choice.h"
#include "undo/on_conflict.h"
#include "undo/row_comparison.h"
#include "undo/row_format.h"

namespace walkback::undo {

struct RescueOptions {
  std::string cluster;
  std::vector<std::string> table;   // the parts of its name; see undo/wanted_table.h
  std::string where;                // a condition in SQL; empty: every row
  scratch::ScratchOptions scratch;  // its name, purpose and stand are rescue's business
  // The running cluster; the database of conninfo where `database` is empty.
  std::function<Result<std::unique_ptr<pgconn::Connection>>(const std::string& database)>
      connect_live;
  // In SQL: a table that is there gets back the rows that it has no more; or one is made.
  std::optional<RowOutput> output;
  // In SQL, of a table that is there: kSkip leaves rows that changed as they are, kOverwrite sets
  // them back.
  OnConflict on_conflict = OnConflict::kSkip;
  // In SQL: it is made under this name, beside the one that is there; its schema is empty where it
  // stays.
  std::optional<find::SchemaAndName> as;
  bool keep = false;  // the scratch server, stopped
};

struct RescueReport {
  std::string database, table;  // as SQL writes it, then
  std::string where;
  uint64_t rows = 0;  // then
  // The table that it is today; nothing when there is none, or nobody could be asked.
  std::optional<std::string> today;
  std::vector<std::string> key;  // columns by which rows were told; none: by all of their values
  std::optional<RowComparison> comparison;
  std::string not_compared;             // why not
  bool remakes = false;                 // the SQL makes the table
  std::vector<std::string> with_table;  // what is made with it: "view public.v"
  uint64_t written = 0;                 // rows
  std::vector<LeftOut> left_out;
  std::vector<std::string> notes;
  scratch::Fetched fetched;
  scratch::KeptServer kept;  // with `keep`
};

// `plan` is for the target. Refused before anything is fetched: kConflict for an output that is
// there and for a running cluster that is another one, kInvalid for a condition that is no SQL.
// Later: kMissing and kInvalid for a table that was not there then, or is none. A table that is not
// there any more, or that has other columns today, is no error: the report says it.
Result<RescueReport> run_rescue(const RescueOptions& options,
                                const restore::PlanOptions& plan_options,
                                const restore::RecoveryPlan& plan, scratch::Surroundings& around);

}  // namespace walkback::undo
