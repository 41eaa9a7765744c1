#include "undo/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pg/sql_text.h"
#include "undo/firing.h"

namespace walkback::undo {

namespace {

constexpr size_t kMostRows = 500;
constexpr size_t kMostBytes = 256u << 10;

// What a row is about to leave: it is removed, or set back as a new one.
constexpr std::string_view kLeaves = "(o.undo_does = 'remove' OR o.undo_anew)";
// And what is about to come.
constexpr std::string_view kComes = "(u.undo_does = 'insert' OR u.undo_anew)";

std::vector<std::string> names_of(const std::vector<Column>& columns) {
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(column.name);
  return names;
}

std::vector<std::string> names_of(const UniqueKey& key) {
  std::vector<std::string> names;
  for (const ComparedColumn& column : key.columns) names.push_back(column.column);
  return names;
}

// "t.id = n.id AND …"
std::string equal(const std::vector<ComparedColumn>& columns, std::string_view left,
                  std::string_view right) {
  std::string text;
  for (const ComparedColumn& column : columns) {
    text += fmt::format("{}{}.{} {} {}.{}", text.empty() ? "" : " AND ", left, column.column,
                        column.operator_name, right, column.other);
  }
  return text;
}

bool has_all(const UndoTable& table, const std::vector<std::string>& columns) {
  return std::ranges::all_of(columns, [&](const std::string& column) {
    return std::ranges::find(table.columns, column, &Column::name) != table.columns.end();
  });
}

std::vector<std::string> columns_of(const ForeignKey& key, bool referenced) {
  std::vector<std::string> names;
  for (const ComparedColumn& column : key.columns) {
    names.push_back(referenced ? column.column : column.other);
  }
  return names;
}

std::string all_not_null(const std::vector<std::string>& columns, std::string_view row) {
  std::string text;
  for (const std::string& column : columns) {
    text += fmt::format("{}{}.{} IS NOT NULL", text.empty() ? "" : " AND ", row, column);
  }
  return text;
}

// Those whose change makes another row of it in the eyes of a unique index: set back one by one,
// rows that exchanged their keys would stand in each other's way.
std::vector<std::string> guarded_columns(const UndoTable& table) {
  std::vector<std::string> guarded;
  for (const Column& column : table.columns) {
    const bool is_guarded = std::ranges::binary_search(table.shape.guarded, column.name);
    if (is_guarded || column.identity_always) guarded.push_back(column.name);
  }
  return guarded;
}

// Columns that an UPDATE sets. Where a GENERATED ALWAYS AS IDENTITY differs the row comes anew:
// nothing else sets that.
std::vector<std::string> set_columns(const UndoTable& table) {
  std::vector<std::string> columns;
  for (const Column& column : table.columns) {
    if (!column.identity_always) columns.push_back(column.name);
  }
  return columns;
}

// Triggers of other columns do not fire.
void forget_what_is_not_set(UndoTable& table) {
  const std::vector<std::string> columns = set_columns(table);
  for (Firing& one : table.shape.fires) {
    const bool is_set = std::ranges::any_of(one.columns, [&](const std::string& column) {
      return std::ranges::find(columns, column) != columns.end();
    });
    if (!one.columns.empty() && !is_set) one.on_update = false;
  }
}

// What is about columns that came since, or that follow from others, PostgreSQL alone checks.
std::vector<Check> new_checks(const UndoTable& table, const TableShape& then) {
  std::vector<Check> added;
  for (const Check& check : table.shape.checks) {
    const bool is_old =
        std::ranges::find(then.checks, check.expression, &Check::expression) != then.checks.end();
    if (!is_old && has_all(table, check.columns)) added.push_back(check);
  }
  for (const Column& column : table.columns) {
    const Column* was = then.column(column.name);
    if (!column.not_null || was == nullptr || was->not_null) continue;
    added.push_back({fmt::format("{} NOT NULL", column.name),
                     fmt::format("{} IS NOT NULL", column.name),
                     {column.name}});
  }
  return added;
}

// A name of a table or a key may hold anything, also what would end the block.
std::string do_block(std::string_view body) {
  std::string tag = "$undo$";
  for (int i = 1; body.find(tag) != std::string_view::npos; ++i) tag = fmt::format("$undo{}$", i);
  return fmt::format("DO {0}\n#variable_conflict use_column\n{1}{0}", tag, body);
}

// A rule, or a trigger that fires all the same, may make less of a command than it says: then
// nothing is done. Without rows there is no command: triggers of the statement would fire.
std::string exactly(std::string_view command, const UndoTable& table, std::string_view rows) {
  return do_block(fmt::format(
      "DECLARE hits bigint := 0; planned bigint;\nBEGIN\n"
      "  SELECT count(*) INTO planned FROM undo_{} u\n"
      "   WHERE u.undo_conflict IS NULL AND {};\n"
      "  IF planned > 0 THEN\n"
      "{};\n"
      "    GET DIAGNOSTICS hits = ROW_COUNT;\n"
      "  END IF;\n"
      "  IF hits <> planned THEN\n"
      "    RAISE EXCEPTION 'undo: % of % rows of %: a rule or a trigger of the table is '\n"
      "      'in the way', hits, planned, {};\n"
      "  END IF;\nEND ",
      table.number, rows, command, pg::quote_literal(table.shape.name.quoted)));
}

std::string lock_of(std::string_view what) {
  return fmt::format("SELECT count(*) AS locked FROM (\n  {}) AS rows", what);
}

}  // namespace

std::string_view on_conflict_name(OnConflict mode) {
  switch (mode) {
    case OnConflict::kFail:
      return "fail";
    case OnConflict::kSkip:
      return "skip";
    case OnConflict::kOverwrite:
      return "overwrite";
  }
  return "fail";
}

std::optional<OnConflict> parse_on_conflict(std::string_view name) {
  for (const auto mode : {OnConflict::kFail, OnConflict::kSkip, OnConflict::kOverwrite}) {
    if (on_conflict_name(mode) == name) return mode;
  }
  return std::nullopt;
}

UndoTable make_undo_table(size_t number, const TableShape& then, TableShape today) {
  UndoTable table;
  table.number = number;
  for (const Column& column : today.columns) {
    const Column* was = then.column(column.name);
    const bool is_same = was != nullptr && was->is_typed_as(column);
    if (is_same && !was->generated && !column.generated) table.columns.push_back(column);
  }
  table.shape = std::move(today);
  for (const UniqueKey& key : table.shape.keys) {
    if (key.identifies && has_all(table, names_of(key))) {
      table.key = key;
      break;
    }
  }
  table.new_checks = new_checks(table, then);
  forget_what_is_not_set(table);
  return table;
}

std::string listed(const std::vector<std::string>& columns, std::string_view row) {
  std::string text;
  for (const std::string& column : columns) {
    text += fmt::format("{}{}.{}", text.empty() ? "" : ", ", row, column);
  }
  return text;
}

std::string digest_of(const UndoTable& table, std::string_view row) {
  return fmt::format("encode(sha256(convert_to({}, getdatabaseencoding())), 'hex')",
                     row_text(table.columns, row));
}

std::string row_text(const std::vector<Column>& columns, std::string_view row) {
  return fmt::format("ROW({})::text", listed(names_of(columns), row));
}

Script::Script(std::vector<UndoTable> tables, std::string encoding)
    : encoding_(std::move(encoding)) {
  std::set<size_t> placed;
  const auto waits = [&](const UndoTable& table) {
    return std::ranges::any_of(table.shape.refers_to, [&](const ForeignKey& key) {
      return std::ranges::any_of(tables, [&](const UndoTable& other) {
        return other.number != table.number && !placed.contains(other.number) &&
               std::ranges::find(other.shape.within, key.to.oid) != other.shape.within.end();
      });
    });
  };
  while (placed.size() < tables.size()) {
    const UndoTable* next = nullptr;
    for (const UndoTable& table : tables) {
      if (placed.contains(table.number)) continue;
      if (next == nullptr) next = &table;  // of a circle, the first
      if (waits(table)) continue;
      next = &table;
      break;
    }
    placed.insert(next->number);
    tables_.push_back(*next);
  }
}

std::string in_comment(std::string_view name) {
  std::string text(name);
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
  return text;
}

Script::Statements Script::settings() const {
  std::string fires;
  for (const UndoTable& table : tables_) {
    for (const std::string& line : all_that_fires(table.shape)) {
      fires += fmt::format("--   {}\n", in_comment(line));
    }
  }
  if (!fires.empty()) fires = "-- These fire all the same, by their own ENABLE:\n" + fires;
  return {
      "-- Whatever the database's and the user's own settings are.\n"
      "SET LOCAL search_path = pg_catalog",
      "SELECT count(set_config(name, '0', true)) AS limits_lifted FROM pg_settings\n"
      "  WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout',\n"
      "                 'idle_in_transaction_session_timeout')",
      "-- As the user that is logged in, where that is a superuser and its role is none.\n"
      "SELECT count(set_config('role', 'none', true)) AS roles_left FROM pg_roles s, pg_roles c\n"
      "  WHERE s.rolname = session_user AND s.rolsuper\n"
      "    AND c.rolname = current_user AND NOT c.rolsuper",
      "-- Triggers and rules do not fire: what they did when the rows were lost is undone as rows\n"
      "-- of their own. Foreign keys are looked at below.\n" +
          fires + "SET LOCAL session_replication_role = replica",
      "-- An error, where a policy would hide a row.\n"
      "SET LOCAL row_security = off",
      "SET LOCAL default_table_access_method = heap",
      "-- Rows are compared by their text.\n"
      "SET LOCAL client_encoding = '" +
          encoding_ + "'",
      "SET LOCAL standard_conforming_strings = on",
      "SET LOCAL DateStyle = 'ISO, YMD'",
      "SET LOCAL IntervalStyle = 'postgres'",
      "SET LOCAL TimeZone = 'UTC'",
      "SET LOCAL bytea_output = 'hex'",
      "SET LOCAL extra_float_digits = 1",
      "SET LOCAL array_nulls = on",
      "SET LOCAL xmloption = content",
      "SET LOCAL lc_monetary = 'C'",
      "-- A few rows say enough of the tables below.\n"
      "SET LOCAL default_statistics_target = 10",
  };
}

Script::Statements Script::make_tables() const {
  Statements made;
  for (const UndoTable& table : tables_) {
    const size_t n = table.number;
    const std::string key = table.key ? ", " + listed(names_of(*table.key), "t") : std::string();
    made.push_back(
        fmt::format("-- {}: rows as the transaction found them\n"
                    "CREATE TEMPORARY TABLE undo_{}_was ON COMMIT DROP AS\n"
                    "  SELECT 0::bigint AS undo_row, {} FROM {} t WITH NO DATA",
                    in_comment(table.shape.name.quoted), n, listed(names_of(table.columns), "t"),
                    table.shape.name.from()));
    made.push_back(
        fmt::format("-- {}: rows as it left them, told by {}\n"
                    "CREATE TEMPORARY TABLE undo_{}_now ON COMMIT DROP AS\n"
                    "  SELECT 0::bigint AS undo_row, ''::text AS undo_is{} FROM {} t"
                    " WITH NO DATA",
                    in_comment(table.shape.name.quoted), table.key ? "their keys" : "their content",
                    n, key, table.shape.name.from()));
  }
  return made;
}

Script::Statements Script::find_conflicts(OnConflict mode, bool locks) const {
  Statements found;
  for (const UndoTable& table : tables_) {
    locate(table, found);
    if (mode == OnConflict::kOverwrite) follow(table, found);
    if (locks) lock(table, found);
    compare(table, mode, found);
  }
  if (locks) {
    for (const UndoTable& table : tables_) {
      for (const ForeignKey& key : table.shape.refers_to) {
        if (!has_all(table, columns_of(key, false))) continue;
        found.push_back(fmt::format(
            "-- Nobody removes what {} refers to while its rows come back.\n{}",
            in_comment(table.shape.name.quoted),
            lock_of(fmt::format("SELECT FROM {} p JOIN undo_{}_was w ON {}\n"
                                "  FOR KEY SHARE OF p",
                                key.to.from(), table.number, equal(key.columns, "p", "w")))));
      }
    }
  }
  if (std::optional<std::string> keys = conflict_loop()) found.push_back(*std::move(keys));
  return found;
}

void Script::locate(const UndoTable& table, Statements& to) const {
  const size_t n = table.number;
  to.push_back(fmt::format(
      "-- {0}: what is to be done with each row\n"
      "CREATE TEMPORARY TABLE undo_{1} ON COMMIT DROP AS\n"
      "  SELECT undo_row,\n"
      "         CASE WHEN w.there IS NULL THEN 'remove' WHEN n.there IS NULL THEN 'insert'\n"
      "              ELSE 'update' END AS undo_does,\n"
      "         NULL::tid AS undo_at, false AS undo_anew, NULL::text AS undo_conflict\n"
      "    FROM (SELECT undo_row, true AS there FROM undo_{1}_was) w\n"
      "    FULL JOIN (SELECT undo_row, true AS there FROM undo_{1}_now) n USING (undo_row)",
      in_comment(table.shape.name.quoted), n));
  to.push_back(fmt::format("ANALYZE undo_{0}_was, undo_{0}_now, undo_{0}", n));
  if (table.key) {
    to.push_back(
        fmt::format("UPDATE undo_{} u SET undo_at = t.ctid\n"
                    "  FROM undo_{}_now n, ONLY {} t\n"
                    " WHERE n.undo_row = u.undo_row AND {}",
                    n, n, table.shape.name.quoted, equal(table.key->columns, "t", "n")));
  } else {
    to.push_back(fmt::format(
        "-- Of rows that are all alike, any will do, but each only once.\n"
        "UPDATE undo_{0} u SET undo_at = t.at\n"
        "  FROM (SELECT t.ctid AS at, {1} AS undo_is,\n"
        "               row_number() OVER (PARTITION BY {1}) AS copy FROM ONLY {2} t) t\n"
        "  JOIN (SELECT undo_row, undo_is,\n"
        "               row_number() OVER (PARTITION BY undo_is) AS copy FROM undo_{0}_now) n\n"
        "       USING (undo_is, copy)\n"
        " WHERE n.undo_row = u.undo_row",
        n, digest_of(table, "t"), table.shape.name.quoted));
  }
}

// To overwrite: what is gone comes back all the same, and what has the key is set back.
void Script::follow(const UndoTable& table, Statements& to) const {
  const size_t n = table.number;
  to.push_back(fmt::format(
      "UPDATE undo_{} SET undo_does = 'insert' WHERE undo_does = 'update' AND undo_at IS NULL", n));
  if (!table.key) return;
  to.push_back(
      fmt::format("UPDATE undo_{0} u SET undo_does = 'update', undo_at = t.ctid\n"
                  "  FROM undo_{0}_was w, ONLY {1} t\n"
                  " WHERE w.undo_row = u.undo_row AND u.undo_does = 'insert' AND {2}\n"
                  "   AND NOT EXISTS (SELECT FROM undo_{0} o WHERE o.undo_at = t.ctid)",
                  n, table.shape.name.quoted, equal(table.key->columns, "t", "w")));
}

void Script::lock(const UndoTable& table, Statements& to) const {
  to.push_back(
      lock_of(fmt::format("SELECT FROM ONLY {} t JOIN undo_{} u ON t.ctid = u.undo_at\n"
                          "  FOR UPDATE OF t",
                          table.shape.name.quoted, table.number)));
}

void Script::compare(const UndoTable& table, OnConflict mode, Statements& to) const {
  const size_t n = table.number;
  to.push_back(
      fmt::format("UPDATE undo_{} SET undo_conflict = 'gone since'\n"
                  " WHERE undo_does <> 'insert' AND undo_at IS NULL",
                  n));
  const bool any_state = mode == OnConflict::kOverwrite;
  const std::string same =
      any_state ? "" : fmt::format(" AND {} = n.undo_is", digest_of(table, "t"));
  to.push_back(
      fmt::format("UPDATE undo_{} u SET undo_conflict = 'changed since'\n"
                  "  FROM undo_{}_now n\n"
                  " WHERE n.undo_row = u.undo_row AND u.undo_at IS NOT NULL\n"
                  "   AND NOT EXISTS (SELECT FROM ONLY {} t\n"
                  "     WHERE t.ctid = u.undo_at{})",
                  n, n, table.shape.name.quoted, same));
  check(table, to);
  const std::vector<std::string> guarded = guarded_columns(table);
  if (guarded.empty()) return;
  to.push_back(
      fmt::format("-- Rows whose keys are to change go and come again.\n"
                  "UPDATE undo_{} u SET undo_anew = true\n"
                  "  FROM undo_{}_was w, ONLY {} t\n"
                  " WHERE w.undo_row = u.undo_row AND u.undo_does = 'update'"
                  " AND t.ctid = u.undo_at\n"
                  "   AND ROW({})::text <> ROW({})::text",
                  n, n, table.shape.name.quoted, listed(guarded, "t"), listed(guarded, "w")));
}

void Script::check(const UndoTable& table, Statements& to) const {
  for (const Check& check : table.new_checks) {
    to.push_back(fmt::format(
        "UPDATE undo_{0} u SET undo_conflict = {1}\n"
        " WHERE u.undo_conflict IS NULL AND u.undo_does <> 'remove' AND u.undo_row IN (\n"
        "   SELECT undo_row FROM undo_{0}_was WHERE ({2}) IS FALSE)",
        table.number, pg::quote_literal(fmt::format("violates check {} added since", check.name)),
        check.expression));
  }
}

std::string Script::key_taken(const UndoTable& table, const UniqueKey& key) const {
  return fmt::format(
      "UPDATE undo_{0} u SET undo_conflict =\n"
      "           CASE WHEN {1} = {2} THEN 'row there again'\n"
      "                ELSE {3} END\n"
      "      FROM undo_{0}_was w, ONLY {4} t\n"
      "     WHERE w.undo_row = u.undo_row AND u.undo_conflict IS NULL AND {5} AND {6}\n"
      "       AND NOT EXISTS (SELECT FROM undo_{0} o WHERE o.undo_at = t.ctid\n"
      "         AND o.undo_conflict IS NULL AND {7})",
      table.number, digest_of(table, "t"), digest_of(table, "w"),
      pg::quote_literal("key taken again: " + key.name), table.shape.name.quoted, kComes,
      equal(key.columns, "t", "w"), kLeaves);
}

std::optional<std::string> Script::reference_missing(const UndoTable& table,
                                                     const ForeignKey& key) const {
  const std::vector<std::string> columns = columns_of(key, false);
  if (!has_all(table, columns)) return std::nullopt;
  std::string leaving, coming;
  for (const UndoTable* parent : touched_within(key.to.oid)) {
    if (!has_all(*parent, columns_of(key, true))) return std::nullopt;
    leaving += fmt::format(
        "\n         AND NOT EXISTS (SELECT FROM undo_{} o WHERE o.undo_at = p.ctid\n"
        "           AND p.tableoid = {}::regclass AND o.undo_conflict IS NULL AND {})",
        parent->number, pg::quote_literal(parent->shape.name.quoted), kLeaves);
    coming += fmt::format(
        "\n       AND NOT EXISTS (SELECT FROM undo_{0} o JOIN undo_{0}_was p USING (undo_row)\n"
        "         WHERE o.undo_conflict IS NULL AND {1})",
        parent->number, equal(key.columns, "p", "w"));
  }
  return fmt::format(
      "UPDATE undo_{0} u SET undo_conflict = {1}\n"
      "      FROM undo_{0}_was w\n"
      "     WHERE w.undo_row = u.undo_row AND u.undo_conflict IS NULL AND {2}\n"
      "       AND NOT EXISTS (SELECT FROM {3} p WHERE {4}{5}){6}",
      table.number, pg::quote_literal("referenced row missing: " + key.name),
      all_not_null(columns, "w"), key.to.from(), equal(key.columns, "p", "w"), leaving, coming);
}

std::optional<std::string> Script::still_referenced(const UndoTable& table,
                                                    const ForeignKey& key) const {
  if (!has_all(table, columns_of(key, true))) return std::nullopt;
  std::string touched;
  for (const UndoTable* child : touched_within(key.from.oid)) {
    touched += fmt::format(
        "\n         AND NOT EXISTS (SELECT FROM undo_{} o WHERE o.undo_at = c.ctid\n"
        "           AND c.tableoid = {}::regclass AND o.undo_conflict IS NULL)",
        child->number, pg::quote_literal(child->shape.name.quoted));
  }
  std::vector<ComparedColumn> itself = key.columns;
  for (ComparedColumn& column : itself) {
    column.other = column.column;
    // Between the referenced columns themselves: the key's own equality.
    for (const UniqueKey& unique : table.shape.keys) {
      const auto same = std::ranges::find(unique.columns, column.column, &ComparedColumn::column);
      if (same != unique.columns.end()) column.operator_name = same->operator_name;
    }
  }
  return fmt::format(
      "UPDATE undo_{0} u SET undo_conflict = {1}\n"
      "      FROM ONLY {2} t\n"
      "     WHERE t.ctid = u.undo_at AND u.undo_conflict IS NULL\n"
      "       AND (u.undo_does = 'remove' OR u.undo_anew)\n"
      "       AND EXISTS (SELECT FROM {3} c WHERE {4}{5})\n"
      "       AND NOT EXISTS (SELECT FROM undo_{0} o JOIN undo_{0}_was w USING (undo_row)\n"
      "         WHERE o.undo_conflict IS NULL AND {6})",
      table.number, pg::quote_literal("still referenced: " + key.name), table.shape.name.quoted,
      key.from.from(), equal(key.columns, "t", "c"), touched, equal(itself, "w", "t"));
}

std::optional<std::string> Script::conflict_loop() const {
  std::string checks;
  const auto add = [&](const std::string& check) {
    checks +=
        "    " + check + ";\n    GET DIAGNOSTICS hits = ROW_COUNT; again := again OR hits > 0;\n";
  };
  for (const UndoTable& table : tables_) {
    for (const UniqueKey& key : table.shape.keys) {
      if (has_all(table, names_of(key))) add(key_taken(table, key));
    }
    for (const ForeignKey& key : table.shape.refers_to) {
      if (const auto check = reference_missing(table, key)) add(*check);
    }
    for (const ForeignKey& key : table.shape.referred_by) {
      if (const auto check = still_referenced(table, key)) add(*check);
    }
  }
  if (checks.empty()) return std::nullopt;
  return "-- Keys: what one row cannot have may be what another needs.\n" +
         do_block("DECLARE again bool; hits bigint;\nBEGIN\n  LOOP\n    again := false;\n" +
                  checks + "    EXIT WHEN NOT again;\n  END LOOP;\nEND ");
}

std::vector<const UndoTable*> Script::touched_within(pg::Oid oid) const {
  std::vector<const UndoTable*> touched;
  for (const UndoTable& table : tables_) {
    const std::vector<pg::Oid>& within = table.shape.within;
    if (std::ranges::find(within, oid) != within.end()) touched.push_back(&table);
  }
  return touched;
}

Script::Statements Script::fail_on_conflict() const {
  if (tables_.empty()) return {};
  std::string count;
  for (const UndoTable& table : tables_) {
    count += fmt::format("{}(SELECT count(undo_conflict) FROM undo_{})", count.empty() ? "" : " + ",
                         table.number);
  }
  return {
      fmt::format("-- Nothing is given back where anything stands against it.\n"
                  "DO $undo$\nDECLARE conflicts bigint := {};\nBEGIN\n"
                  "  IF conflicts > 0 THEN\n"
                  "    RAISE EXCEPTION 'undo: % row(s) are not as the transaction left them',"
                  " conflicts;\n"
                  "  END IF;\nEND $undo$",
                  count)};
}

Script::Statements Script::give_back() const {
  Statements done;
  for (auto table = tables_.rbegin(); table != tables_.rend(); ++table) {
    done.push_back(
        exactly(fmt::format("  DELETE FROM ONLY {} t USING undo_{} o\n"
                            "   WHERE t.ctid = o.undo_at AND o.undo_conflict IS NULL AND {}",
                            table->shape.name.quoted, table->number, kLeaves),
                *table, "(u.undo_does = 'remove' OR u.undo_anew)"));
  }
  for (const UndoTable& table : tables_) {
    const std::vector<std::string> columns = set_columns(table);
    if (columns.empty()) continue;
    std::string sets;
    for (const std::string& column : columns) {
      sets += fmt::format("{}{} = w.{}", sets.empty() ? "" : ", ", column, column);
    }
    done.push_back(exactly(
        fmt::format("  UPDATE ONLY {} t SET {}\n"
                    "    FROM undo_{} u JOIN undo_{}_was w USING (undo_row)\n"
                    "   WHERE t.ctid = u.undo_at AND u.undo_does = 'update' AND NOT u.undo_anew\n"
                    "     AND u.undo_conflict IS NULL",
                    table.shape.name.quoted, sets, table.number, table.number),
        table, "u.undo_does = 'update' AND NOT u.undo_anew"));
  }
  for (const UndoTable& table : tables_) {
    std::string names;
    for (const Column& column : table.columns) {
      names += (names.empty() ? "" : ", ") + column.name;
    }
    done.push_back(
        exactly(fmt::format("  INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE\n"
                            "    SELECT {} FROM undo_{}_was w JOIN undo_{} u USING (undo_row)\n"
                            "     WHERE u.undo_conflict IS NULL AND {}",
                            table.shape.name.quoted, names, listed(names_of(table.columns), "w"),
                            table.number, table.number, kComes),
                table, kComes));
  }
  return done;
}

std::string Script::report() const {
  std::string text;
  for (const UndoTable& table : tables_) {
    text += fmt::format(
        "{}SELECT {} AS \"table\",\n"
        "       count(*) FILTER (WHERE undo_does = 'insert' AND undo_conflict IS NULL) AS "
        "inserted,\n"
        "       count(*) FILTER (WHERE undo_does = 'update' AND undo_conflict IS NULL) AS "
        "set_back,\n"
        "       count(*) FILTER (WHERE undo_does = 'remove' AND undo_conflict IS NULL) AS "
        "removed,\n"
        "       count(undo_conflict) AS conflicts FROM undo_{}",
        text.empty() ? "" : "\nUNION ALL\n", pg::quote_literal(table.shape.name.quoted),
        table.number);
  }
  return text;
}

std::string Script::commands(const UndoTable& table) {
  return fmt::format(
      "SELECT coalesce(bool_or(undo_does = 'insert' OR undo_anew), false),\n"
      "       coalesce(bool_or(undo_does = 'update' AND NOT undo_anew), false),\n"
      "       coalesce(bool_or(undo_does = 'remove' OR undo_anew), false)\n"
      "  FROM undo_{} WHERE undo_conflict IS NULL",
      table.number);
}

std::string Script::conflicts(const UndoTable& table, size_t most) const {
  std::string row;
  if (table.key) {
    for (const std::string& column : names_of(*table.key)) {
      row +=
          fmt::format("{}{} || coalesce(w.{}::text, n.{}::text)", row.empty() ? "" : " || ', ' || ",
                      pg::quote_literal(column + "="), column, column);
    }
  } else {
    row = fmt::format("left(ROW({})::text, 200)", listed(names_of(table.columns), "w"));
  }
  return fmt::format(
      "SELECT u.undo_does, u.undo_conflict, {}\n"
      "  FROM undo_{} u LEFT JOIN undo_{}_was w USING (undo_row)"
      " LEFT JOIN undo_{}_now n USING (undo_row)\n"
      " WHERE u.undo_conflict IS NOT NULL ORDER BY u.undo_row LIMIT {}",
      row, table.number, table.number, table.number, most);
}

std::string literal_of(const Column& column, const pgconn::Value& value) {
  if (!value) return "NULL";
  const bool plain =
      column.is_number && !value->empty() &&
      value->find_first_not_of("0123456789.", (*value)[0] == '-' ? 1 : 0) == std::string::npos;
  return plain ? *value : pg::quote_literal(*value);
}

std::optional<std::string> RowWriter::add(uint64_t number,
                                          const std::vector<pgconn::Value>& values) {
  if (rows_ == 0) {
    statement_ = fmt::format("INSERT INTO {} VALUES\n", table_);
  } else {
    statement_ += ",\n";
  }
  statement_ += fmt::format("  ({}", number);
  for (size_t i = 0; i < values.size(); ++i) {
    statement_ += ", ";
    statement_ += literal_of(columns_[i], values[i]);
  }
  statement_ += ")";
  ++rows_;
  if (rows_ < kMostRows && statement_.size() < kMostBytes) return std::nullopt;
  return rest();
}

std::optional<std::string> RowWriter::rest() {
  if (rows_ == 0) return std::nullopt;
  rows_ = 0;
  return std::move(statement_);
}

}  // namespace walkback::undo
