// What `--table` means: "payments", "public.payments", "shop.public.payments" or "shop.payments".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "find/relation_names.h"

namespace walkback::find {

// The parts of a name as SQL writes it, none of them empty; kInvalid where it is none.
Result<std::vector<std::string>> parse_name(std::string_view text);

// Parts as in SQL: folded to small letters unless in double quotes, in which "" is one. One to
// three of them; kInvalid otherwise.
class TablePattern {
 public:
  static Result<TablePattern> parse(std::string_view text);

  // Two parts are a schema and a table; where no such table is known, a database and one that has
  // its name in one schema alone. kInvalid, with the schemas, where it has it in several.
  Result<void> resolve(const RelationNames& names);
  // By the name that the table had or has at any time, or by that of a partitioned table which it
  // is a partition of.
  bool matches(const RelationName& name) const;
  // The table that was meant, perhaps, where nothing matches: the one whose own name is nearest.
  std::optional<RelationName> nearest(const RelationNames& names) const;

 private:
  explicit TablePattern(std::vector<std::string> parts) : parts_(std::move(parts)) {}
  bool is_called(const RelationName& name, const SchemaAndName& called) const;

  std::vector<std::string> parts_;
  bool is_database_and_table_ = false;  // of two parts
};

}  // namespace walkback::find
