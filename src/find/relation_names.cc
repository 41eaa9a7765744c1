#include "find/relation_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace walkback::find {

namespace {

constexpr pg::Oid kDefaultTablespace = 1663;  // pg_default
constexpr pg::Oid kGlobalTablespace = 1664;   // pg_global: shared catalogs, of database 0

// make_new_heap() in src/backend/commands/cluster.c: "pg_temp_16384" takes the place of 16384.
std::optional<pg::Oid> number_after(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  pg::Oid oid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), oid);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return oid;
}

// Schemas that every database has since initdb (src/include/catalog/pg_namespace.dat).
std::optional<std::string_view> schema_of_initdb(pg::Oid oid) {
  if (oid == 11) return "pg_catalog";
  if (oid == 99) return "pg_toast";
  if (oid == 2200) return "public";
  return std::nullopt;
}

bool is_system_schema(std::string_view schema) {
  return schema == "pg_catalog" || schema == "information_schema";
}

}  // namespace

void RelationNames::add(const catalog::Names& names, pg::Lsn at) {
  looked_up_at_.insert(at);
  for (const catalog::NamedDatabase& database : names.databases) {
    databases_.emplace(database.oid, database.name);
    default_tablespaces_.emplace(database.oid, database.tablespace);
    for (const catalog::NamedSchema& schema : database.schemas) {
      schemas_.emplace(Id{database.oid, schema.oid}, schema.name);
      for (const catalog::NamedRelation& relation : schema.relations) {
        const bool shared = relation.tablespace == kGlobalTablespace;
        const pg::Oid of = shared ? 0 : database.oid;
        relations_.emplace(Id{of, relation.oid}, Relation{relation.oid, schema.oid, relation.name,
                                                          relation.kind, relation.rows, at});
        files_.emplace(wal::RelationLocator{relation.tablespace, of, relation.file}, relation.oid);
      }
    }
  }
}

void RelationNames::see(const wal::CatalogRow& row) {
  using Of = wal::CatalogRow::Of;
  if (row.of == Of::kDatabase) {
    databases_[row.oid] = row.name;
    return;
  }
  if (row.of == Of::kSchema) {
    schemas_[{row.database, row.oid}] = row.name;
    return;
  }
  pg::Oid oid = row.oid;
  bool is_rewrite = false;
  if (const std::optional<pg::Oid> table = number_after("pg_temp_", row.name)) {
    oid = *table;
    is_rewrite = true;
  } else {
    Relation& relation = relations_[{row.database, row.oid}];
    relation = {row.oid, row.schema, row.name, row.kind, relation.rows, relation.rows_at};
  }
  if (row.file == 0) return;
  pg::Oid tablespace = row.tablespace;
  if (tablespace == 0) {
    const auto found = default_tablespaces_.find(row.database);
    tablespace = found == default_tablespaces_.end() ? kDefaultTablespace : found->second;
  }
  const wal::RelationLocator file{tablespace, row.database, row.file};
  files_[file] = oid;
  Row& seen = rows_[file];
  // The files are swapped in the end: then the row of the table itself names the new one.
  seen = {oid, is_rewrite || seen.is_rewrite};
}

void RelationNames::rewritten(const wal::RelationLocator& from, const wal::RelationLocator& to) {
  rewrites_[from].push_back(to);
  rewrites_[to].push_back(from);
}

const RelationNames::Relation* RelationNames::relation_of(const wal::RelationLocator& file) const {
  // Before or after any number of rewrites it is the same relation.
  std::set<wal::RelationLocator> seen{file};
  std::vector<wal::RelationLocator> next{file};
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
  return nullptr;
}

std::optional<RelationName> RelationNames::of(const wal::RelationLocator& file) const {
  const Relation* relation = relation_of(file);
  if (relation == nullptr) return std::nullopt;
  RelationName name;
  name.database = database(file.database);
  name.kind = relation->kind;
  name.own_oid = relation->oid;
  const bool is_toast = relation->kind == 't';
  if (const auto owner = is_toast ? number_after("pg_toast_", relation->name) : std::nullopt) {
    // Its table is what people know; of one that nobody knows its own name says enough.
    const auto table = relations_.find({file.database, *owner});
    if (table != relations_.end()) relation = &table->second;
  }
  name.schema = schema({file.database, relation->schema});
  name.oid = relation->oid;
  name.name = relation->name;
  name.rows = is_toast ? -1 : relation->rows;
  name.rows_at = relation->rows_at;
  name.system = relation->oid < pg::kFirstUserOid || is_system_schema(name.schema);
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

bool RelationNames::any(const std::function<bool(const RelationName&)>& is_meant) const {
  return std::ranges::any_of(relations_, [&](const auto& known) {
    const auto& [id, relation] = known;
    RelationName name;
    name.database = database(id.first);
    name.schema = schema({id.first, relation.schema});
    name.name = relation.name;
    return is_meant(name);
  });
}

std::optional<RelationNames::Row> RelationNames::row_of(const wal::RelationLocator& file) const {
  const auto found = rows_.find(file);
  if (found == rows_.end()) return std::nullopt;
  return found->second;
}

}  // namespace walkback::find
