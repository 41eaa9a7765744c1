// Which transactions are asked for, and what of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "find/relation_names.h"
#include "find/table_pattern.h"
#include "find/transactions.h"

namespace walkback::find {

enum class Kind { kDelete, kUpdate, kInsert, kTruncate, kDrop };
std::string_view kind_name(Kind kind);  // "delete", …
std::optional<Kind> parse_kind(std::string_view name);

class Filter {
 public:
  Filter(std::optional<TablePattern> table, std::optional<Kind> kind, uint64_t min_rows,
         const RelationNames& names)
      : table_(std::move(table)), kind_(kind), min_rows_(min_rows), names_(names) {}

  bool wants_all() const { return !table_ && !kind_ && min_rows_ == 0; }
  bool wants(const TouchedFiles& touched) const;
  // The rows of what is asked for: those of the table, deleted ones for `delete`. 0 for a
  // transaction that is not.
  uint64_t rows_shown(const TouchedFiles& touched) const;
  // The table that was asked for by name.
  bool names_table(const RelationName& name) const { return table_ && table_->matches(name); }

 private:
  struct Match {
    bool is_kind = false;
    bool is_table = false;
    bool rows_unknown = false;  // of something that is gone
    uint64_t rows = 0;          // changed, or gone
    uint64_t rows_of_kind = 0;
  };
  Match match(const TouchedFiles& touched) const;
  bool wants(const Match& match) const;
  void add(const TouchedFile& file, Match& match) const;
  bool had_table(pg::Oid database) const;

  const std::optional<TablePattern> table_;
  const std::optional<Kind> kind_;
  const uint64_t min_rows_;
  const RelationNames& names_;
};

}  // namespace walkback::find
