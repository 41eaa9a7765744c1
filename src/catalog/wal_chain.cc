#include "catalog/wal_chain.h"

namespace walkback::catalog {

Result<WalChain> WalChain::load(const WalArchive& archive, pg::TimelineId timeline) {
  WalChain chain(TRY(archive.history(timeline)), archive.segment_bytes());
  const uint32_t segment_bytes = archive.segment_bytes();
  // Oldest first, so that a child's file takes the place of its parent's.
  auto add = [&](pg::TimelineId member) -> Result<void> {
    const uint64_t begin =
        chain.history_.begin_of(member).value_or(pg::Lsn{}).value / segment_bytes;
    const std::optional<pg::Lsn> end = chain.history_.end_of(member);
    for (const StoredSegment& stored : TRY(archive.segments(member))) {
      const uint64_t number = stored.name.number;
      // Before it left its parent a timeline has no WAL of its own; after its child left, its WAL
      // is not ours.
      if (number < begin || (end && number * segment_bytes >= end->value)) continue;
      chain.links_[number] = {member, stored.stored_bytes};
    }
    return success();
  };
  for (const pg::TimelineSwitch& step : chain.history_.switches()) TRY(add(step.parent));
  TRY(add(timeline));
  return chain;
}

std::optional<WalChain::Link> WalChain::segment(uint64_t number) const {
  const auto found = links_.find(number);
  if (found == links_.end()) return std::nullopt;
  return found->second;
}

uint64_t WalChain::first_missing(uint64_t number) const {
  for (auto link = links_.find(number); link != links_.end() && link->first == number; ++link) {
    ++number;
  }
  return number;
}

std::optional<uint64_t> WalChain::first_present(uint64_t number) const {
  const auto found = links_.lower_bound(number);
  if (found == links_.end()) return std::nullopt;
  return found->first;
}

std::vector<std::pair<uint64_t, uint64_t>> WalChain::stretches() const {
  std::vector<std::pair<uint64_t, uint64_t>> stretches;
  for (const auto& [number, link] : links_) {
    if (stretches.empty() || stretches.back().second != number)
      stretches.push_back({number, number});
    ++stretches.back().second;
  }
  return stretches;
}

uint64_t WalChain::stored_bytes(uint64_t first, uint64_t end) const {
  uint64_t bytes = 0;
  for (auto link = links_.lower_bound(first); link != links_.end() && link->first < end; ++link) {
    bytes += link->second.stored_bytes;
  }
  return bytes;
}

}  // namespace walkback::catalog
