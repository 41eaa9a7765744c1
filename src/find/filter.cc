#include "find/filter.h"

#include <algorithm>

namespace walkback::find {

namespace {

int64_t positive_rows(int64_t rows) { return std::max<int64_t>(rows, 0); }
uint64_t positive(int64_t rows) { return static_cast<uint64_t>(positive_rows(rows)); }

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

AskedFor all_of(const TouchedFile& file) {
  return {{positive_rows(file.rows.inserted), positive_rows(file.rows.updated),
           positive_rows(file.rows.deleted)},
          rows_gone(file)};
}

uint64_t sum(const AskedFor& asked_for) {
  return positive(asked_for.rows.inserted) + positive(asked_for.rows.updated) +
         positive(asked_for.rows.deleted) + asked_for.gone;
}

AskedFor of_kind(const TouchedFile& file, std::optional<Kind> kind) {
  const AskedFor all = all_of(file);
  if (!kind) return all;
  if (!is_of_kind(file, *kind)) return {};
  switch (*kind) {
    case Kind::kDelete:
      return {{.deleted = all.rows.deleted}, 0};
    case Kind::kUpdate:
      return {{.updated = all.rows.updated}, all.gone};
    case Kind::kInsert:
      return {{.inserted = all.rows.inserted}, 0};
    case Kind::kTruncate:
    case Kind::kDrop:
      break;
  }
  return {{}, all.gone};
}

}  // namespace

std::optional<AskedFor> Filter::asked_for(const TouchedFiles& touched) const {
  Match match;
  match.is_kind = !kind_;
  for (const TouchedFile& file : touched.files) add(file, match);
  for (const pg::Oid database : touched.databases_dropped) {
    if (table_ && !had_table(database)) continue;
    match.is_table = true;
    match.is_kind |= kind_ == Kind::kDrop;
    match.rows_unknown = true;
  }
  const bool enough = match.rows_unknown || match.rows >= min_rows_;
  if (!match.is_table || !match.is_kind || !enough) return std::nullopt;
  return match.of_kind;
}

void Filter::add(const TouchedFile& file, Match& match) const {
  const bool is_bare = file.fate == FileFate::kChanged && file.rows == wal::RowCounts{};
  if (is_bare || !is_shown(file.file)) return;
  match.is_table = true;
  match.rows += sum(all_of(file));
  match.of_kind += of_kind(file, kind_);
  match.rows_unknown |= is_loss(file.fate) && file.rows_gone < 0;
  match.is_kind |= kind_ && is_of_kind(file, *kind_);
}

bool Filter::is_shown(const wal::RelationLocator& file) const {
  if (shown_version_ != names_.version()) shown_.clear();
  shown_version_ = names_.version();
  const auto [known, is_new] = shown_.try_emplace(file);
  if (!is_new) return known->second;
  const std::optional<RelationName> name = names_.of(file);
  const bool asked_for = name && names_table(*name);
  bool& shown = known->second;
  if (!name) {
    shown = !table_ && file.number >= pg::kFirstUserOid;
  } else {
    // Indexes and TOAST tables go and come with their table, and are nothing that anybody lost.
    shown = name->holds_rows() && (asked_for || (!table_ && !name->system));
  }
  return shown;
}

bool Filter::had_table(pg::Oid database) const {
  const std::string called = names_.database(database);
  return names_.any(
      [&](const RelationName& name) { return name.database == called && names_table(name); });
}

}  // namespace walkback::find
