#include "find/relation_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/utf8.h"
#include "base/whole_number.h"
#include "pg/data_directory.h"

namespace walkback::find {

namespace {

constexpr pg::Oid kToastSchema = 99;  // pg_toast
// create_toast_table() in src/backend/catalog/toasting.c: "pg_toast_16384_index" of pg_toast_16384.
constexpr std::string_view kToastIndex = "_index";

// make_new_heap() in src/backend/commands/cluster.c: "pg_temp_16384" takes the place of 16384.
std::optional<pg::Oid> number_after(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  return whole_number<pg::Oid>(name);
}

// Schemas that every database has since initdb (src/include/catalog/pg_namespace.dat).
std::optional<std::string_view> schema_of_initdb(pg::Oid oid) {
  if (oid == 11) return "pg_catalog";
  if (oid == 99) return "pg_toast";
  if (oid == 2200) return "public";
  return std::nullopt;
}

// What is in pg_toast is named after what it belongs to.
char kind_by_name(pg::Oid schema, std::string_view name) {
  if (schema != kToastSchema) return 0;
  return name.ends_with(kToastIndex) ? 'i' : 't';
}

using Tablespaces = std::map<pg::Oid, std::vector<pg::Oid>>;

std::vector<pg::Oid> tablespaces_of(pg::Oid database, const Tablespaces& defaults) {
  const auto found = defaults.find(database);
  return found == defaults.end() ? std::vector{pg::kDefaultTablespace} : found->second;
}
pg::Oid tablespace_of(pg::Oid database, const Tablespaces& defaults) {
  const auto found = defaults.find(database);
  return found == defaults.end() ? pg::kDefaultTablespace : found->second.front();
}

bool is_system_schema(std::string_view schema) {
  return schema == "pg_catalog" || schema == "information_schema";
}

}  // namespace

void RelationNames::add(const catalog::Names& names, pg::Lsn at) {
  ++version_;
  looked_up_at_.insert(at);
  for (const catalog::NamedDatabase& database : names.databases) {
    databases_.emplace(database.oid, escape_invalid_utf8(database.name));
    std::vector<pg::Oid>& tablespaces = default_tablespaces_[database.oid];
    if (std::ranges::find(tablespaces, database.tablespace) == tablespaces.end()) {
      tablespaces.push_back(database.tablespace);
    }
    for (const catalog::NamedSchema& schema : database.schemas) {
      schemas_.emplace(Id{database.oid, schema.oid}, escape_invalid_utf8(schema.name));
      for (const catalog::NamedRelation& relation : schema.relations) {
        const bool shared = relation.tablespace == pg::kGlobalTablespace;
        const pg::Oid of = shared ? 0 : database.oid;
        const std::string name = escape_invalid_utf8(relation.name);
        const auto [known, is_new] =
            relations_.emplace(Id{of, relation.oid}, Relation{relation.oid,
                                                              schema.oid,
                                                              name,
                                                              relation.kind,
                                                              relation.rows,
                                                              at,
                                                              relation.partition_of,
                                                              {}});
        known->second.call(schema.oid, name);
        if (known->second.partition_of == 0) known->second.partition_of = relation.partition_of;
        if (relation.file == 0) continue;
        files_.emplace(wal::RelationLocator{relation.tablespace, of, relation.file}, relation.oid);
      }
    }
  }
}

void RelationNames::Relation::call(pg::Oid other_schema, const std::string& other_name) {
  const std::pair other(other_schema, other_name);
  if (other == std::pair(schema, name)) return;
  if (std::ranges::find(also, other) == also.end()) also.push_back(other);
}

bool RelationNames::is_heap_of_rewrite(const wal::CatalogRow& row) const {
  return number_after("pg_temp_", row.name) && !relations_.contains({row.database, row.oid});
}

wal::RelationLocator RelationNames::file_of(const wal::CatalogRow& row) const {
  pg::Oid tablespace = row.tablespace;
  if (tablespace == 0) tablespace = tablespace_of(row.database, default_tablespaces_);
  return {tablespace, row.database, row.file};
}

std::string RelationNames::text_of(const wal::CatalogRow& row, const std::string* known) {
  std::string text = escape_invalid_utf8(row.name);
  if (text == row.name || known == nullptr) return text;
  const auto ascii = [](std::string name) {
    std::erase_if(name, [](char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; });
    return name;
  };
  const std::string rest = ascii(*known);
  return rest != *known && rest == ascii(row.name) ? *known : text;
}

void RelationNames::see_file(const wal::CatalogRow& row) {
  if (row.of != wal::CatalogRow::Of::kRelation) return;
  const Id id{row.database, row.oid};
  const bool is_first = met_.insert(id).second && !relations_.contains(id) && !row.is_update;
  if (row.file == 0) return;
  ++version_;
  const bool is_rewrite = is_heap_of_rewrite(row);
  const pg::Oid oid = is_rewrite ? *number_after("pg_temp_", row.name) : row.oid;
  if (is_rewrite) rewrite_of_[id] = oid;
  const wal::RelationLocator file = file_of(row);
  files_[file] = oid;
  // The files are swapped in the end: then the row of the table itself names the new one, and that
  // of the rewrite's heap the one that goes.
  const Row first{oid, is_rewrite, is_first, row.is_update, row.xid};
  rows_.try_emplace(file, first).first->second.oid = oid;
}

void RelationNames::see_if_unknown(const wal::CatalogRow& row) {
  using Of = wal::CatalogRow::Of;
  const Id id{row.database, row.oid};
  const bool is_known = row.of == Of::kDatabase ? databases_.contains(row.oid)
                        : row.of == Of::kSchema ? schemas_.contains(id)
                                                : relations_.contains(id);
  if (!is_known && !is_heap_of_rewrite(row)) see(row);
}

void RelationNames::see(const wal::CatalogRow& row,
                        const std::vector<wal::RelationLocator>& dropped) {
  const auto may_be_replaced = [&](const wal::RelationLocator& file) {
    if (file.database != row.database) return false;
    const std::optional<RelationName> name = of(file);
    return !name || name->own_oid == number_after("pg_temp_", row.name);
  };
  const bool is_relation = row.of == wal::CatalogRow::Of::kRelation;
  if (is_relation && is_heap_of_rewrite(row) && !std::ranges::any_of(dropped, may_be_replaced)) {
    const Id id{row.database, row.oid};
    relations_[id].name = row.name;
    relations_[id].schema = row.schema;
    rewrite_of_.erase(id);
    rows_.erase(file_of(row));
  }
  see(row);
}

void RelationNames::see(const wal::CatalogRow& row) {
  ++version_;
  using Of = wal::CatalogRow::Of;
  if (row.of == Of::kDatabase) {
    const auto known = databases_.find(row.oid);
    databases_[row.oid] = text_of(row, known == databases_.end() ? nullptr : &known->second);
    return;
  }
  if (row.of == Of::kSchema) {
    const Id id{row.database, row.oid};
    const auto known = schemas_.find(id);
    schemas_[id] = text_of(row, known == schemas_.end() ? nullptr : &known->second);
    return;
  }
  see_file(row);
  if (is_heap_of_rewrite(row)) return;
  const auto [found, is_new] = relations_.try_emplace({row.database, row.oid});
  Relation& relation = found->second;
  const std::pair before(relation.schema, relation.name);
  relation.oid = row.oid;
  relation.schema = row.schema;
  relation.name = text_of(row, is_new ? nullptr : &before.second);
  if (row.kind != 0) relation.kind = row.kind;
  if (relation.kind == 0) relation.kind = kind_by_name(relation.schema, relation.name);
  if (!is_new) relation.call(before.first, before.second);
  std::erase(relation.also, std::pair(relation.schema, relation.name));
}

void RelationNames::moved(pg::Oid database, pg::Oid to_tablespace) {
  ++version_;
  std::vector<pg::Oid> tablespaces = tablespaces_of(database, default_tablespaces_);
  std::erase(tablespaces, to_tablespace);
  tablespaces.insert(tablespaces.begin(), to_tablespace);
  default_tablespaces_[database] = std::move(tablespaces);
}

void RelationNames::rewritten(const wal::RelationLocator& from, const wal::RelationLocator& to) {
  ++version_;
  rewrites_[from].push_back(to);
  rewrites_[to].push_back(from);
}

const RelationNames::Relation* RelationNames::relation_of(const wal::RelationLocator& file) const {
  // Before or after any number of rewrites it is the same relation.
  std::set<wal::RelationLocator> seen{file};
  std::vector<wal::RelationLocator> next{file};
  const std::vector<pg::Oid> defaults = tablespaces_of(file.database, default_tablespaces_);
  const bool in_default = std::ranges::find(defaults, file.tablespace) != defaults.end();
  for (const pg::Oid other : defaults) {
    const wal::RelationLocator there{other, file.database, file.number};
    if (in_default && seen.insert(there).second) next.insert(next.begin(), there);
  }
  while (!next.empty()) {
    const wal::RelationLocator at = next.back();
    next.pop_back();
    if (const auto oid = files_.find(at); oid != files_.end()) {
      const auto relation = relations_.find({at.database, oid->second});
      if (relation != relations_.end()) return &relation->second;
    }
    const auto others = rewrites_.find(at);
    if (others == rewrites_.end()) continue;
    for (const wal::RelationLocator& other : others->second) {
      if (seen.insert(other).second) next.push_back(other);
    }
  }
  // A relation's first file has its oid for a number, and no other relation can have that one while
  // it is there: what is known of it only since it was rewritten names that file, too.
  if (!in_default) return nullptr;
  const auto same_number = relations_.find({file.database, file.number});
  return same_number == relations_.end() ? nullptr : &same_number->second;
}

const RelationNames::Relation* RelationNames::table_of_toast(pg::Oid database,
                                                             const Relation& toast) const {
  std::string_view name = toast.name;
  if (toast.kind == 'i' && toast.schema == kToastSchema && name.ends_with(kToastIndex)) {
    name.remove_suffix(kToastIndex.size());
  } else if (toast.kind != 't') {
    return nullptr;
  }
  std::optional<pg::Oid> oid = number_after("pg_toast_", name);
  if (!oid) return nullptr;
  // That of a rewrite's heap takes the place of the table's.
  const auto rewritten = rewrite_of_.find({database, *oid});
  if (rewritten != rewrite_of_.end()) oid = rewritten->second;
  const auto table = relations_.find({database, *oid});
  return table == relations_.end() ? nullptr : &table->second;
}

std::optional<RelationName> RelationNames::of(const wal::RelationLocator& file) const {
  const Relation* relation = relation_of(file);
  if (relation == nullptr) return std::nullopt;
  // Its table is what people know; of one that nobody knows its own name says enough.
  const Relation* table = table_of_toast(file.database, *relation);
  RelationName name = named(file.database, table == nullptr ? *relation : *table);
  name.kind = relation->kind;
  name.own_oid = relation->oid;
  if (table != nullptr || relation->kind == 't') name.rows = -1;
  return name;
}

void RelationNames::add_catalogs(const std::vector<wal::MovedCatalog>& moved) {
  for (const wal::MovedCatalog& each : moved) {
    if (moved_catalogs_.try_emplace({each.database, each.file}, each.relation).second) ++version_;
  }
}

pg::Oid RelationNames::catalog_in(const wal::RelationLocator& file) const {
  if (file.number < pg::kFirstUserOid) return file.number;
  const auto moved = moved_catalogs_.find({file.database, file.number});
  return moved == moved_catalogs_.end() ? 0 : moved->second;
}

RelationNames::Nature RelationNames::nature_of(const wal::RelationLocator& file) const {
  // The catalog's own files have other numbers, too, once somebody rewrote them: in the map, or in
  // rows of pg_class.
  if (catalog_in(file) != 0) return Nature::kCatalog;
  const Relation* relation = relation_of(file);
  const auto said = files_.find(file);
  const pg::Oid oid = relation != nullptr ? relation->oid : said != files_.end() ? said->second : 0;
  if (oid != 0 && oid < pg::kFirstUserOid) return Nature::kCatalog;
  return relation != nullptr && relation->kind == 't' ? Nature::kToast : Nature::kOther;
}

RelationName RelationNames::named(pg::Oid in, const Relation& relation) const {
  RelationName name;
  name.oid = name.own_oid = relation.oid;
  name.database = database(in);
  name.schema = schema({in, relation.schema});
  name.name = relation.name;
  name.kind = relation.kind;
  name.rows = relation.rows;
  name.rows_at = relation.rows_at;
  name.system = relation.oid < pg::kFirstUserOid || is_system_schema(name.schema);
  for (const auto& [other_schema, other_name] : relation.also) {
    name.also.push_back({schema({in, other_schema}), other_name});
  }
  constexpr size_t kDeepest = 32;  // damaged names may name each other
  for (pg::Oid parent = relation.partition_of;
       parent != 0 && name.partition_of.size() < kDeepest;) {
    const auto found = relations_.find({in, parent});
    if (found == relations_.end()) break;
    name.partition_of.push_back({schema({in, found->second.schema}), found->second.name});
    parent = found->second.partition_of;
  }
  return name;
}

std::string RelationNames::schema(Id id) const {
  const auto found = schemas_.find(id);
  if (found != schemas_.end()) return found->second;
  if (const auto name = schema_of_initdb(id.second)) return std::string(*name);
  return fmt::format("schema {}", id.second);
}

std::string RelationNames::database(pg::Oid oid) const {
  const auto found = databases_.find(oid);
  return found == databases_.end() ? fmt::format("database {}", oid) : found->second;
}

bool RelationNames::has_database(std::string_view name) const {
  return std::ranges::any_of(databases_, [&](const auto& known) { return known.second == name; });
}

bool RelationNames::any(const std::function<bool(const RelationName&)>& is_meant) const {
  return std::ranges::any_of(relations_, [&](const auto& known) {
    return is_meant(named(known.first.first, known.second));
  });
}

std::optional<RelationNames::Row> RelationNames::row_of(const wal::RelationLocator& file) const {
  const auto found = rows_.find(file);
  if (found == rows_.end()) return std::nullopt;
  return found->second;
}

}  // namespace walkback::find
