#include "find/filter.h"

#include <algorithm>
#include <array>

namespace walkback::find {

namespace {

constexpr std::array<std::pair<Kind, std::string_view>, 5> kKinds = {{
    {Kind::kDelete, "delete"},
    {Kind::kUpdate, "update"},
    {Kind::kInsert, "insert"},
    {Kind::kTruncate, "truncate"},
    {Kind::kDrop, "drop"},
}};

uint64_t positive(int64_t rows) { return rows > 0 ? static_cast<uint64_t>(rows) : 0; }

bool is_of_kind(const TouchedFile& file, Kind kind) {
  switch (kind) {
    case Kind::kDelete:
      return file.rows.deleted > 0;
    case Kind::kUpdate:
      return file.rows.updated > 0 || file.fate == FileFate::kAltered;
    case Kind::kInsert:
      return file.rows.inserted > 0;
    case Kind::kTruncate:
      return file.fate == FileFate::kTruncated;
    case Kind::kDrop:
      return file.fate == FileFate::kDropped;
  }
  return false;
}

uint64_t rows_gone(const TouchedFile& file) {
  return is_loss(file.fate) || file.fate == FileFate::kAltered ? positive(file.rows_gone) : 0;
}

uint64_t rows_of_kind(const TouchedFile& file, std::optional<Kind> kind) {
  if (!kind) {
    return positive(file.rows.inserted) + positive(file.rows.updated) +
           positive(file.rows.deleted) + rows_gone(file);
  }
  if (!is_of_kind(file, *kind)) return 0;
  switch (*kind) {
    case Kind::kDelete:
      return positive(file.rows.deleted);
    case Kind::kUpdate:
      return positive(file.rows.updated) + rows_gone(file);
    case Kind::kInsert:
      return positive(file.rows.inserted);
    case Kind::kTruncate:
    case Kind::kDrop:
      break;
  }
  return rows_gone(file);
}

}  // namespace

std::string_view kind_name(Kind kind) {
  for (const auto& [candidate, name] : kKinds) {
    if (candidate == kind) return name;
  }
  return "";
}

std::optional<Kind> parse_kind(std::string_view text) {
  for (const auto& [kind, name] : kKinds) {
    if (name == text) return kind;
  }
  return std::nullopt;
}

bool Filter::wants(const TouchedFiles& touched) const { return wants(match(touched)); }

uint64_t Filter::rows_shown(const TouchedFiles& touched) const {
  const Match found = match(touched);
  return wants(found) ? found.rows_of_kind : 0;
}

bool Filter::wants(const Match& match) const {
  const bool enough = match.rows_unknown || match.rows >= min_rows_;
  return match.is_table && match.is_kind && enough;
}

Filter::Match Filter::match(const TouchedFiles& touched) const {
  Match match;
  match.is_kind = !kind_;
  match.is_table = !table_;
  for (const TouchedFile& file : touched.files) add(file, match);
  for (const pg::Oid database : touched.databases_dropped) {
    if (table_ && !had_table(database)) continue;
    match.is_table = true;
    match.is_kind |= kind_ == Kind::kDrop;
    match.rows_unknown = true;
  }
  return match;
}

void Filter::add(const TouchedFile& file, Match& match) const {
  const std::optional<RelationName> name = names_.of(file.file);
  const bool asked_for = name && names_table(*name);
  if (table_ && !asked_for) return;
  // Indexes and TOAST tables go and come with their table, and are nothing that anybody lost.
  if (name && (!name->holds_rows() || (name->system && !asked_for))) return;
  if (!name && file.file.number < pg::kFirstUserOid) return;
  match.is_table = true;
  match.rows += rows_of_kind(file, std::nullopt);
  match.rows_of_kind += rows_of_kind(file, kind_);
  match.rows_unknown |= is_loss(file.fate) && file.rows_gone < 0;
  match.is_kind |= kind_ && is_of_kind(file, *kind_);
}

bool Filter::had_table(pg::Oid database) const {
  const std::string called = names_.database(database);
  return names_.any(
      [&](const RelationName& name) { return name.database == called && names_table(name); });
}

}  // namespace walkback::find
