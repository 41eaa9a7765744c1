// What a transaction changed, as data: in CSV and COPY's own text a directory with a file for each
// table and kind of change, in JSON a file with a line for each row.
//
//   TABLE.deleted.csv    rows that it deleted, as they were
//   TABLE.updated.csv    rows that it updated, as they were
//   TABLE.inserted.csv   rows that it inserted, as it left them
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "pgconn/connection.h"
#include "undo/output_files.h"
#include "undo/row_changes.h"
#include "undo/row_format.h"
#include "undo/table_shape.h"
#include "undo/text_spool.h"

namespace walkback::undo {

// A line of JSON about a row of `table`. kUnsupported where it is no UTF-8, as in a database that
// is SQL_ASCII it may be.
Result<void> write_json(OutputFile& file, const TableShape& table, std::string_view line);

// One thread. Memory: in JSON 16 bytes for each row of known place, else nothing that grows.
class ChangeFiles {
 public:
  // `format` is not kSql. kConflict when `path` is there.
  static Result<std::unique_ptr<ChangeFiles>> create(RowFormat format, const std::string& path,
                                                     FileSystem& files);
  // Where rows may wait for what becomes of them: before the first is given.
  Result<void> spool_to(const std::string& path);

  // Of one table, once each: `rows` as the transaction found them, from a server on which they lie
  // there, and as it left them. `then` is the table there.
  Result<void> add_was(pgconn::Connection& server, const TableShape& then,
                       const std::vector<ChangedRow>& rows, const std::stop_token& stop);
  Result<void> add_now(pgconn::Connection& server, const TableShape& then,
                       const std::vector<ChangedRow>& rows, const std::stop_token& stop);
  // Of one that it truncated or dropped: every row that there is on a server on which it did not.
  Result<void> add_all(pgconn::Connection& server, const TableShape& then,
                       const std::stop_token& stop);
  // On success all of it is there, and survives power loss.
  Result<void> finish();

 private:
  // Where the spool has each row.
  struct Images {
    TableShape table;
    std::vector<std::optional<uint64_t>> was, now;
  };
  using Places = std::vector<std::optional<uint64_t>>;

  ChangeFiles(RowFormat format, FileSystem& files) : format_(format), files_(files) {}
  Result<void> copy(pgconn::Connection& server, const TableShape& then, std::string_view what,
                    const std::vector<ChangedRow>& rows, std::optional<Tid> ChangedRow::*which,
                    const std::stop_token& stop);
  Result<void> spool(pgconn::Connection& server, const TableShape& then,
                     const std::vector<ChangedRow>& rows, std::optional<Tid> ChangedRow::*which,
                     Places Images::*to, const std::stop_token& stop);
  Result<void> write_lines(const Images& images);

  const RowFormat format_;
  FileSystem& files_;
  std::unique_ptr<OutputDirectory> directory_;
  std::unique_ptr<OutputFile> file_;  // of JSON
  std::optional<TextSpool> spool_;
  std::map<pg::Oid, Images> images_;
};

}  // namespace walkback::undo
