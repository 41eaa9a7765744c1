#include "catalog/wal_chain.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::catalog {

Result<const std::vector<StoredSegment>*> SegmentLists::of(pg::TimelineId timeline) {
  auto found = lists_.find(timeline);
  if (found == lists_.end()) {
    std::vector<StoredSegment> segments = TRY(archive_.segments(timeline));
    found = lists_.emplace(timeline, std::move(segments)).first;
  }
  return &found->second;
}

Result<WalChain> WalChain::load(SegmentLists& lists, pg::TimelineId timeline) {
  const uint32_t segment_bytes = lists.archive().segment_bytes();
  WalChain chain(TRY(lists.archive().history(timeline)), segment_bytes);
  // Oldest first, so that a child's file takes the place of its parent's.
  auto add = [&](pg::TimelineId member) -> Result<void> {
    const uint64_t first = chain.number_of(*chain.history_.begin_of(member));
    const pg::Lsn left = chain.history_.end_of(member).value_or(pg::Lsn{UINT64_MAX});
    for (const StoredSegment& stored : *TRY(lists.of(member))) {
      const uint64_t number = stored.name.number;
      // Before it left its parent a timeline has no WAL of its own; after its child left, its WAL
      // is not ours.
      if (number < first || stored.name.start(segment_bytes) >= left) continue;
      const pg::Lsn end = pg::SegmentName{member, number + 1}.start(segment_bytes);
      chain.links_[number] = {member, stored.stored_bytes, stored.has_index,
                              stored.changes_settings, std::min(end, left)};
    }
    return success();
  };
  for (const pg::TimelineSwitch& step : chain.history_.switches()) TRY(add(step.parent));
  TRY(add(timeline));
  return chain;
}

bool WalChain::has_own_wal() const {
  return std::ranges::any_of(links_,
                             [&](const auto& link) { return link.second.timeline == timeline(); });
}

std::optional<WalChain::Link> WalChain::segment(uint64_t number) const {
  const auto found = links_.find(number);
  if (found == links_.end()) return std::nullopt;
  return found->second;
}

pg::Lsn WalChain::end_of_stretch(pg::Lsn from) const {
  for (auto link = links_.find(number_of(from)); link != links_.end(); ++link) {
    if (link->first != number_of(from) || link->second.end <= from) break;
    from = link->second.end;
  }
  return from;
}

std::optional<pg::Lsn> WalChain::next_present(pg::Lsn from) const {
  for (auto link = links_.lower_bound(number_of(from)); link != links_.end(); ++link) {
    if (link->second.end > from) {
      return std::max(from, pg::Lsn{link->first * segment_bytes_});
    }
  }
  return std::nullopt;
}

std::vector<WalChain::Stretch> WalChain::gaps() const {
  const std::vector<Stretch> there = stretches();
  std::vector<Stretch> gaps;
  for (size_t i = 1; i < there.size(); ++i) gaps.push_back({there[i - 1].end, there[i].begin});
  if (!there.empty() && there.back().end < begin()) gaps.push_back({there.back().end, begin()});
  return gaps;
}

std::vector<WalChain::Stretch> WalChain::stretches() const {
  std::vector<Stretch> stretches;
  for (const auto& [number, link] : links_) {
    const pg::Lsn begin{number * segment_bytes_};
    if (stretches.empty() || stretches.back().end != begin) stretches.push_back({begin, begin});
    stretches.back().end = link.end;
  }
  return stretches;
}

uint64_t WalChain::stored_bytes(pg::Lsn from, pg::Lsn end) const {
  uint64_t bytes = 0;
  for (auto link = links_.lower_bound(number_of(from));
       link != links_.end() && link->first * segment_bytes_ < end.value; ++link) {
    bytes += link->second.stored_bytes;
  }
  return bytes;
}

std::string WalChain::file_name(pg::Lsn lsn) const {
  // The newest that may hold it: after a promotion the parent's own file may never come.
  const uint64_t number = number_of(lsn);
  const pg::Lsn last_byte{(number + 1) * segment_bytes_ - 1};
  return pg::SegmentName{history_.timeline_of(last_byte), number}.text(segment_bytes_);
}

std::optional<pg::Lsn> parting_of(const pg::TimelineHistory& one,
                                  const pg::TimelineHistory& other) {
  pg::TimelineId shared{0};
  for (const pg::TimelineHistory* history : {&one, &other}) {
    const pg::TimelineHistory& against = history == &one ? other : one;
    auto look_at = [&](pg::TimelineId timeline) {
      if (against.contains(timeline)) shared = std::max(shared, timeline);
    };
    for (const pg::TimelineSwitch& step : history->switches()) look_at(step.parent);
    look_at(history->timeline());
  }
  if (shared.value == 0) return std::nullopt;
  const std::optional<pg::Lsn> left_by_one = one.end_of(shared);
  const std::optional<pg::Lsn> left_by_other = other.end_of(shared);
  if (!left_by_one) return left_by_other;
  if (!left_by_other) return left_by_one;
  return std::min(*left_by_one, *left_by_other);
}

Result<pg::TimelineId> choose_timeline(const std::vector<pg::TimelineId>& archived,
                                       std::optional<pg::TimelineId> wanted) {
  if (archived.empty()) {
    return make_error(ErrorKind::kInvalid, "there is no WAL in the repository",
                      "`walkback init` shows whether the server archives");
  }
  const pg::TimelineId chosen = wanted.value_or(archived.back());
  if (std::ranges::find(archived, chosen) != archived.end()) return chosen;
  std::vector<uint32_t> known;
  for (const pg::TimelineId timeline : archived) known.push_back(timeline.value);
  return make_error(ErrorKind::kInvalid,
                    fmt::format("timeline {} is not in the repository", chosen.value),
                    fmt::format("timelines there are: {}", fmt::join(known, ", ")));
}

}  // namespace walkback::catalog
