#include "find/table_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/closest.h"

namespace walkback::find {

namespace {

constexpr size_t kMostParts = 3;

Error not_a_table(std::string_view text, std::string_view why) {
  return make_error(ErrorKind::kInvalid, fmt::format("--table '{}': {}", text, why),
                    "payments, public.payments or shop.public.payments; a name with capital "
                    "letters or a dot in it stands in double quotes: 'public.\"Payments\"'");
}

char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The next part, taken from the front of `rest`; nothing where a quote is not closed.
std::optional<std::string> take_part(std::string_view& rest) {
  std::string part;
  bool quoted = false;
  while (!rest.empty() && (quoted || rest.front() != '.')) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c != '"') {
      part += quoted ? c : folded(c);
    } else if (quoted && rest.starts_with('"')) {
      part += c;
      rest.remove_prefix(1);
    } else {
      quoted = !quoted;
    }
  }
  if (quoted) return std::nullopt;
  return part;
}

}  // namespace

Result<std::vector<std::string>> parse_name(std::string_view text) {
  std::vector<std::string> parts;
  for (std::string_view rest = text;;) {
    std::optional<std::string> part = take_part(rest);
    if (!part) return not_a_table(text, "a double quote is not closed");
    if (part->empty()) return not_a_table(text, "a part of the name is empty");
    parts.push_back(*std::move(part));
    if (rest.empty()) return parts;
    rest.remove_prefix(1);
  }
}

Result<TablePattern> TablePattern::parse(std::string_view text) {
  std::vector<std::string> parts = TRY(parse_name(text));
  if (parts.size() > kMostParts) return not_a_table(text, "it has more than three parts");
  return TablePattern(std::move(parts));
}

bool TablePattern::is_called(const RelationName& name, const SchemaAndName& called) const {
  if (called.name != parts_.back()) return false;
  if (parts_.size() == 1) return true;
  if (parts_.size() == kMostParts) return called.schema == parts_[1] && name.database == parts_[0];
  return (is_database_and_table_ ? name.database : called.schema) == parts_[0];
}

bool TablePattern::matches(const RelationName& name) const {
  const auto called = [&](const SchemaAndName& each) { return is_called(name, each); };
  return called({name.schema, name.name}) || std::ranges::any_of(name.also, called) ||
         std::ranges::any_of(name.partition_of, called);
}

std::optional<RelationName> TablePattern::nearest(const RelationNames& names) const {
  std::map<std::string, RelationName> tables;
  names.any([&](const RelationName& name) {
    constexpr char kPartitionedTable = 'p';
    const bool is_table = name.holds_rows() || name.kind == kPartitionedTable;
    if (is_table && !name.system) tables.emplace(name.name, name);
    return false;
  });
  std::vector<std::string> known;
  for (const auto& [name, table] : tables) known.push_back(name);
  const std::optional<std::string> near = closest(parts_.back(), known);
  return near ? std::optional(tables.at(*near)) : std::nullopt;
}

Result<void> TablePattern::resolve(const RelationNames& names) {
  const auto is_meant = [&](const RelationName& name) { return matches(name); };
  if (parts_.size() != 2 || names.any(is_meant)) return success();
  std::set<std::string> schemas;
  names.any([&](const RelationName& name) {
    if (name.database != parts_[0]) return false;
    if (name.name == parts_[1]) schemas.insert(name.schema);
    for (const auto* others : {&name.also, &name.partition_of}) {
      for (const SchemaAndName& other : *others) {
        if (other.name == parts_[1]) schemas.insert(other.schema);
      }
    }
    return false;
  });
  // A table that only the WAL will name may be in any schema of a database that is known.
  is_database_and_table_ = !schemas.empty() || names.has_database(parts_[0]);
  if (schemas.size() < 2) return success();
  return make_error(
      ErrorKind::kInvalid,
      fmt::format("--table {}.{}: database {} has tables of this name in the schemas {}", parts_[0],
                  parts_[1], parts_[0], fmt::join(schemas, ", ")),
      "name the schema, too: shop.public.payments");
}

}  // namespace walkback::find
