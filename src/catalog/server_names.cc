#include "catalog/server_names.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <map>
#include <optional>

#include "pgconn/values.h"

namespace walkback::catalog {

namespace {

using pgconn::number;

constexpr std::string_view kDatabases =
    "SELECT oid, datname, dattablespace, datallowconn, datname = current_database()"
    " FROM pg_database ORDER BY oid";

// Those without a relation, too: WAL names schemas by number.
constexpr std::string_view kSchemas = "SELECT oid, nspname FROM pg_namespace ORDER BY oid";

// In the order of an index, some at a time: a database may have millions.
constexpr size_t kAtOnce = 10'000;
constexpr std::string_view kRelations =
    "SELECT c.relnamespace, c.oid, c.relname,"
    " CASE c.reltablespace WHEN 0 THEN d.dattablespace ELSE c.reltablespace END,"
    " pg_relation_filenode(c.oid), c.relkind, c.reltuples::bigint,"
    // Other children of inheritance are tables of their own.
    " CASE WHEN c.relispartition THEN"
    " (SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid LIMIT 1) END"
    " FROM pg_class c JOIN pg_database d ON d.datname = current_database()"
    " WHERE c.oid > $1::oid AND c.relpersistence <> 't'"
    " AND (pg_relation_filenode(c.oid) IS NOT NULL OR c.relkind = 'p')"
    " ORDER BY c.oid LIMIT 10000";

// One session's answers, piece by piece; the first has every schema.
class DatabaseNames {
 public:
  DatabaseNames(pgconn::Connection& connection, NamedDatabase database)
      : connection_(connection), database_(std::move(database)) {}

  // Nothing after the last.
  Result<std::optional<NamedDatabase>> next() {
    if (is_finished_) return std::optional<NamedDatabase>();
    NamedDatabase piece = database_;
    if (schema_names_.empty()) TRY(read_schemas(piece));
    const pgconn::Table table = TRY(connection_.query(kRelations, {std::to_string(last_)}));
    for (const pgconn::Row& row : table.rows) add(row, piece);
    is_finished_ = table.rows.size() < kAtOnce;
    return std::optional(std::move(piece));
  }

 private:
  Result<void> read_schemas(NamedDatabase& piece) {
    const pgconn::Table table = TRY(connection_.query(kSchemas));
    for (const pgconn::Row& row : table.rows) {
      const auto oid = number<pg::Oid>(row[0]);
      schema_names_[oid] = row[1].value_or("");
      piece.schemas.push_back({oid, schema_names_[oid], {}});
    }
    return success();
  }

  void add(const pgconn::Row& row, NamedDatabase& piece) {
    const auto schema = number<pg::Oid>(row[0]);
    auto known = std::ranges::find(piece.schemas, schema, &NamedSchema::oid);
    if (known == piece.schemas.end()) {
      // One made since the schemas were asked for has no name here.
      piece.schemas.push_back({schema, schema_names_[schema], {}});
      known = std::prev(piece.schemas.end());
    }
    last_ = number<pg::Oid>(row[1]);
    known->relations.push_back({last_, row[2].value_or(""), number<pg::Oid>(row[3]),
                                number<pg::Oid>(row[4]),
                                row[5] && !row[5]->empty() ? row[5]->front() : '\0',
                                number<int64_t>(row[6]), number<pg::Oid>(row[7])});
  }

  pgconn::Connection& connection_;
  const NamedDatabase database_;
  std::map<pg::Oid, std::string> schema_names_;
  pg::Oid last_ = 0;
  bool is_finished_ = false;
};

// A session takes a server tens of milliseconds, most of them its own start: some are begun before
// their turn.
constexpr size_t kSessionsAtOnce = 3;

struct Answer {
  std::unique_ptr<pgconn::Connection> session;
  std::unique_ptr<DatabaseNames> names;  // that `session` tells
  std::optional<NamedDatabase> first;    // piece of them
};

Result<Answer> ask(const ConnectTo& connect_to, const NamedDatabase& database) {
  Answer answer;
  answer.session = TRY(connect_to(database.name));
  answer.names = std::make_unique<DatabaseNames>(*answer.session, database);
  answer.first = TRY(answer.names->next());
  return answer;
}

// The databases' answers in their order.
class Answers {
 public:
  Answers(const std::vector<NamedDatabase>& databases, const ConnectTo& connect_to)
      : databases_(databases), connect_to_(connect_to), begun_(databases.size()) {}

  // Of `index`, which is above that of the last call.
  Result<Answer> of(size_t index) {
    begin_up_to(index + kSessionsAtOnce);
    Result<Answer> answer = begun_[index].get();
    if (answer.ok()) return answer;
    // It may have been one too many for the role's or the server's limit.
    for (size_t other = index + 1; other < next_; ++other) begun_[other] = {};
    next_ = index + 1;
    return ask(connect_to_, databases_[index]);
  }

 private:
  void begin_up_to(size_t end) {
    for (; next_ < std::min(end, databases_.size()); ++next_) {
      begun_[next_] = std::async(std::launch::async, [this, index = next_] {
        return ask(connect_to_, databases_[index]);
      });
    }
  }

  const std::vector<NamedDatabase>& databases_;
  const ConnectTo& connect_to_;
  std::vector<std::future<Result<Answer>>> begun_;
  size_t next_ = 0;
};

// Whether it told all its names to `sink`, whose errors are the only ones.
Result<bool> take(Result<Answer> answer, const NamesSink& sink) {
  if (!answer.ok()) return false;
  for (std::optional<NamedDatabase> piece = std::move(answer->first); piece;) {
    TRY(sink(*std::move(piece)));
    Result<std::optional<NamedDatabase>> next = answer->names->next();
    if (!next.ok()) return false;
    piece = *std::move(next);
  }
  return true;
}

}  // namespace

Result<Databases> list_databases(pgconn::Connection& connection) {
  Databases databases;
  const pgconn::Table table = TRY(connection.query(kDatabases));
  for (const pgconn::Row& row : table.rows) {
    NamedDatabase database{
        number<pg::Oid>(row[0]), row[1].value_or(""), number<pg::Oid>(row[2]), {}};
    if (row[4] == "t") {
      databases.own = std::move(database);
    } else {
      // template0 takes none: nobody changes it.
      (row[3] == "t" ? databases.others : databases.without_sessions)
          .push_back(std::move(database));
    }
  }
  return databases;
}

Result<std::vector<std::string>> visit_other_names(const Databases& databases,
                                                   const ConnectTo& connect_to,
                                                   const NamesSink& sink) {
  for (const NamedDatabase& database : databases.without_sessions) TRY(sink(database));
  std::vector<std::string> not_asked;
  Answers answers(databases.others, connect_to);
  for (size_t index = 0; index < databases.others.size(); ++index) {
    const NamedDatabase& database = databases.others[index];
    if (TRY(take(answers.of(index), sink))) continue;
    TRY(sink(database));
    not_asked.push_back(database.name);
  }
  return not_asked;
}

Result<void> visit_own_names(const NamedDatabase& own, pgconn::Connection& connection,
                             const NamesSink& sink) {
  DatabaseNames names(connection, own);
  while (std::optional<NamedDatabase> piece = TRY(names.next())) TRY(sink(*std::move(piece)));
  return success();
}

Result<Names> read_server_names(pgconn::Connection& connection, const ConnectTo& connect_to) {
  Names names;
  const pgconn::Table system =
      TRY(connection.query("SELECT system_identifier FROM pg_control_system()"));
  names.server =
      pg::SystemIdentifier{static_cast<uint64_t>(number<int64_t>(system.rows.at(0).at(0)))};
  const Databases databases = TRY(list_databases(connection));
  const auto add = [&](NamedDatabase piece) -> Result<void> {
    add_piece(names, std::move(piece));
    return success();
  };
  names.not_asked = TRY(visit_other_names(databases, connect_to, add));
  TRY(visit_own_names(databases.own, connection, add));
  return names;
}

}  // namespace walkback::catalog
