// What fires although undo's sessions are a replica's: triggers and rules that are ENABLE ALWAYS or
// ENABLE REPLICA.
#pragma once

#include <string>
#include <vector>

#include "undo/table_shape.h"

namespace walkback::undo {

// Commands that change rows of one table.
struct Commands {
  bool inserts = false, updates = false, deletes = false;
};

// Those of `table` that fire when these are run: "trigger audit (ENABLE ALWAYS) on INSERT".
std::vector<std::string> fired_by(const TableShape& table, Commands commands);
// For any command: each line "public.t: trigger audit (ENABLE ALWAYS) on INSERT and DELETE".
std::vector<std::string> all_that_fires(const TableShape& table);

}  // namespace walkback::undo
