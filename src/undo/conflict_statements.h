// SQL that says of each row that is to come back what is to be done with it, and what stands
// against it: the table undo_N, from undo_N_was and undo_N_now (script.h). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "undo/on_conflict.h"
#include "undo/undo_table.h"

namespace walkback::undo {

// Of a row of undo_N, `o`: what it is about leaves, for it is removed or set back as a new one.
inline constexpr std::string_view kLeaves = "(o.undo_does = 'remove' OR o.undo_anew)";
// And of one, `u`: it comes.
inline constexpr std::string_view kComes = "(u.undo_does = 'insert' OR u.undo_anew)";

// In their order; of all of the script's tables. `locks` as in Script::find_conflicts().
std::vector<std::string> conflict_statements(const std::vector<UndoTable>& tables, OnConflict mode,
                                             bool locks);

}  // namespace walkback::undo
