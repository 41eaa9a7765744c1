// Reads rows by their places, from a server on which they lie there.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "pgconn/connection.h"
#include "undo/row_changes.h"

namespace walkback::undo {

struct PlacedRow {
  Tid at;
  uint64_t number = 0;
};

// `rows` in the order in which they lie. Gives `take` each row's number and the values of
// `expressions` (SQL over the alias t), in batches that are as many rows as fit some megabytes.
// `table` is as SQL writes it; only its own rows are read, never those of tables that inherit from
// it, and no policy hides one: that is an error. kCorrupt when a row is not where it should be.
Result<void> read_rows(
    pgconn::Connection& server, const std::string& table, const std::string& expressions,
    std::span<const PlacedRow> rows, const std::stop_token& stop,
    const std::function<Result<void>(uint64_t number, std::vector<pgconn::Value> values)>& take);

// Every row of `table` that there is, with numbers from `first_number` on; returns how many.
Result<uint64_t> read_all_rows(
    pgconn::Connection& server, const std::string& table, const std::string& expressions,
    uint64_t first_number, const std::stop_token& stop,
    const std::function<Result<void>(uint64_t number, std::vector<pgconn::Value> values)>& take);

}  // namespace walkback::undo
