#include "undo/conflict_statements.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "pg/sql_text.h"
#include "undo/script_text.h"

namespace walkback::undo {

namespace {

using Statements = std::vector<std::string>;

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

std::string lock_of(std::string_view what) {
  return fmt::format("SELECT count(*) AS locked FROM (\n  {}) AS rows", what);
}

void locate(const UndoTable& table, Statements& to) {
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
void follow(const UndoTable& table, Statements& to) {
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

void lock(const UndoTable& table, Statements& to) {
  to.push_back(
      lock_of(fmt::format("SELECT FROM ONLY {} t JOIN undo_{} u ON t.ctid = u.undo_at\n"
                          "  FOR UPDATE OF t",
                          table.shape.name.quoted, table.number)));
}

void lock_references(const UndoTable& table, Statements& to) {
  for (const ForeignKey& key : table.shape.refers_to) {
    if (!table.has_all(columns_of(key, false))) continue;
    to.push_back(fmt::format(
        "-- Nobody removes what {} refers to while its rows come back.\n{}",
        in_comment(table.shape.name.quoted),
        lock_of(fmt::format("SELECT FROM {} p JOIN undo_{}_was w ON {}\n"
                            "  FOR KEY SHARE OF p",
                            key.to.from(), table.number, equal(key.columns, "p", "w")))));
  }
}

void check(const UndoTable& table, Statements& to) {
  for (const Check& check : table.new_checks) {
    to.push_back(fmt::format(
        "UPDATE undo_{0} u SET undo_conflict = {1}\n"
        " WHERE u.undo_conflict IS NULL AND u.undo_does <> 'remove' AND u.undo_row IN (\n"
        "   SELECT undo_row FROM undo_{0}_was WHERE ({2}) IS FALSE)",
        table.number, pg::quote_literal(fmt::format("violates check {} added since", check.name)),
        check.expression));
  }
}

void compare(const UndoTable& table, OnConflict mode, Statements& to) {
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

std::string key_taken(const UndoTable& table, const UniqueKey& key) {
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

std::vector<const UndoTable*> touched_within(const std::vector<UndoTable>& tables, pg::Oid oid) {
  std::vector<const UndoTable*> touched;
  for (const UndoTable& table : tables) {
    const std::vector<pg::Oid>& within = table.shape.within;
    if (std::ranges::find(within, oid) != within.end()) touched.push_back(&table);
  }
  return touched;
}

std::optional<std::string> reference_missing(const std::vector<UndoTable>& tables,
                                             const UndoTable& table, const ForeignKey& key) {
  const std::vector<std::string> columns = columns_of(key, false);
  if (!table.has_all(columns)) return std::nullopt;
  std::string leaving, coming;
  for (const UndoTable* parent : touched_within(tables, key.to.oid)) {
    if (!parent->has_all(columns_of(key, true))) return std::nullopt;
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

std::optional<std::string> still_referenced(const std::vector<UndoTable>& tables,
                                            const UndoTable& table, const ForeignKey& key) {
  if (!table.has_all(columns_of(key, true))) return std::nullopt;
  std::string touched;
  for (const UndoTable* child : touched_within(tables, key.from.oid)) {
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

std::optional<std::string> conflict_loop(const std::vector<UndoTable>& tables) {
  std::string checks;
  const auto add = [&](const std::string& check) {
    checks +=
        "    " + check + ";\n    GET DIAGNOSTICS hits = ROW_COUNT; again := again OR hits > 0;\n";
  };
  for (const UndoTable& table : tables) {
    for (const UniqueKey& key : table.shape.keys) {
      if (table.has_all(names_of(key))) add(key_taken(table, key));
    }
    for (const ForeignKey& key : table.shape.refers_to) {
      if (const auto check = reference_missing(tables, table, key)) add(*check);
    }
    for (const ForeignKey& key : table.shape.referred_by) {
      if (const auto check = still_referenced(tables, table, key)) add(*check);
    }
  }
  if (checks.empty()) return std::nullopt;
  return "-- Keys: what one row cannot have may be what another needs.\n" +
         do_block("DECLARE again bool; hits bigint;\nBEGIN\n  LOOP\n    again := false;\n" +
                  checks + "    EXIT WHEN NOT again;\n  END LOOP;\nEND ");
}

}  // namespace

std::vector<std::string> conflict_statements(const std::vector<UndoTable>& tables, OnConflict mode,
                                             bool locks) {
  Statements found;
  for (const UndoTable& table : tables) {
    locate(table, found);
    if (mode == OnConflict::kOverwrite) follow(table, found);
    if (locks) lock(table, found);
    compare(table, mode, found);
  }
  if (locks) {
    for (const UndoTable& table : tables) lock_references(table, found);
  }
  if (std::optional<std::string> keys = conflict_loop(tables)) found.push_back(*std::move(keys));
  return found;
}

}  // namespace walkback::undo
