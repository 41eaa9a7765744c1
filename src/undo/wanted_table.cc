#include "undo/wanted_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "pgconn/values.h"

namespace walkback::undo {

namespace {

using pgconn::number;
using pgconn::Row;
using pgconn::Table;
using pgconn::text;
using pgconn::truth;

constexpr size_t kMostNamed = 5;

constexpr std::string_view kDatabases =
    "SELECT datname, oid FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1";

constexpr std::string_view kCalled =
    "SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind, c.relpersistence = 'u'"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'"
    " AND CASE WHEN $2::text IS NULL THEN n.nspname NOT IN ('pg_catalog', 'information_schema')"
    "  ELSE n.nspname = $2::text END ORDER BY 2";

// UNION, for a table that is not partitioned has no tree (pg_partition_tree() gives no row).
constexpr std::string_view kTree =
    "WITH RECURSIVE tree AS (SELECT $1::oid AS oid UNION SELECT c.oid FROM tree"
    " JOIN pg_inherits i ON i.inhparent = tree.oid JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE c.relispartition) ";

struct Called {
  WantedTable table;
  std::string name;  // "shop: public.payments"
  char kind = 0;
};

std::string_view kind_text(char kind) {
  switch (kind) {
    case 'v':
      return "a view: it has no rows of its own, the tables that it reads have them";
    case 'm':
      return "a materialized view: REFRESH makes its rows from the tables that it reads";
    default:
      return "a foreign table: its rows lie on another server";
  }
}

Result<std::vector<Called>> called(pgconn::Connection& server, const WantedTable& database,
                                   const std::string& table, const pgconn::Value& schema) {
  const Table rows = TRY(server.query(kCalled, {table, schema}));
  std::vector<Called> found;
  for (const Row& row : rows.rows) {
    Called one;
    one.table = database;
    one.table.oid = number<pg::Oid>(row[0]);
    one.kind = text(row[2]).front();
    one.table.partitioned = one.kind == 'p';
    one.table.unlogged = truth(row[3]);
    one.name = fmt::format("{} in {}", text(row[1]), database.database_name);
    found.push_back(std::move(one));
  }
  return found;
}

Result<WantedTable> only_one(const std::vector<Called>& found, std::string_view wanted) {
  if (found.size() > 1) {
    std::vector<std::string> names;
    for (const Called& one : found) names.push_back(one.name);
    const bool is_cut = names.size() > kMostNamed;
    names.resize(std::min(names.size(), kMostNamed));
    return make_error(
        ErrorKind::kInvalid, fmt::format("several tables are called {}", wanted),
        fmt::format("--table DATABASE.SCHEMA.NAME says which: {}{}", fmt::join(names, ", "),
                    is_cut ? fmt::format(" and {} more", found.size() - kMostNamed) : ""));
  }
  const Called& one = found.front();
  if (one.kind == 'r' || one.kind == 'p') return one.table;
  return make_error(ErrorKind::kInvalid, fmt::format("{} is {}", one.name, kind_text(one.kind)),
                    "name a table; a view's definition is in `walkback recover`'s copy");
}

}  // namespace

Result<WantedTable> find_wanted_table(pgconn::Connection& server,
                                      const catalog::ConnectTo& connect_to,
                                      const std::vector<std::string>& name) {
  const std::string wanted = fmt::format("{}", fmt::join(name, "."));
  // With two parts the first is a schema, or else a database.
  const pgconn::Value schema =
      name.size() > 1 ? pgconn::Value(name[name.size() - 2]) : pgconn::Value();
  std::vector<Called> found, in_database;
  const Table databases = TRY(server.query(kDatabases));
  for (const Row& row : databases.rows) {
    if (name.size() == 3 && text(row[0]) != name.front()) continue;
    WantedTable database;
    database.database_name = text(row[0]);
    database.database = number<pg::Oid>(row[1]);
    const std::unique_ptr<pgconn::Connection> session = TRY(connect_to(database.database_name));
    const auto add = [&](std::vector<Called> more, std::vector<Called>& to) {
      to.insert(to.end(), more.begin(), more.end());
    };
    add(TRY(called(*session, database, name.back(), schema)), found);
    if (name.size() == 2 && database.database_name == name.front()) {
      add(TRY(called(*session, database, name.back(), pgconn::Value())), in_database);
    }
  }
  if (!found.empty()) return only_one(found, wanted);
  if (!in_database.empty()) return only_one(in_database, wanted);
  return make_error(ErrorKind::kMissing,
                    fmt::format("there was no table {} at that moment", wanted),
                    "`walkback find --table NAME` shows when it was made, dropped or renamed; "
                    "capital letters need double quotes: 'public.\"Payments\"'");
}

Result<std::vector<pg::Oid>> tables_with_rows(pgconn::Connection& server, pg::Oid table) {
  const Table rows =
      TRY(server.query(fmt::format("{}SELECT c.oid, c.relkind, format('%I.%I', n.nspname,"
                                   " c.relname) FROM tree JOIN pg_class c USING (oid)"
                                   " JOIN pg_namespace n ON n.oid = c.relnamespace"
                                   " WHERE c.relkind <> 'p' ORDER BY 3",
                                   kTree),
                       {std::to_string(table)}));
  std::vector<pg::Oid> tables;
  for (const Row& row : rows.rows) {
    if (text(row[1]) == "f") {
      return make_error(
          ErrorKind::kUnsupported,
          fmt::format("its partition {} is a foreign table: its rows lie on another server",
                      text(row[2])),
          "--table names one of its other partitions");
    }
    tables.push_back(number<pg::Oid>(row[0]));
  }
  return tables;
}

Result<std::vector<pg::Oid>> parts_of_table(pgconn::Connection& server, pg::Oid table) {
  const Table rows = TRY(server.query(
      fmt::format("{}SELECT oid FROM tree UNION SELECT d.objid FROM tree JOIN pg_depend d"
                  " ON d.refobjid = tree.oid AND d.refclassid = 'pg_class'::regclass"
                  " AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')"
                  " JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'",
                  kTree),
      {std::to_string(table)}));
  std::vector<pg::Oid> parts;
  for (const Row& row : rows.rows) parts.push_back(number<pg::Oid>(row[0]));
  return parts;
}

}  // namespace walkback::undo
