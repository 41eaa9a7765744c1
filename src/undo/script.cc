#include "undo/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pg/sql_text.h"
#include "undo/conflict_statements.h"
#include "undo/firing.h"
#include "undo/script_text.h"

namespace walkback::undo {

namespace {

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

}  // namespace

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
  return conflict_statements(tables_, mode, locks);
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
    const std::vector<std::string> columns = table.set_columns();
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

}  // namespace walkback::undo
