// Whether a transaction can be undone, and which of its tables: decided from what the WAL indexes
// say of it, before anything is fetched or started. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "find/find.h"
#include "find/table_pattern.h"

namespace walkback::undo {

// A table that stays as it is, and why.
struct LeftOut {
  std::string table;
  std::string why;
  bool operator==(const LeftOut&) const = default;
};

struct Choice {
  const find::FoundWork* work = nullptr;  // of the report
  pg::Oid database = 0;
  std::string database_name;
  std::vector<const find::FoundTable*> tables;
  std::vector<const find::FoundTable*> dropped;  // materialized views, too
  std::vector<LeftOut> left_out;
  std::vector<std::string> notes;
};

// `report` is what run_find() found of transaction `xid`. `only`, unless it is empty, are the
// tables that are wanted. kMissing when there is no such transaction, kInvalid when nothing of it
// can be given back: rolled back, not ended, older than every backup, behind a gap, or it changed
// no row.
Result<Choice> choose(const find::FindReport& report, uint64_t xid,
                      const std::vector<find::TablePattern>& only);

// For whom undo gives nothing back: a hint.
std::string how_to_recover(uint64_t xid);

// Whether undo gives back anything of it, as far as the WAL tells.
bool can_give_back(const find::FoundWork& work);

// "public.payments"; "file 1663/5/16384" of one that nobody can name.
std::string name_of(const find::FoundTable& table);

}  // namespace walkback::undo
