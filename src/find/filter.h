// Which transactions are asked for, and what of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "find/kind.h"
#include "find/relation_names.h"
#include "find/table_pattern.h"
#include "find/transactions.h"

namespace walkback::find {

class Filter {
 public:
  Filter(std::optional<TablePattern> table, std::optional<Kind> kind, uint64_t min_rows,
         const RelationNames& names)
      : table_(std::move(table)), kind_(kind), min_rows_(min_rows), names_(names) {}

  // Nothing for a transaction that is not asked for, or did nothing that is shown. Of one that is:
  // the rows of the table, deleted ones for `delete`.
  std::optional<AskedFor> asked_for(const TouchedFiles& touched) const;
  // It asks for no table, no kind and no rows.
  bool takes_all() const { return !table_ && !kind_ && min_rows_ == 0; }
  // The table that was asked for by name.
  bool names_table(const RelationName& name) const { return table_ && table_->matches(name); }
  std::optional<RelationName> nearest_table() const {
    return table_ ? table_->nearest(names_) : std::nullopt;
  }

 private:
  struct Match {
    bool is_kind = false;
    bool is_table = false;      // something that is shown, and that was asked for
    bool rows_unknown = false;  // of something that is gone
    uint64_t rows = 0;          // changed, or gone
    AskedFor of_kind;
  };
  void add(const TouchedFile& file, Match& match) const;
  bool is_shown(const wal::RelationLocator& file) const;
  bool had_table(pg::Oid database) const;

  const std::optional<TablePattern> table_;
  const std::optional<Kind> kind_;
  const uint64_t min_rows_;
  const RelationNames& names_;
  // Names are costly to put together, and millions of transactions touch few files.
  mutable std::map<wal::RelationLocator, bool> shown_;
  mutable uint64_t shown_version_ = 0;  // of the names
};

}  // namespace walkback::find
