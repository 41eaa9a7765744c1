#include "undo/extended_statistics.h"

#include <fmt/format.h>

#include "pgconn/values.h"

namespace walkback::undo {

namespace {

using pgconn::number;
using pgconn::Row;
using pgconn::Table;
using pgconn::text;

constexpr std::string_view kStatistics =
    "SELECT s.oid, n.nspname, s.stxname, pg_get_userbyid(s.stxowner),"
    " format('%I.%I', n.nspname, s.stxname)"
    " FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace"
    " WHERE s.stxrelid = ANY ($1::oid[]) ORDER BY 5";

// Without a target of its own stxstattarget is -1, or NULL from 17 on.
constexpr std::string_view kStatements =
    "SELECT pg_get_statisticsobjdef(s.oid), format('ALTER STATISTICS %s OWNER TO %I', $2::text,"
    "  pg_get_userbyid(s.stxowner)), CASE WHEN s.stxstattarget >= 0 THEN"
    "  format('ALTER STATISTICS %s SET STATISTICS %s', $2::text, s.stxstattarget) END"
    " FROM pg_statistic_ext s WHERE s.oid = $1::oid";

}  // namespace

Result<std::vector<ExtendedStatistics>> read_statistics(pgconn::Connection& then,
                                                        const std::string& tables) {
  const Table rows = TRY(then.query(kStatistics, {tables}));
  std::vector<ExtendedStatistics> all;
  for (const Row& row : rows.rows) {
    all.push_back(
        {number<pg::Oid>(row[0]), text(row[1]), text(row[2]), text(row[3]), text(row[4])});
  }
  return all;
}

Result<std::string> obstacle_to(const ExtendedStatistics& statistics,
                                const std::set<std::string>& made, pgconn::Connection& live) {
  const Table found =
      TRY(live.query("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1),"
                     " EXISTS (SELECT FROM pg_statistic_ext s JOIN pg_namespace n"
                     "  ON n.oid = s.stxnamespace WHERE n.nspname = $1 AND s.stxname = $2),"
                     " EXISTS (SELECT FROM pg_roles WHERE rolname = $3)",
                     {statistics.schema, statistics.name, statistics.owner}));
  const Row& row = found.rows[0];
  if (!pgconn::truth(row[0]) && !made.contains(statistics.schema)) {
    return std::string("its schema is not there any more");
  }
  if (pgconn::truth(row[1])) return std::string("its name is taken");
  if (!pgconn::truth(row[2])) {
    return fmt::format("role {} owns it, and is not there any more", statistics.owner);
  }
  return std::string();
}

Result<std::vector<std::string>> statements_of(const ExtendedStatistics& statistics,
                                               pgconn::Connection& then) {
  const Table found =
      TRY(then.query(kStatements, {std::to_string(statistics.oid), statistics.quoted}));
  std::vector<std::string> statements;
  for (const Row& row : found.rows) {
    for (const pgconn::Value& statement : row) {
      if (statement) statements.push_back(*statement);
    }
  }
  return statements;
}

}  // namespace walkback::undo
