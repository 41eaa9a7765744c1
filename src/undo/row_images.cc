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

// "(0,1)"
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

size_t bytes_of(const pgconn::Row& row) {
  size_t bytes = 0;
  for (const pgconn::Value& value : row) bytes += value ? value->size() : 0;
  return bytes;
}

// After one of `rows`, which were `bytes`.
size_t next_batch(size_t rows, size_t bytes) {
  return std::clamp<size_t>(kBatchBytes / std::max<size_t>(1, bytes / rows), 1, kMostRows);
}

}  // namespace

Result<void> read_rows(
    pgconn::Connection& server, const std::string& table, const std::string& expressions,
    std::span<const PlacedRow> rows, const std::stop_token& stop,
    const std::function<Result<void>(uint64_t number, std::vector<pgconn::Value> values)>& take) {
  TRY(server.query("SET row_security = off"));
  const std::string sql = fmt::format(
      "SELECT t.ctid, {} FROM ONLY {} t WHERE t.ctid = ANY($1::tid[])", expressions, table);
  size_t batch = kFirstRows;
  for (size_t done = 0; done < rows.size();) {
    if (stop.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
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
      return make_error(
          ErrorKind::kCorrupt,
          fmt::format("{} of {} rows of {} are not where the WAL says they were, the first at {}",
                      numbers.size(), wanted.size(), table, numbers.begin()->first.text()));
    }
    done += wanted.size();
    batch = next_batch(wanted.size(), bytes);
  }
  return success();
}

Result<uint64_t> read_all_rows(
    pgconn::Connection& server, const std::string& table, const std::string& expressions,
    uint64_t first_number, const std::stop_token& stop,
    const std::function<Result<void>(uint64_t number, std::vector<pgconn::Value> values)>& take) {
  TRY(server.query("SET row_security = off"));
  TRY(server.query("BEGIN"));
  TRY(server.query(fmt::format("DECLARE undo_rows NO SCROLL CURSOR FOR SELECT {} FROM ONLY {} t",
                               expressions, table)));
  uint64_t number = first_number;
  for (size_t batch = kFirstRows;;) {
    if (stop.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
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
