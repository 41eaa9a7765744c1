// Reads rows by their places, from a server on which they lie there.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pgconn/connection.h"
#include "undo/row_changes.h"

namespace walkback::undo {

struct PlacedRow {
  Tid at;
  uint64_t number = 0;
};

// Of a ctid that PostgreSQL printed.
Result<Tid> parse_tid(const pgconn::Value& value);

// Where those of `rows` lie that `which` has, in that order: each block is read once. Their numbers
// count `rows` from 1.
std::vector<PlacedRow> places_of(const std::vector<ChangedRow>& rows,
                                 std::optional<Tid> ChangedRow::*which);

// `rows` in the order in which they lie. Gives `take` each row's number and the values of
// `expressions` (SQL over the alias t), in batches that are as many rows as fit some megabytes.
// `table` is as SQL writes it; only its own rows are read, never those of tables that inherit from
// it; `server` has row_security off, with which a policy that hides one is an error. kCorrupt when
// a row is not where it should be.
Result<void> read_rows(
    pgconn::Connection& server, const std::string& table, const std::string& expressions,
    std::span<const PlacedRow> rows, const std::stop_token& stop,
    const std::function<Result<void>(uint64_t number, std::vector<pgconn::Value> values)>& take);

// The same by COPY: `form` is what stands behind WITH, for the first of them and for the rest; at
// least the first statement is made. `take` gets the copy's bytes.
Result<void> copy_rows(pgconn::Connection& server, const std::string& table,
                       const std::string& expressions, std::span<const PlacedRow> rows,
                       const std::string& first_form, const std::string& form,
                       const std::function<Result<void>(std::string_view bytes)>& take);

// Every row that there is FROM `source` (as SQL writes it, with the alias t), with numbers from
// `first_number` on; returns how many.
Result<uint64_t> read_all_rows(
    pgconn::Connection& server, const std::string& source, const std::string& expressions,
    uint64_t first_number, const std::stop_token& stop,
    const std::function<Result<void>(uint64_t number, std::vector<pgconn::Value> values)>& take);
Result<uint64_t> copy_all_rows(pgconn::Connection& server, const std::string& source,
                               const std::string& expressions, const std::string& form,
                               const std::function<Result<void>(std::string_view bytes)>& take);

}  // namespace walkback::undo
