#include "undo/table_likeness.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::undo {

namespace {

// The column that had another name then.
std::string renamed_column(const TableShape& then, const TableShape& today) {
  if (then.name.oid != today.name.oid) return "";
  for (const Column& column : then.columns) {
    const auto now = std::ranges::find(today.columns, column.number, &Column::number);
    if (now != today.columns.end() && now->name != column.name) {
      return fmt::format("its column {} is called {} since: undo tells columns by their names",
                         column.name, now->name);
    }
  }
  return "";
}

std::vector<std::string> names(const TableShape& then, const TableShape& today) {
  if (then.name.oid != today.name.oid) {
    return {fmt::format("{} was dropped since and made again", today.name.quoted)};
  }
  if (then.name.quoted == today.name.quoted) return {};
  return {fmt::format("{} is {} now", then.name.quoted, today.name.quoted)};
}

// "column v is bigint now and was integer".
std::string typed_otherwise(const Column& then, const Column& today) {
  return then.type == today.type
             ? fmt::format("column {} is of the type {}, which was altered since", today.name,
                           today.type)
             : fmt::format("column {} is {} now and was {}", today.name, today.type, then.type);
}

// `say` is asked of each column that is otherwise: nullptr where there was none, or is none.
template <typename Say>
std::vector<std::string> notes_of(const TableShape& then, const TableShape& today, Say say) {
  std::vector<std::string> notes = names(then, today);
  for (const Column& column : then.columns) {
    const Column* now = today.column(column.name);
    if (now == nullptr || !now->is_typed_as(column)) notes.push_back(say(&column, now));
  }
  for (const Column& column : today.columns) {
    if (then.column(column.name) == nullptr) notes.push_back(say(nullptr, &column));
  }
  return notes;
}

}  // namespace

std::string why_unlike(const TableShape& then, const TableShape& today) {
  if (today.name.partitioned && !then.name.partitioned) return "it is partitioned by now";
  if (!today.deferrable.empty()) {
    return fmt::format(
        "PostgreSQL checks its DEFERRABLE constraint {} by triggers, which do not fire for undo",
        today.deferrable.front());
  }
  if (std::string renamed = renamed_column(then, today); !renamed.empty()) return renamed;
  const auto common =
      static_cast<size_t>(std::ranges::count_if(then.columns, [&](const Column& column) {
        const Column* now = today.column(column.name);
        return now != nullptr && now->is_typed_as(column);
      }));
  const bool is_same = then.name.oid == today.name.oid;
  if (!is_same && common < then.columns.size()) {
    return "it was dropped since and made again with other columns";
  }
  if (common == 0) return "it has none of its columns any more";
  if (today.column("undo_row") != nullptr || today.column("undo_is") != nullptr) {
    return "it has a column undo_row or undo_is, which undo needs for itself";
  }
  return "";
}

std::vector<std::string> differences(const TableShape& then, const TableShape& today) {
  const std::string& name = today.name.quoted;
  return notes_of(then, today, [&](const Column* was, const Column* now) {
    if (now == nullptr) {
      return fmt::format("{}: column {} was dropped since, and its values do not come back", name,
                         was->name);
    }
    if (was == nullptr) {
      return fmt::format("{}: column {} is new: rows that come back get its default", name,
                         now->name);
    }
    return fmt::format("{}: {}: it is left as it is, or gets its default", name,
                       typed_otherwise(*was, *now));
  });
}

std::vector<std::string> uncompared(const TableShape& then, const TableShape& today) {
  return notes_of(then, today, [](const Column* was, const Column* now) {
    if (now == nullptr) {
      return fmt::format("column {} is not compared: there is none today", was->name);
    }
    if (was == nullptr) {
      return fmt::format("column {} is not compared: there was none then", now->name);
    }
    return fmt::format("not compared: {}", typed_otherwise(*was, *now));
  });
}

}  // namespace walkback::undo
