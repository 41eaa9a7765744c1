#include "undo/table_shape.h"

#include <algorithm>

#include "base/sort_unique.h"
#include "pgconn/values.h"

namespace walkback::undo {

namespace {

using pgconn::number;
using pgconn::Row;
using pgconn::Table;
using pgconn::text;
using pgconn::truth;

constexpr std::string_view kTable =
    "SELECT format('%I.%I', n.nspname, c.relname), n.nspname, c.relname, c.relkind"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid";

constexpr std::string_view kColumns =
    "SELECT quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attgenerated <> '',"
    " a.attidentity = 'a', a.atttypid IN (20, 21, 23, 1700), a.attnum,"  // int8, int2, int4,
                                                                         // numeric
    " a.attnotnull"
    " FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attnum";

constexpr std::string_view kAttributes =
    "WITH RECURSIVE part(number, type, modifier, path) AS ("
    " SELECT attnum, atttypid, atttypmod, '' COLLATE \"C\" FROM pg_attribute"
    "  WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped"
    " UNION ALL SELECT part.number, inside.type, inside.modifier,"
    "   (part.path || inside.step) COLLATE \"C\""
    "  FROM part JOIN pg_type t ON t.oid = part.type CROSS JOIN LATERAL ("
    "   SELECT t.typelem, -1, '' COLLATE \"C\" WHERE t.typcategory = 'A'"
    "   UNION ALL SELECT t.typbasetype, t.typtypmod, '' WHERE t.typtype = 'd'"
    "   UNION ALL SELECT r.rngsubtype, -1, '' FROM pg_range r"
    "    WHERE t.oid IN (r.rngtypid, (to_jsonb(r) ->> 'rngmultitypid')::oid)"  // from 14 on
    "   UNION ALL SELECT a.atttypid, a.atttypmod, format('/%s %I', a.attnum, a.attname)"
    "    FROM pg_attribute a WHERE a.attrelid = t.typrelid AND t.typtype = 'c' AND a.attnum > 0"
    "    AND NOT a.attisdropped) AS inside(type, modifier, step))"
    " SELECT number, string_agg(path || ' ' || format_type(type, modifier), ', '"
    "  ORDER BY path, format_type(type, modifier) COLLATE \"C\")"
    " FROM part WHERE path <> '' GROUP BY number";

// The equality of an index column is what its operator class calls that (strategy 3 of btree): the
// one of a type that an extension brings is found in no search_path of ours.
constexpr std::string_view kKeys =
    "SELECT x.relname, i.indisprimary,"
    " i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND am.amname = 'btree', "
    "quote_ident(a.attname), "
    "a.attnotnull,"
    " (SELECT CASE WHEN n.nspname = 'pg_catalog' THEN o.oprname::text"
    "   ELSE format('OPERATOR(%I.%s)', n.nspname, o.oprname) END"
    "   FROM pg_opclass oc JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily"
    "    AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype"
    "    AND ao.amopstrategy = 3 JOIN pg_operator o ON o.oid = ao.amopopr"
    "   JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE oc.oid = k.opclass)"
    " FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam"
    " CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[])"
    "  WITH ORDINALITY AS k(attnum, opclass, place)"
    " LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0"
    " WHERE i.indrelid = $1::oid AND (i.indisunique OR i.indisexclusion)"
    " AND k.place <= i.indnkeyatts ORDER BY NOT i.indisprimary, x.relname, k.place";

// Where a partitioned table is referenced, each partition has a row of its own that says so, with
// the same referencing table as its parent's: they are no constraints of that table.
constexpr std::string_view kForeignKeys =
    "SELECT c.oid, c.conname, c.conrelid, format('%I.%I', fn.nspname, f.relname), f.relkind = 'p',"
    " c.confrelid, format('%I.%I', tn.nspname, t.relname), t.relkind = 'p', "
    "quote_ident(ta.attname),"
    " quote_ident(fa.attname),"
    " CASE WHEN pn.nspname = 'pg_catalog' THEN o.oprname::text"
    "  ELSE format('OPERATOR(%I.%s)', pn.nspname, o.oprname) END"
    " FROM pg_constraint c"
    " JOIN pg_class f ON f.oid = c.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace"
    " JOIN pg_class t ON t.oid = c.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace"
    " CROSS JOIN LATERAL unnest(c.conkey, c.confkey, c.conpfeqop)"
    "  WITH ORDINALITY AS k(from_number, to_number, operator, place)"
    " JOIN pg_attribute fa ON fa.attrelid = c.conrelid AND fa.attnum = k.from_number"
    " JOIN pg_attribute ta ON ta.attrelid = c.confrelid AND ta.attnum = k.to_number"
    " JOIN pg_operator o ON o.oid = k.operator JOIN pg_namespace pn ON pn.oid = o.oprnamespace"
    " WHERE c.contype = 'f' AND coalesce((to_jsonb(c) ->> 'conenforced')::bool, true)"
    " AND (c.confrelid = $1::oid OR c.conrelid = $1::oid AND NOT EXISTS (SELECT FROM pg_constraint "
    "p"
    "  WHERE p.oid = c.conparentid AND p.conrelid = c.conrelid))"
    " ORDER BY c.conname, c.oid, k.place";

constexpr std::string_view kWithin =
    "SELECT relid::oid FROM pg_partition_ancestors($1::oid) WHERE relid <> $1::oid";

constexpr std::string_view kFires =
    "SELECT format('%s %s', f.what, f.name), f.enabled = 'A', f.inserts, f.updates, f.deletes,"
    " f.conditional, quote_ident(a.attname) FROM ("
    " SELECT 'trigger' AS what, tgname AS name, tgenabled AS enabled, tgtype & 4 <> 0 AS inserts,"
    "  tgtype & 16 <> 0 AS updates, tgtype & 8 <> 0 AS deletes, tgqual IS NOT NULL AS conditional,"
    "  tgattr::int2[] AS columns FROM pg_trigger WHERE tgrelid = $1::oid"
    " UNION ALL SELECT 'rule', rulename, ev_enabled, ev_type = '3', ev_type = '2', ev_type = '4',"
    "  ev_qual::text <> '<>', '{}' FROM pg_rewrite WHERE ev_class = $1::oid) AS f"
    " LEFT JOIN pg_attribute a ON a.attrelid = $1::oid AND a.attnum = ANY (f.columns)"
    " WHERE f.enabled IN ('A', 'R') AND (f.inserts OR f.updates OR f.deletes)"
    " ORDER BY f.what, f.name, a.attnum";

// A whole row in it has number 0.
constexpr std::string_view kChecks =
    "SELECT c.conname, pg_get_expr(c.conbin, c.conrelid), quote_ident(a.attname)"
    " FROM pg_constraint c LEFT JOIN pg_attribute a ON a.attrelid = c.conrelid"
    "  AND a.attnum = ANY (c.conkey)"
    " WHERE c.conrelid = $1::oid AND c.contype = 'c' AND coalesce(0 < ALL (c.conkey), true)"
    " AND coalesce((to_jsonb(c) ->> 'conenforced')::bool, true) ORDER BY c.conname, a.attnum";

constexpr std::string_view kDeferrable =
    "SELECT conname FROM pg_constraint WHERE conrelid = $1::oid AND condeferrable"
    " AND contype IN ('p', 'u', 'x') ORDER BY conname";

Result<Table> ask(pgconn::Connection& server, std::string_view sql, pg::Oid table) {
  return server.query(sql, {std::to_string(table)});
}

Result<void> read_attributes(pgconn::Connection& server, TableShape& shape) {
  const Table rows = TRY(ask(server, kAttributes, shape.name.oid));
  for (const Row& row : rows.rows) {
    const auto of = std::ranges::find(shape.columns, static_cast<int>(number<pg::Oid>(row[0])),
                                      &Column::number);
    if (of != shape.columns.end()) of->attributes = text(row[1]);
  }
  return success();
}

void add_key_column(const Row& row, TableShape& shape, bool& guards_all) {
  const std::string& column = text(row[3]);
  const bool is_plain = truth(row[2]) && row[5].has_value();
  const Column* known = shape.column(column);
  if (column.empty() || known == nullptr || known->generated || !truth(row[2])) guards_all = true;
  if (!column.empty()) shape.guarded.push_back(column);
  const std::string& name = text(row[0]);
  if (!is_plain) return;
  if (shape.keys.empty() || shape.keys.back().name != name) {
    shape.keys.push_back({name, truth(row[1]), true, {}});
  }
  UniqueKey& key = shape.keys.back();
  key.identifies = key.identifies && truth(row[4]);
  key.columns.push_back({column, column, text(row[5])});
}

Result<void> read_keys(pgconn::Connection& server, TableShape& shape) {
  bool guards_all = false;
  const Table keys = TRY(ask(server, kKeys, shape.name.oid));
  for (const Row& row : keys.rows) add_key_column(row, shape, guards_all);
  if (guards_all) {
    shape.guarded.clear();
    for (const Column& column : shape.columns) shape.guarded.push_back(column.name);
  }
  sort_unique(shape.guarded);
  return success();
}

Result<void> read_foreign_keys(pgconn::Connection& server, TableShape& shape) {
  const Table rows = TRY(ask(server, kForeignKeys, shape.name.oid));
  std::vector<ForeignKey> keys;
  std::string last;
  for (const Row& row : rows.rows) {
    if (text(row[0]) != last) {
      last = text(row[0]);
      keys.push_back({text(row[1]),
                      {number<pg::Oid>(row[2]), text(row[3]), truth(row[4])},
                      {number<pg::Oid>(row[5]), text(row[6]), truth(row[7])},
                      {}});
    }
    keys.back().columns.push_back({text(row[8]), text(row[9]), text(row[10])});
  }
  for (const ForeignKey& key : keys) {
    if (key.from.oid == shape.name.oid) shape.refers_to.push_back(key);
    if (key.to.oid == shape.name.oid) shape.referred_by.push_back(key);
  }
  return success();
}

Result<void> read_checks(pgconn::Connection& server, TableShape& shape) {
  const Table rows = TRY(ask(server, kChecks, shape.name.oid));
  for (const Row& row : rows.rows) {
    const std::string& name = text(row[0]);
    if (shape.checks.empty() || shape.checks.back().name != name) {
      shape.checks.push_back({name, text(row[1]), {}});
    }
    if (row[2]) shape.checks.back().columns.push_back(*row[2]);
  }
  return success();
}

Result<void> read_firing(pgconn::Connection& server, TableShape& shape) {
  const Table rows = TRY(ask(server, kFires, shape.name.oid));
  for (const Row& row : rows.rows) {
    const std::string& what = text(row[0]);
    if (shape.fires.empty() || shape.fires.back().what != what) {
      shape.fires.push_back(
          {what, truth(row[1]), truth(row[2]), truth(row[3]), truth(row[4]), truth(row[5]), {}});
    }
    if (row[6]) shape.fires.back().columns.push_back(*row[6]);
  }
  return success();
}

Result<std::optional<pg::Oid>> one_oid(Result<Table> answer) {
  const Table table = TRY(std::move(answer));
  if (table.rows.empty() || !table.rows[0][0]) return std::optional<pg::Oid>();
  return std::optional(number<pg::Oid>(table.rows[0][0]));
}

}  // namespace

const Column* TableShape::column(std::string_view wanted) const {
  const auto found = std::ranges::find(columns, wanted, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

Result<std::optional<TableShape>> read_shape(pgconn::Connection& server, pg::Oid table) {
  const Table named = TRY(ask(server, kTable, table));
  if (named.rows.empty()) return std::optional<TableShape>();
  TableShape shape;
  shape.name = {table, text(named.rows[0][0]), text(named.rows[0][3]) == "p"};
  shape.schema = text(named.rows[0][1]);
  shape.table = text(named.rows[0][2]);
  shape.kind = text(named.rows[0][3]).front();
  const Table columns = TRY(ask(server, kColumns, table));
  for (const Row& row : columns.rows) {
    shape.columns.push_back({text(row[0]), text(row[1]), truth(row[2]), truth(row[3]),
                             truth(row[4]), static_cast<int>(number<pg::Oid>(row[5])), "",
                             truth(row[6])});
  }
  TRY(read_attributes(server, shape));
  TRY(read_keys(server, shape));
  TRY(read_foreign_keys(server, shape));
  shape.within.push_back(table);
  const Table within = TRY(ask(server, kWithin, table));
  for (const Row& row : within.rows) shape.within.push_back(number<pg::Oid>(row[0]));
  TRY(read_checks(server, shape));
  TRY(read_firing(server, shape));
  const Table deferrable = TRY(ask(server, kDeferrable, table));
  for (const Row& row : deferrable.rows) shape.deferrable.push_back(text(row[0]));
  return std::optional(std::move(shape));
}

Result<std::optional<pg::Oid>> find_table(pgconn::Connection& server, const std::string& schema,
                                          const std::string& table) {
  return one_oid(
      server.query("SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                   " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')",
                   {schema, table}));
}

Result<std::optional<pg::Oid>> find_table_of_file(pgconn::Connection& server, pg::Oid tablespace,
                                                  pg::Oid file) {
  return one_oid(server.query("SELECT pg_filenode_relation($1::oid, $2::oid)::oid",
                              {std::to_string(tablespace), std::to_string(file)}));
}

Result<pg::Oid> file_of_table(pgconn::Connection& server, pg::Oid table) {
  const std::optional<pg::Oid> file =
      TRY(one_oid(server.query("SELECT pg_relation_filenode($1::oid)", {std::to_string(table)})));
  if (file) return *file;
  return make_error(ErrorKind::kMissing, "a table of the transaction has no file");
}

}  // namespace walkback::undo
