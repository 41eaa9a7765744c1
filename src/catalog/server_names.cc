#include "catalog/server_names.h"

#include <charconv>

namespace walkback::catalog {

namespace {

constexpr std::string_view kDatabases =
    "SELECT oid, datname, dattablespace, datallowconn FROM pg_database ORDER BY oid";

// Ordered by schema, with those that have no relation, too: WAL names schemas by number.
constexpr std::string_view kRelations =
    "SELECT n.oid, n.nspname, c.oid, c.relname,"
    " CASE c.reltablespace WHEN 0 THEN d.dattablespace ELSE c.reltablespace END,"
    " pg_relation_filenode(c.oid), c.relkind, c.reltuples::bigint"
    " FROM pg_namespace n JOIN pg_database d ON d.datname = current_database()"
    " LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relpersistence <> 't'"
    " AND pg_relation_filenode(c.oid) IS NOT NULL"
    " ORDER BY n.oid, c.oid";

template <typename T>
T number(const pgconn::Value& value) {
  T found = 0;
  if (value) std::from_chars(value->data(), value->data() + value->size(), found);
  return found;
}

Result<std::vector<NamedSchema>> read_schemas(pgconn::Connection& connection) {
  std::vector<NamedSchema> schemas;
  const pgconn::Table table = TRY(connection.query(kRelations));
  for (const pgconn::Row& row : table.rows) {
    const auto oid = number<pg::Oid>(row[0]);
    if (schemas.empty() || schemas.back().oid != oid) {
      schemas.push_back({oid, row[1].value_or(""), {}});
    }
    if (!row[2]) continue;
    schemas.back().relations.push_back({number<pg::Oid>(row[2]), row[3].value_or(""),
                                        number<pg::Oid>(row[4]), number<pg::Oid>(row[5]),
                                        row[6] && !row[6]->empty() ? row[6]->front() : '\0',
                                        number<int64_t>(row[7])});
  }
  return schemas;
}

}  // namespace

Result<Names> read_server_names(pgconn::Connection& connection, const ConnectTo& connect_to) {
  Names names;
  const pgconn::Table databases = TRY(connection.query(kDatabases));
  for (const pgconn::Row& row : databases.rows) {
    NamedDatabase& database = names.databases.emplace_back(
        NamedDatabase{number<pg::Oid>(row[0]), row[1].value_or(""), number<pg::Oid>(row[2]), {}});
    if (row[3] != "t") continue;  // template0: nobody changes it
    Result<std::unique_ptr<pgconn::Connection>> session = connect_to(database.name);
    Result<std::vector<NamedSchema>> schemas =
        session.ok() ? read_schemas(**session) : std::move(session).error();
    if (schemas.ok()) {
      database.schemas = std::move(schemas).value();
    } else {
      names.not_asked.push_back(database.name);
    }
  }
  return names;
}

}  // namespace walkback::catalog
