#include "undo/row_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

namespace walkback::undo {

namespace {

// Of a first batch, whose rows may be of any size; of all later ones.
constexpr size_t kFirstRows = 64;
constexpr size_t kMostRows = 4096;
constexpr size_t kBatchBytes = 8u << 20;

std::string tids_of(std::span<const PlacedRow> rows) {
  std::string array = "{";
  for (const PlacedRow& row : rows) {
    array += fmt::format("{}\"{}\"", array.size() == 1 ? "" : ",", row.at.text());
  }
  return array + "}";
}

size_t bytes_of(const pgconn::Row& row) {
  size_t bytes = 0;
  for (const pgconn::Value& value : row) bytes += value ? value->size() : 0;
  return bytes;
}

// After one of `rows`, which were `bytes`.
size_t next_batch(size_t rows, size_t bytes) {
  return std::clamp<size_t>(kBatchBytes / std::max<size_t>(1, bytes / rows), 1, kMostRows);
}

Error not_where_they_were(const std::string& table, size_t missing, size_t wanted,
                          const Tid& first) {
  return make_error(
      ErrorKind::kCorrupt,
      fmt::format("{} of {} rows of {} are not where the WAL says they were, from {} on", missing,
                  wanted, table, first.text()));
}

Result<void> check_stop(const std::stop_token& stop) {
  return stop.stop_requested() ? make_error(ErrorKind::kCancelled, "interrupted")
                               : Result<void>(success());
}

}  // namespace

Result<Tid> parse_tid(const pgconn::Value& value) {
  Tid tid;
  if (value && value->size() > 2) {
    const char* end = value->data() + value->size();
    const auto block = std::from_chars(value->data() + 1, end, tid.block);
    if (block.ec == std::errc() && block.ptr != end && *block.ptr == ',') {
      const auto offset = std::from_chars(block.ptr + 1, end, tid.offset);
      if (offset.ec == std::errc()) return tid;
    }
  }
  return make_error(ErrorKind::kCorrupt, "PostgreSQL gave a ctid that is none");
}

std::vector<PlacedRow> places_of(const std::vector<ChangedRow>& rows,
                                 std::optional<Tid> ChangedRow::*which) {
  std::vector<PlacedRow> placed;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].*which) placed.push_back({*(rows[i].*which), i + 1});
  }
  std::ranges::sort(placed, std::ranges::less(), &PlacedRow::at);
  return placed;
}

Result<void> read_rows(
    pgconn::Connection& server, const std::string& table, const std::string& expressions,
    std::span<const PlacedRow> rows, const std::stop_token& stop,
    const std::function<Result<void>(uint64_t number, std::vector<pgconn::Value> values)>& take) {
  const std::string sql = fmt::format(
      "SELECT t.ctid, {} FROM ONLY {} t WHERE t.ctid = ANY($1::tid[])", expressions, table);
  size_t batch = kFirstRows;
  for (size_t done = 0; done < rows.size();) {
    TRY(check_stop(stop));
    const auto wanted = rows.subspan(done, std::min(batch, rows.size() - done));
    pgconn::Table answer = TRY(server.query(sql, {tids_of(wanted)}));
    std::map<Tid, uint64_t> numbers;
    for (const PlacedRow& row : wanted) numbers.emplace(row.at, row.number);
    size_t bytes = 0;
    for (pgconn::Row& row : answer.rows) {
      const auto found = numbers.find(TRY(parse_tid(row[0])));
      if (found == numbers.end()) continue;  // counted as missing below
      bytes += bytes_of(row);
      const uint64_t number = found->second;
      numbers.erase(found);
      row.erase(row.begin());
      TRY(take(number, std::move(row)));
    }
    if (!numbers.empty()) {
      return not_where_they_were(table, numbers.size(), wanted.size(), numbers.begin()->first);
    }
    done += wanted.size();
    batch = next_batch(wanted.size(), bytes);
  }
  return success();
}

Result<void> copy_rows(pgconn::Connection& server, const std::string& table,
                       const std::string& expressions, std::span<const PlacedRow> rows,
                       const std::string& first_form, const std::string& form,
                       const std::function<Result<void>(std::string_view bytes)>& take) {
  size_t done = 0;
  do {
    const auto wanted = rows.subspan(done, std::min(kMostRows, rows.size() - done));
    const uint64_t copied = TRY(server.copy_out(
        fmt::format("COPY (SELECT {} FROM ONLY {} t WHERE t.ctid = ANY('{}'::tid[])) TO STDOUT"
                    " WITH ({})",
                    expressions, table, tids_of(wanted), done == 0 ? first_form : form),
        take));
    if (copied != wanted.size()) {
      return not_where_they_were(table, wanted.size() - copied, wanted.size(), wanted.front().at);
    }
    done += wanted.size();
  } while (done < rows.size());
  return success();
}

Result<uint64_t> copy_all_rows(pgconn::Connection& server, const std::string& source,
                               const std::string& expressions, const std::string& form,
                               const std::function<Result<void>(std::string_view bytes)>& take) {
  return server.copy_out(
      fmt::format("COPY (SELECT {} FROM {}) TO STDOUT WITH ({})", expressions, source, form), take);
}

Result<uint64_t> read_all_rows(
    pgconn::Connection& server, const std::string& source, const std::string& expressions,
    uint64_t first_number, const std::stop_token& stop,
    const std::function<Result<void>(uint64_t number, std::vector<pgconn::Value> values)>& take) {
  TRY(server.query("BEGIN"));
  TRY(server.query(fmt::format("DECLARE undo_rows NO SCROLL CURSOR FOR SELECT {} FROM {}",
                               expressions, source)));
  uint64_t number = first_number;
  for (size_t batch = kFirstRows;;) {
    TRY(check_stop(stop));
    pgconn::Table answer = TRY(server.query(fmt::format("FETCH {} FROM undo_rows", batch)));
    if (answer.rows.empty()) break;
    size_t bytes = 0;
    for (pgconn::Row& row : answer.rows) {
      bytes += bytes_of(row);
      TRY(take(number++, std::move(row)));
    }
    batch = next_batch(answer.rows.size(), bytes);
  }
  TRY(server.query("COMMIT"));
  return number - first_number;
}

}  // namespace walkback::undo
