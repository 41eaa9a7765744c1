// How what was dropped is made again: the scratch server is changed until pg_dump says it as it is
// to be, and what pg_dump does not say is added.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "pg/sql_text.h"
#include "pgconn/values.h"
#include "restore/spawn.h"
#include "undo/recreation.h"
#include "undo/sql_statements.h"

namespace walkback::undo {

namespace {

using pgconn::Row;
using pgconn::Table;
using pgconn::text;

constexpr size_t kPieceBytes = 256u << 10;
// src/bin/pg_dump/pg_dump.c, dumpTableData_insert(): "FETCH 100".
constexpr uint64_t kMostRowsOfInsert = 100;
constexpr uint64_t kInsertBytes = 256u << 10;

// `quoted` names what has to be called otherwise.
constexpr std::string_view kNamesWithin =
    "SELECT c.oid, c.relkind, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY ($1::oid[]))"
    " OR c.relkind = 'S' AND EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid"
    "  AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
    "  AND d.refobjid = ANY ($1::oid[]) AND d.deptype IN ('a', 'i')) ORDER BY 5";

// Rows that refer to nothing by now are no reason to lose the rest: the key comes back, and is
// checked for what comes later.
std::string unvalidated_where_needed(const std::string& statement) {
  const bool is_key = statement.starts_with("ALTER TABLE ONLY ") &&
                      statement.find("\n    ADD CONSTRAINT ") != std::string::npos &&
                      statement.find(" FOREIGN KEY (") != std::string::npos &&
                      !statement.ends_with("NOT VALID");
  if (!is_key) return statement;
  std::string tag = "$undo$";
  for (int i = 1; statement.find(tag) != std::string::npos; ++i) tag = fmt::format("$undo{}$", i);
  return fmt::format(
      "DO {0}\nBEGIN\n  EXECUTE {1};\nEXCEPTION WHEN foreign_key_violation THEN\n"
      "  RAISE WARNING 'undo: a foreign key is not validated: %', sqlerrm;\n"
      "  EXECUTE {1} || ' NOT VALID';\nEND {0}",
      tag, pg::quote_literal(statement));
}

// Within double quotes nothing is a pattern (src/fe_utils/string_utils.c, patternToSQLRegex()).
std::string pattern_of(std::string_view schema, std::string_view name) {
  const auto quoted = [](std::string_view part) {
    std::string text = "\"";
    for (const char c : part) {
      if (c == '"') text += c;
      text += c;
    }
    return text + "\"";
  };
  return quoted(schema) + "." + quoted(name);
}

}  // namespace

Result<void> Recreation::statements(const Dump& dump, FileSystem& files,
                                    const std::stop_token& stop, const StatementSink& take) {
  // Event triggers are the cluster's business, not the copy's.
  TRY(then_.query("SET session_replication_role = replica"));
  if (options_.without_conflicts) {
    for (const std::string& statement : lost_constraints_) TRY(then_.query(statement));
  }
  TRY(detach_partitions());
  TRY(rename_table());
  TRY(make_schemas(take));
  TRY(rename_taken());
  TRY(run_dump(dump, files, stop, take));
  TRY(make_statistics(take));
  return bind_elsewhere(take);
}

// Made beside its table, an index of the partition would be there twice.
Result<void> Recreation::detach_partitions() {
  for (const Relation& relation : relations_) {
    if (relation.partition_of == 0 || comes(relation.partition_of)) continue;
    const Table parent = TRY(then_.query(
        "SELECT format('%I.%I', n.nspname, p.relname), pg_get_expr(c.relpartbound, c.oid)"
        " FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid"
        " JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace n ON n.oid = p.relnamespace"
        " WHERE c.oid = $1::oid",
        {std::to_string(relation.oid)}));
    if (parent.rows.empty()) continue;
    std::string today = text(parent.rows[0][0]);
    if (live_ != nullptr) {
      today = TRY(pgconn::query_text(*live_,
                                     "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c"
                                     " JOIN pg_namespace n ON n.oid = c.relnamespace"
                                     " WHERE c.oid = $1::oid",
                                     {std::to_string(relation.partition_of)}));
    }
    attachments_.push_back(fmt::format("ALTER TABLE {} ATTACH PARTITION {} {}", today,
                                       relation.new_quoted, text(parent.rows[0][1])));
    TRY(then_.query(fmt::format("ALTER TABLE {} DETACH PARTITION {}", text(parent.rows[0][0]),
                                relation.quoted)));
  }
  return success();
}

Result<void> Recreation::rename_table() {
  for (Relation& relation : relations_) {
    if (relation.new_quoted == relation.quoted) continue;
    const auto quote = [&](const std::string& name) {
      return pgconn::query_text(then_, "SELECT quote_ident($1)", {name});
    };
    const std::string keyword = relation.kind == 'm' ? "MATERIALIZED VIEW" : "TABLE";
    const std::string& schema = options_.as->schema;
    const bool moves = !schema.empty() && schema != relation.schema;
    // Under a name that stands in nobody's way in either schema.
    const std::string on_the_way = fmt::format("undo_{}", relation.oid);
    TRY(then_.query(fmt::format("ALTER {} {} RENAME TO {}", keyword, relation.quoted, on_the_way)));
    std::string home = TRY(quote(relation.schema));
    if (moves) {
      const std::string target = TRY(quote(schema));
      TRY(then_.query(fmt::format("CREATE SCHEMA IF NOT EXISTS {}", target)));
      TRY(then_.query(
          fmt::format("ALTER {} {}.{} SET SCHEMA {}", keyword, home, on_the_way, target)));
      home = target;
      relation.schema = schema;
    }
    TRY(then_.query(fmt::format("ALTER {} {}.{} RENAME TO {}", keyword, home, on_the_way,
                                TRY(quote(options_.as->name)))));
    relation.name = options_.as->name;
    result_.notes.push_back(
        fmt::format("{} comes back as {}", relation.quoted, relation.new_quoted));
  }
  return success();
}

Result<void> Recreation::make_schemas(const StatementSink& take) {
  if (live_ == nullptr) return success();
  std::set<std::string> made;
  for (const Relation& relation : relations_) {
    if (!made.insert(relation.schema).second) continue;
    if (TRY(live_has("SELECT FROM pg_namespace WHERE nspname = $1", {relation.schema}))) continue;
    const std::string name =
        TRY(pgconn::query_text(then_, "SELECT quote_ident($1)", {relation.schema}));
    const Table owner =
        TRY(then_.query("SELECT quote_ident(a.rolname), a.rolname FROM pg_namespace n"
                        " JOIN pg_authid a ON a.oid = n.nspowner WHERE n.nspname = $1",
                        {relation.schema}));
    const bool has_owner =
        !owner.rows.empty() &&
        TRY(live_has("SELECT FROM pg_roles WHERE rolname = $1", {owner.rows[0][1]}));
    TRY(take(fmt::format("CREATE SCHEMA {}{}", name,
                         has_owner ? " AUTHORIZATION " + text(owner.rows[0][0]) : "")));
  }
  return success();
}

Result<void> Recreation::rename_taken() {
  if (live_ == nullptr) return success();
  const Table names = TRY(then_.query(kNamesWithin, {oids()}));
  for (const Row& row : names.rows) {
    const pgconn::Value& schema = row[2];
    if (!TRY(is_taken(*live_, schema, row[3]))) continue;
    std::string free;
    for (int i = 1; free.empty(); ++i) {
      // NAMEDATALEN is 64.
      std::string name = TRY(pgconn::query_text(
          then_, "SELECT left($1, (63 - octet_length($1) + length($1) - 11)::int) || $2",
          {row[3], fmt::format("_{}", i)}));
      const bool is_free =
          !TRY(is_taken(then_, schema, name)) && !TRY(is_taken(*live_, schema, name));
      if (is_free) free = std::move(name);
    }
    TRY(then_.query(TRY(pgconn::query_text(
        then_, "SELECT format('ALTER %s %s RENAME TO %I', $1::text, $2::text, $3::text)",
        {text(row[1]) == "S" ? "SEQUENCE" : "INDEX", row[4], free}))));
  }
  return success();
}

Result<void> Recreation::run_dump(const Dump& dump, FileSystem& files, const std::stop_token& stop,
                                  const StatementSink& take) {
  uint64_t rows = kMostRowsOfInsert;
  for (const Relation& relation : relations_) {
    if (relation.rows == 0) continue;
    const uint64_t row_bytes = std::max<uint64_t>(1, relation.bytes / relation.rows);
    rows = std::min(rows, std::max<uint64_t>(1, kInsertBytes / row_bytes));
  }
  restore::CommandLine command = {"/usr/bin/env",
                                  "-u",
                                  "PGOPTIONS",
                                  "-u",
                                  "PGSERVICE",
                                  "LC_ALL=C",
                                  dump.program,
                                  "--no-password",
                                  "--no-sync",
                                  "--encoding=" + dump.encoding,
                                  "--lock-wait-timeout=30000",
                                  fmt::format("--rows-per-insert={}", rows),
                                  "--file=" + dump.file,
                                  "--dbname=" + dump.conninfo};
  for (const Relation& relation : relations_) {
    command.push_back("--table=" + pattern_of(relation.schema, relation.name));
  }
  const restore::Finished finished = TRY(restore::run_to_end(command, stop));
  if (finished.exit_status != 0) {
    return make_error(ErrorKind::kIo, fmt::format("pg_dump ended with {}: {}", finished.exit_status,
                                                  finished.output));
  }
  const std::unique_ptr<File> file = TRY(files.open_read(dump.file));
  StatementSplitter splitter([&](const std::string& statement) {
    const std::string within = within_transaction(statement);
    if (within.starts_with("CREATE STATISTICS ")) dumped_statistics_.insert(within);
    return take(options_.without_conflicts ? unvalidated_where_needed(within) : within);
  });
  std::string piece;
  for (uint64_t at = 0;; at += piece.size()) {
    piece.resize(kPieceBytes);
    const size_t got = TRY(
        file->read_at(at, MutableBytes(reinterpret_cast<std::byte*>(piece.data()), piece.size())));
    if (got == 0) break;
    piece.resize(got);
    TRY(splitter.feed(piece));
  }
  TRY(splitter.finish());
  return files.remove(dump.file);
}

Result<void> Recreation::make_statistics(const StatementSink& take) {
  for (const ExtendedStatistics& each : statistics_) {
    const std::vector<std::string> statements = TRY(statements_of(each, then_));
    if (statements.empty() || dumped_statistics_.contains(statements.front())) continue;
    for (const std::string& statement : statements) TRY(take(statement));
  }
  return success();
}

// By now called as they come back, and so are they named.
Result<void> Recreation::bind_elsewhere(const StatementSink& take) {
  for (const std::string& statement : attachments_) TRY(take(statement));
  for (const Elsewhere& one : elsewhere_) {
    if (one.is_default) {
      TRY(take(TRY(pgconn::query_text(
          then_,
          "SELECT format('ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s', $2::text, $3::text,"
          " pg_get_expr(adbin, adrelid)) FROM pg_attrdef WHERE oid = $1::oid",
          {std::to_string(one.oid), one.table, one.column}))));
      continue;
    }
    const std::string statement = TRY(pgconn::query_text(
        then_,
        "SELECT format('ALTER TABLE %s%s\n    ADD CONSTRAINT %I %s',"
        " CASE WHEN f.relkind = 'p' THEN '' ELSE 'ONLY ' END, $2::text, c.conname,"
        " pg_get_constraintdef(c.oid)) FROM pg_constraint c JOIN pg_class f ON f.oid = c.conrelid"
        " WHERE c.oid = $1::oid",
        {std::to_string(one.oid), one.table}));
    TRY(take(options_.without_conflicts ? unvalidated_where_needed(statement) : statement));
  }
  return success();
}

}  // namespace walkback::undo
