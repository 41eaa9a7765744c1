// Whether rows of a table as it was belong into the table that it is today. Pure.
#pragma once

#include <string>
#include <vector>

#include "undo/table_shape.h"

namespace walkback::undo {

// Empty where rows of `then` can be given back to `today`.
std::string why_unlike(const TableShape& then, const TableShape& today);

// What is otherwise by now and does not keep them out: another name, columns that came or went.
std::vector<std::string> differences(const TableShape& then, const TableShape& today);
// The same, said of values that are not compared.
std::vector<std::string> uncompared(const TableShape& then, const TableShape& today);

}  // namespace walkback::undo
