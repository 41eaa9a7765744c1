#include "find/heaviest.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace walkback::find {

namespace {

void add(FoundTransaction& to, const FoundTransaction& other) {
  to.savepoints += other.savepoints;
  to.may_be_more |= other.may_be_more;
  if (other.began_at)
    to.began_at = std::min(to.began_at.value_or(*other.began_at), *other.began_at);
  if (to.may_be_more) to.began_at.reset();
  if (other.ended_at)
    to.ended_at = std::max(to.ended_at.value_or(*other.ended_at), *other.ended_at);
  to.lsn = std::max(to.lsn, other.lsn);
  for (const TouchedFile& file : other.files) {
    const auto same = std::ranges::find(to.files, file.file, &TouchedFile::file);
    if (same == to.files.end()) {
      to.files.push_back(file);
    } else {
      same->rows += file.rows;
    }
  }
}

}  // namespace

void Heaviest::keep(FoundTransaction found, const Weight& weight) {
  if (found.savepoints_of) {
    const auto group = std::ranges::find_if(kept_, [&](const Kept& kept) {
      return kept.transaction.savepoints_of == found.savepoints_of;
    });
    if (group != kept_.end()) {
      add(group->transaction, found);
      group->weight.taken += weight.taken;
      group->weight.added += weight.added;
      std::ranges::make_heap(kept_, is_heavier);
      return;
    }
  }
  kept_.push_back({weight, std::move(found)});
  std::ranges::push_heap(kept_, is_heavier);
  if (kept_.size() <= most_) return;
  std::ranges::pop_heap(kept_, is_heavier);
  kept_.pop_back();
}

void Heaviest::put_savepoints_together(uint64_t top, const std::set<pg::Xid>& savepoints) {
  std::vector<Kept> theirs;
  std::erase_if(kept_, [&](Kept& kept) {
    const FoundTransaction& transaction = kept.transaction;
    const bool is_theirs = transaction.outcome == Outcome::kRolledBack &&
                           !transaction.savepoints_of &&
                           savepoints.contains(static_cast<pg::Xid>(transaction.xid));
    if (is_theirs) theirs.push_back(std::move(kept));
    return is_theirs;
  });
  if (theirs.empty()) return;
  std::ranges::make_heap(kept_, is_heavier);
  for (Kept& kept : theirs) {
    kept.transaction.savepoints_of = top;
    kept.transaction.savepoints = 1;
    keep(std::move(kept.transaction), kept.weight);
  }
}

std::vector<FoundTransaction> Heaviest::take_all() {
  std::ranges::sort(kept_, [](const Kept& a, const Kept& b) {
    return std::tie(b.weight, a.transaction.lsn) < std::tie(a.weight, b.transaction.lsn);
  });
  std::vector<FoundTransaction> found;
  for (Kept& kept : kept_) found.push_back(std::move(kept.transaction));
  kept_.clear();
  return found;
}

}  // namespace walkback::find
