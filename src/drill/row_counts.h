// Every row of every table, read and counted, and held against an earlier drill.
//
// Counted, not estimated: pg_class.reltuples came out of the backup, whatever became of the rows,
// and proves nothing; count(*) reads each page through PostgreSQL. A drill that reads every page
// for its checksums and indexes does not get much dearer by it.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "drill/proof.h"
#include "drill/sql_checks.h"

namespace walkback::drill {

struct TableRows {
  std::string database;
  std::string schema;
  std::string table;
  uint64_t rows = 0;

  std::string name() const { return database + "." + schema + "." + table; }
};

struct RowCounts {
  std::vector<TableRows> tables;  // of each database the largest first
  uint64_t rows = 0;
  uint64_t databases = 0;
  std::vector<std::string> unreadable;  // what the server said instead of a count
};

// Permanent tables and materialized views that a user made, in every database that can be connected
// to. kCancelled when asked to stop.
Result<RowCounts> count_rows(const Connect& connect, Progress& progress,
                             const std::stop_token& stop);

// What somebody should look at: tables that are gone, empty now, or have lost more than half. None
// of it is a failure: rows are deleted every day, and a check says what must not be. Pure.
std::vector<std::string> compare_rows(const std::vector<TableRows>& now,
                                      const std::vector<TableRows>& before);

Proof rows_proof(const RowCounts& counts);

}  // namespace walkback::drill
