#include "find/live_rows.h"

#include <algorithm>

namespace walkback::find {

void LiveRows::pass(pg::Lsn lsn, const RelationNames& names) {
  const std::set<pg::Lsn>& all = names.looked_up_at();
  const auto first = seen_at_.empty() ? all.begin() : all.upper_bound(seen_at_.rbegin()->first);
  for (auto at = first; at != all.end() && *at <= lsn; ++at) seen_at_[*at] = seen_;
}

void LiveRows::create(const wal::RelationLocator& file, bool is_copy) {
  seen_.erase(file);  // of another file that had this number
  if (!is_copy) created_.insert(file);
}

void LiveRows::move(const wal::RelationLocator& from, const wal::RelationLocator& to) {
  const auto move = [&](Rows& rows) {
    const auto found = rows.find(from);
    if (found == rows.end()) {
      rows.erase(to);
    } else {
      rows[to] = found->second;
    }
  };
  move(seen_);
  for (auto& [at, rows] : seen_at_) move(rows);
  if (!created_.contains(from)) created_.erase(to);
}

int64_t LiveRows::of(const wal::RelationLocator& file, pg::Lsn lsn,
                     const RelationNames& names) const {
  const auto rows_in = [&](const Rows& rows) {
    const auto found = rows.find(file);
    return found == rows.end() ? int64_t{0} : found->second;
  };
  const int64_t seen = rows_in(seen_);
  if (created_.contains(file)) return std::max<int64_t>(0, seen);
  const std::optional<RelationName> name = names.of(file);
  if (name && name->rows >= 0 && name->rows_at <= lsn) {
    const auto then = seen_at_.find(name->rows_at);
    const int64_t before = then == seen_at_.end() ? 0 : rows_in(then->second);
    return std::max<int64_t>(0, name->rows + seen - before);
  }
  return seen > 0 ? seen : -1;
}

}  // namespace walkback::find
