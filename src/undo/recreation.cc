#include "undo/recreation.h"

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

std::string array_of(const std::vector<pg::Oid>& oids) {
  return fmt::format("{{{}}}", fmt::join(oids, ","));
}

// The places of the rows that the transaction deleted from a catalog, as tid[].
Result<std::string> deleted_from(pgconn::Connection& then, const RowChanges& changes,
                                 std::string_view catalog) {
  const Table file =
      TRY(then.query("SELECT d.dattablespace, d.oid, pg_relation_filenode($1::regclass)"
                     " FROM pg_database d WHERE d.datname = current_database()",
                     {std::string(catalog)}));
  std::string tids = "{";
  if (file.rows.empty()) return tids + "}";
  const Row& row = file.rows[0];
  for (const ChangedRow& changed :
       changes.of({number<pg::Oid>(row[0]), number<pg::Oid>(row[1]), number<pg::Oid>(row[2])})) {
    if (!changed.was || changed.now) continue;
    tids += fmt::format("{}\"{}\"", tids.size() == 1 ? "" : ",", changed.was->text());
  }
  return tids + "}";
}

struct Unrecreated {
  std::string_view catalog, condition;  // $2: relations that were dropped
};
constexpr Unrecreated kUnrecreated[] = {
    {"pg_proc", "$2::oid[] IS NOT NULL"},
    {"pg_type", "t.typtype IN ('e', 'd', 'r') AND $2::oid[] IS NOT NULL"},
    {"pg_policy", "t.polrelid <> ALL ($2::oid[])"},
    {"pg_trigger", "NOT t.tgisinternal AND t.tgrelid <> ALL ($2::oid[])"},
    {"pg_rewrite", "t.ev_class <> ALL ($2::oid[])"},
    {"pg_publication_rel", "$2::oid[] IS NOT NULL"},
};

constexpr std::string_view kRelations =
    "SELECT c.oid, c.relkind, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname),"
    " coalesce((SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid"
    "  AND c.relispartition), 0),"
    " coalesce((SELECT d.refobjid FROM pg_depend d WHERE c.relkind = 'S' AND d.objid = c.oid"
    "  AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
    "  AND d.deptype IN ('a', 'i') LIMIT 1), 0),"
    " c.relpersistence = 'u', EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid"
    "  AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'),"
    " pg_get_userbyid(c.relowner), CASE WHEN c.relkind IN ('r', 'm') THEN pg_table_size(c.oid)"
    "  ELSE 0 END"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.oid = ANY ($1::oid[]) AND c.relpersistence <> 't' AND n.nspname <> 'pg_toast'"
    " AND c.relkind IN ('r', 'p', 'f', 'm', 'v', 'S') ORDER BY c.oid";

constexpr std::string_view kUses =
    "SELECT DISTINCT r.ev_class, d.refobjid FROM pg_rewrite r JOIN pg_depend d"
    " ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid"
    " AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class"
    " WHERE r.ev_class = ANY ($1::oid[])";

constexpr std::string_view kRoles =
    "SELECT DISTINCT a.rolname FROM (SELECT relowner AS role FROM pg_class WHERE oid = $1::oid"
    " UNION SELECT unnest(ARRAY[e.grantee, e.grantor]) FROM pg_class c, aclexplode(c.relacl) e"
    "  WHERE c.oid = $1::oid"
    " UNION SELECT unnest(ARRAY[e.grantee, e.grantor]) FROM pg_attribute t, aclexplode(t.attacl) e"
    "  WHERE t.attrelid = $1::oid) r JOIN pg_authid a ON a.oid = r.role ORDER BY 1";

// Not the row types of what comes back with it.
constexpr std::string_view kTypes =
    "SELECT DISTINCT format_type(a.atttypid, NULL) FROM pg_attribute a"
    " JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type e ON e.oid = t.typelem"
    " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped"
    " AND coalesce(e.typrelid, 0) <> ALL ($2::oid[]) AND t.typrelid <> ALL ($2::oid[]) ORDER BY 1";

constexpr std::string_view kForeignKeys =
    "SELECT c.oid, quote_ident(c.conname), c.conrelid, format('%I.%I', fn.nspname, f.relname),"
    " c.confrelid, format('%I.%I', tn.nspname, t.relname), c.conname"
    " FROM pg_constraint c"
    " JOIN pg_class f ON f.oid = c.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace"
    " JOIN pg_class t ON t.oid = c.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace"
    " WHERE c.contype = 'f' AND c.conparentid = 0"
    " AND (c.conrelid = ANY ($1::oid[]) OR c.confrelid = ANY ($1::oid[])) ORDER BY 4, 2";

constexpr std::string_view kDefaults =
    "SELECT d.oid, d.adrelid, d.adnum, quote_ident(a.attname), format('%I.%I', n.nspname, "
    "c.relname)"
    " FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
    " JOIN pg_class c ON c.oid = d.adrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE d.oid = ANY ($1::oid[]) AND d.adrelid <> ALL ($2::oid[]) AND a.attgenerated = ''"
    " AND NOT a.attisdropped AND EXISTS (SELECT FROM pg_depend p"
    "  WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid"
    "  AND p.refclassid = 'pg_class'::regclass AND p.refobjid = ANY ($3::oid[])) ORDER BY 5, 3";

constexpr std::string_view kIsTaken =
    "SELECT FROM pg_namespace n WHERE n.nspname = $1 AND (EXISTS (SELECT FROM pg_class c"
    " WHERE c.relnamespace = n.oid AND c.relname = $2) OR EXISTS (SELECT FROM pg_type t"
    " WHERE t.typnamespace = n.oid AND t.typname = $2 AND t.typelem = 0))";

std::string_view kind_text(char kind) {
  switch (kind) {
    case 'v':
      return "view";
    case 'm':
      return "materialized view";
    case 'S':
      return "sequence";
    case 'f':
      return "foreign table";
    case 'p':
      return "partitioned table";
    default:
      return "table";
  }
}

}  // namespace

Result<DroppedOids> read_dropped(pgconn::Connection& then, const RowChanges& changes) {
  DroppedOids dropped;
  for (const auto& [catalog, to] :
       {std::pair("pg_class", &dropped.relations), std::pair("pg_attrdef", &dropped.defaults)}) {
    const Table rows =
        TRY(then.query(fmt::format("SELECT oid FROM {} WHERE ctid = ANY ($1::tid[])", catalog),
                       {TRY(deleted_from(then, changes, catalog))}));
    for (const Row& row : rows.rows) to->push_back(number<pg::Oid>(row[0]));
  }
  for (const Unrecreated& other : kUnrecreated) {
    const Table rows = TRY(
        then.query(fmt::format("SELECT pg_describe_object('{0}'::regclass, t.oid, 0) FROM {0} t"
                               " WHERE t.ctid = ANY ($1::tid[]) AND {1} ORDER BY 1",
                               other.catalog, other.condition),
                   {TRY(deleted_from(then, changes, other.catalog)), array_of(dropped.relations)}));
    for (const Row& row : rows.rows) dropped.others.push_back(text(row[0]));
  }
  return dropped;
}

std::string Recreation::Relation::text() const {
  return fmt::format("{} {}", kind_text(kind), quoted);
}

bool Recreation::comes(pg::Oid oid) const {
  return std::ranges::find(relations_, oid, &Relation::oid) != relations_.end();
}

bool Recreation::was_dropped(pg::Oid oid) const {
  return std::ranges::find(dropped_.relations, oid) != dropped_.relations.end();
}

std::string Recreation::oids() const {
  std::vector<pg::Oid> all;
  for (const Relation& relation : relations_) all.push_back(relation.oid);
  return array_of(all);
}

void Recreation::conflict(pg::Oid table, std::string what, std::string why) {
  conflicts_.emplace_back(table, Conflict{"create", std::move(why), std::move(what)});
}

void Recreation::leave_out(const Relation& relation, std::string why) {
  result_.left_out.push_back({relation.text(), std::move(why)});
}

Result<bool> Recreation::live_has(std::string_view sql,
                                  const std::vector<pgconn::Value>& parameters) {
  const Table found = TRY(live_->query(sql, parameters));
  return !found.rows.empty();
}

Result<bool> Recreation::is_taken(pgconn::Connection& server, const pgconn::Value& schema,
                                  const pgconn::Value& name) {
  const Table found = TRY(server.query(kIsTaken, {schema, name}));
  return !found.rows.empty();
}

Result<Recreated> Recreation::look(DroppedOids dropped) {
  dropped_ = std::move(dropped);
  TRY(read_relations());
  TRY(read_uses());
  choose();
  if (options_.as) {
    const auto is_root = [&](const Relation& relation) {
      return relation.is_table() && !comes(relation.partition_of);
    };
    if (std::ranges::count_if(relations_, is_root) != 1) {
      return make_error(ErrorKind::kInvalid,
                        "a new name is for one table, and the transaction dropped several",
                        "--table NAME says which");
    }
    Relation& root = *std::ranges::find_if(relations_, is_root);
    const std::string& schema = options_.as->schema.empty() ? root.schema : options_.as->schema;
    root.new_quoted = TRY(pgconn::query_text(then_, "SELECT format('%I.%I', $1::text, $2::text)",
                                             {schema, options_.as->name}));
  }
  TRY(find_obstacles());
  TRY(look_at_foreign_keys());
  TRY(look_at_defaults());
  TRY(look_at_statistics());
  TRY(count_rows());
  for (const Relation& relation : relations_) {
    if (!relation.is_table()) {
      result_.others.push_back(relation.text());
      continue;
    }
    TableOutcome outcome;
    outcome.table = relation.new_quoted;
    outcome.created = true;
    outcome.inserted = relation.rows;
    for (const auto& [table, conflict] : conflicts_) {
      if (table == relation.oid) outcome.listed.push_back(conflict);
    }
    outcome.conflicts = outcome.listed.size();
    result_.tables.push_back(std::move(outcome));
    if (relation.kind == 'r' || relation.kind == 'm') result_.with_rows.push_back(relation.oid);
    if (relation.unlogged) {
      result_.notes.push_back(
          fmt::format("{} is UNLOGGED: its rows are in no backup", relation.quoted));
    }
  }
  return result_;
}

Result<void> Recreation::read_relations() {
  const Table rows = TRY(then_.query(kRelations, {array_of(dropped_.relations)}));
  for (const Row& row : rows.rows) {
    Relation relation;
    relation.oid = number<pg::Oid>(row[0]);
    relation.kind = text(row[1]).front();
    relation.schema = text(row[2]);
    relation.name = text(row[3]);
    relation.quoted = relation.new_quoted = text(row[4]);
    relation.partition_of = number<pg::Oid>(row[5]);
    relation.owned_by = number<pg::Oid>(row[6]);
    relation.unlogged = truth(row[7]);
    relation.of_extension = truth(row[8]);
    relation.owner = text(row[9]);
    relation.bytes = number<uint64_t>(row[10]);
    relations_.push_back(std::move(relation));
  }
  return success();
}

Result<void> Recreation::read_uses() {
  const Table rows = TRY(then_.query(kUses, {oids()}));
  for (const Row& row : rows.rows)
    uses_.emplace_back(number<pg::Oid>(row[0]), number<pg::Oid>(row[1]));
  return success();
}

bool Recreation::wants(const Relation& relation) const {
  if (options_.only.empty()) return true;
  find::RelationName name;
  name.oid = name.own_oid = relation.oid;
  name.database = options_.database;
  name.schema = relation.schema;
  name.name = relation.name;
  name.kind = relation.kind;
  pg::Oid parent = relation.partition_of;
  while (parent != 0) {
    const auto found = std::ranges::find(relations_, parent, &Relation::oid);
    if (found == relations_.end()) break;
    name.partition_of.push_back({found->schema, found->name});
    parent = found->partition_of;
  }
  return std::ranges::any_of(
      options_.only, [&](const find::TablePattern& pattern) { return pattern.matches(name); });
}

void Recreation::choose() {
  if (options_.only.empty()) {
    for (const std::string& other : dropped_.others) {
      result_.left_out.push_back({other, "undo gives back tables, views and sequences"});
    }
  }
  std::vector<Relation> chosen;
  for (const Relation& relation : relations_) {
    if (relation.of_extension) {
      leave_out(relation, "it belongs to an extension: CREATE EXTENSION makes it");
    } else if (relation.kind == 'v' || relation.kind == 'S' || wants(relation)) {
      chosen.push_back(relation);
    }
  }
  relations_ = std::move(chosen);
  drop_dependents(/*say=*/false);
  if (options_.only.empty()) return;
  // Of views and sequences, those that are part of what is wanted.
  std::erase_if(relations_, [&](const Relation& relation) {
    if (relation.kind == 'S') return relation.owned_by == 0 && !wants(relation);
    if (relation.kind != 'v' || wants(relation)) return false;
    return std::ranges::none_of(
        uses_, [&](const auto& use) { return use.first == relation.oid && comes(use.second); });
  });
}

// What reads, or belongs to, something that does not come back.
void Recreation::drop_dependents(bool say) {
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < relations_.size(); ++i) {
      const Relation& relation = relations_[i];
      const auto missing = std::ranges::find_if(uses_, [&](const auto& use) {
        return use.first == relation.oid && was_dropped(use.second) && !comes(use.second);
      });
      const bool is_orphan =
          relation.owned_by != 0 && was_dropped(relation.owned_by) && !comes(relation.owned_by);
      if (missing == uses_.end() && !is_orphan) continue;
      if (say && !is_orphan) leave_out(relation, "it reads what does not come back");
      relations_.erase(relations_.begin() + static_cast<std::ptrdiff_t>(i));
      again = true;
      break;
    }
  }
}

Result<void> Recreation::find_obstacles() {
  if (live_ == nullptr) return success();
  // A partition after the table that it is of: OIDs do not tell.
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < relations_.size(); ++i) {
      std::string why = TRY(obstacle(relations_[i]));
      if (why.empty()) continue;
      leave_out(relations_[i], std::move(why));
      relations_.erase(relations_.begin() + static_cast<std::ptrdiff_t>(i));
      drop_dependents(/*say=*/true);
      again = true;
      break;
    }
  }
  return success();
}

// Empty where nothing keeps it from coming back.
Result<std::string> Recreation::obstacle(const Relation& relation) {
  std::string schema = relation.schema, name = relation.name;
  if (relation.new_quoted != relation.quoted) {
    if (!options_.as->schema.empty()) schema = options_.as->schema;
    name = options_.as->name;
  }
  // Sequences of a table, as its indexes, are called otherwise then.
  if (relation.owned_by == 0 && TRY(is_taken(*live_, schema, name))) {
    return fmt::format("{} is there: its name is taken", relation.new_quoted) +
           (relation.is_table() ? "; --as NAME gives it back under another" : "");
  }
  if (relation.partition_of != 0 && !comes(relation.partition_of) &&
      !TRY(live_has("SELECT FROM pg_class WHERE oid = $1::oid AND relkind = 'p'",
                    {std::to_string(relation.partition_of)}))) {
    return std::string("the table that it is a partition of is not there any more");
  }
  const Table roles = TRY(then_.query(kRoles, {std::to_string(relation.oid)}));
  for (const Row& row : roles.rows) {
    if (TRY(live_has("SELECT FROM pg_roles WHERE rolname = $1", {row[0]}))) continue;
    return fmt::format(
        "role {} owns it or has rights on it, and is not there any more: CREATE "
        "ROLE makes it",
        text(row[0]));
  }
  const Table types = TRY(then_.query(kTypes, {std::to_string(relation.oid), oids()}));
  for (const Row& row : types.rows) {
    if (TRY(live_has("SELECT WHERE to_regtype($1) IS NOT NULL", {row[0]}))) continue;
    return fmt::format("its type {} is not there any more", text(row[0]));
  }
  return std::string();
}

Result<void> Recreation::look_at_foreign_keys() {
  const Table keys = TRY(then_.query(kForeignKeys, {oids()}));
  for (const Row& row : keys.rows) {
    const pg::Oid from = number<pg::Oid>(row[2]), to = number<pg::Oid>(row[4]);
    if (comes(from)) {
      const bool is_there = comes(to) || live_ == nullptr ||
                            TRY(live_has("SELECT WHERE to_regclass($1) IS NOT NULL", {row[5]}));
      if (is_there) continue;
      conflict(from, "constraint " + text(row[1]), "referenced table missing: " + text(row[5]));
      lost_constraints_.push_back(
          fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", text(row[3]), text(row[1])));
      continue;
    }
    // Of a table that goes on without it.
    if (was_dropped(from) || !options_.keys_of_others) continue;
    const std::string what = fmt::format("constraint {} of {}", text(row[1]), text(row[3]));
    std::string table = text(row[3]);
    if (live_ != nullptr) {
      const Table today = TRY(live_->query(
          "SELECT format('%I.%I', n.nspname, c.relname), EXISTS (SELECT FROM pg_constraint k"
          " WHERE k.conrelid = c.oid AND k.conname = $2) FROM pg_class c"
          " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid",
          {row[2], row[6]}));
      if (today.rows.empty() || truth(today.rows[0][1])) {
        conflict(to, what, today.rows.empty() ? "its table is not there any more" : "it is there");
        continue;
      }
      table = text(today.rows[0][0]);
    }
    elsewhere_.push_back({number<pg::Oid>(row[0]), false, table, ""});
    result_.others.push_back(what);
  }
  return success();
}

Result<void> Recreation::look_at_defaults() {
  const Table defaults = TRY(
      then_.query(kDefaults, {array_of(dropped_.defaults), array_of(dropped_.relations), oids()}));
  for (const Row& row : defaults.rows) {
    const std::string what = fmt::format("default of {}.{}", text(row[4]), text(row[3]));
    std::string table = text(row[4]), column = text(row[3]);
    if (live_ != nullptr) {
      const Table today = TRY(
          live_->query("SELECT format('%I.%I', n.nspname, c.relname), quote_ident(a.attname)"
                       " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
                       " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attrelid = $1::oid"
                       " AND a.attnum = $2::int2 AND NOT a.attisdropped AND NOT a.atthasdef"
                       " AND a.attidentity = ''",
                       {row[1], row[2]}));
      if (today.rows.empty()) {
        result_.left_out.push_back({what, "the column has another by now, or is not there"});
        continue;
      }
      table = text(today.rows[0][0]);
      column = text(today.rows[0][1]);
    }
    elsewhere_.push_back({number<pg::Oid>(row[0]), true, table, column});
    result_.others.push_back(what);
  }
  return success();
}

Result<void> Recreation::look_at_statistics() {
  std::set<std::string> schemas;
  for (const Relation& relation : relations_) schemas.insert(relation.schema);
  for (ExtendedStatistics& statistics : TRY(read_statistics(then_, oids()))) {
    const std::string what = "statistics " + statistics.quoted;
    if (live_ != nullptr) {
      std::string why = TRY(obstacle_to(statistics, schemas, *live_));
      if (!why.empty()) {
        result_.left_out.push_back({what, std::move(why)});
        continue;
      }
    }
    result_.others.push_back(what);
    statistics_.push_back(std::move(statistics));
  }
  return success();
}

Result<void> Recreation::count_rows() {
  for (Relation& relation : relations_) {
    if (relation.kind != 'r' && relation.kind != 'm') continue;
    const Table count =
        TRY(then_.query(fmt::format("SELECT count(*) FROM ONLY {}", relation.quoted)));
    relation.rows = number<uint64_t>(count.rows[0][0]);
  }
  return success();
}

}  // namespace walkback::undo
