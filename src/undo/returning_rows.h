// The script that gives rows of a table as it was back to the table as it is: rows are put into it
// as they are met.
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pgconn/connection.h"
#include "undo/output_files.h"
#include "undo/row_comparison.h"
#include "undo/row_images.h"
#include "undo/script.h"
#include "undo/script_file.h"

namespace walkback::undo {

// A table with rows of its own, and what it is today.
struct ReturningTable {
  TableShape then;
  UndoTable today;
};

// One thread; memory: some thousand places for each table.
class ReturningRows {
 public:
  // `server` has the rows at their places, in a session of its own. It and `file` outlive this.
  ReturningRows(pgconn::Connection& server, std::vector<ReturningTable> tables, OutputFile& file,
                std::string encoding, std::stop_token stop);

  // `says` is the script's first line.
  Result<void> begin(std::string_view says);
  // One that comes back; of a table that is none of `tables`, it stays away.
  Result<void> add(const ToldRow& row);
  // The rest of the script; returns how many rows are in it.
  Result<uint64_t> finish(OnConflict mode);

 private:
  struct Waiting {
    const ReturningTable* table = nullptr;
    std::vector<PlacedRow> rows;
  };
  Result<void> put(Waiting& waiting);

  pgconn::Connection& server_;
  const std::vector<ReturningTable> tables_;
  const Script script_;
  ScriptFile file_;
  const std::stop_token stop_;
  std::map<pg::Oid, Waiting> waiting_;
  uint64_t rows_ = 0;
};

}  // namespace walkback::undo
