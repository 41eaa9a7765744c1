#include "find/window_segments.h"

#include <algorithm>
#include <chrono>

#include "wal/timed_event.h"

namespace walkback::find {

using catalog::KnownSegment;
using catalog::WalChain;

namespace {

// Commit times are not in the order of the log, and clocks are set: so far around the window is
// read too.
constexpr std::chrono::microseconds kClockMargin = std::chrono::hours(1);
// Below that many segments it is not worth asking which of them lie in the window.
constexpr uint64_t kFewSegments = 64;
// A snapshot of what runs is written every 15 seconds while there is anything to write.
constexpr uint64_t kSegmentsToSnapshot = 8;
// Of an archive whose ends are idle, it is not worth reading more to find a time.
constexpr uint64_t kSegmentsToTime = 64;

}  // namespace

Result<KnownSegment> WindowSegments::segment(uint64_t number) const {
  return catalog::read_summary(archive_, chain_, number);
}

WindowSegments::Times WindowSegments::times_of(const KnownSegment& known) {
  Times times;
  if (!known.summary || known.summary->plain_ends.empty()) return times;
  times.first = pg::from_pg_timestamp(known.summary->plain_ends.front().pg_time);
  times.last = pg::from_pg_timestamp(known.summary->plain_ends.back().pg_time);
  return times;
}

// The first of [low, high) in which, or from which on, `reached` says that a time is reached;
// `high` when none is.
template <typename Reached>
Result<uint64_t> WindowSegments::first_reached(uint64_t low, uint64_t high, Reached reached) const {
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    uint64_t at = middle;
    Times times;
    for (; at < high; ++at) {
      times = times_of(TRY(segment(at)));
      if (times.last) break;
    }
    if (at == high || reached(times)) {
      high = middle;
    } else {
      low = at + 1;
    }
  }
  return low;
}

Result<SegmentRange> WindowSegments::range_in(const WalChain::Stretch& stretch,
                                              Timestamp wanted_since,
                                              Timestamp wanted_until) const {
  const uint64_t segment_bytes = archive_.segment_bytes();
  const uint64_t first = stretch.begin.value / segment_bytes;
  const uint64_t past = (stretch.end.value + segment_bytes - 1) / segment_bytes;
  SegmentRange range{first, past - 1, true, true};
  if (past - first <= kFewSegments) return range;
  const Timestamp since = wanted_since + -kClockMargin, until = wanted_until + kClockMargin;
  range.first =
      TRY(first_reached(first, past, [&](const Times& times) { return *times.last >= since; }));
  const uint64_t after = TRY(
      first_reached(range.first, past, [&](const Times& times) { return *times.first > until; }));
  range.last = after - 1;
  if (range.first < past) range.first = TRY(before_what_runs(first, range.first, past));
  // One more: its last end is when the first of these began.
  if (range.first > first) --range.first;
  range.begins_stretch = range.first == first;
  range.ends_stretch = after == past;
  return range;
}

// Where whatever runs in segment `begin` began to write, or earlier.
Result<uint64_t> WindowSegments::before_what_runs(uint64_t first, uint64_t begin,
                                                  uint64_t past) const {
  std::optional<pg::Xid> oldest;
  for (uint64_t n = begin; n < std::min(past, begin + kSegmentsToSnapshot) && !oldest; ++n) {
    oldest = oldest_running(TRY(segment(n)));
  }
  if (!oldest) return begin;
  while (begin > first) {
    const KnownSegment known = TRY(segment(begin - 1));
    if (known.summary && !known.summary->transactions.empty() &&
        std::ranges::all_of(known.summary->transactions, [&](const wal::TransactionWork& work) {
          return static_cast<int32_t>(work.xid - *oldest) < 0;
        })) {
      break;
    }
    --begin;
  }
  return begin;
}

std::optional<pg::Xid> WindowSegments::oldest_running(const KnownSegment& known) const {
  if (!known.summary) return std::nullopt;
  wal::TimedEvents events(archive_.lineage().major);
  for (const wal::KeptRecord& kept : known.summary->kept) {
    const auto event = events.of(wal::record_of(kept));
    if (!event.ok() || !*event) continue;
    const auto* running = std::get_if<wal::RunningTransactions>(&(*event)->what);
    if (running != nullptr) return running->oldest_running_xid;
  }
  return std::nullopt;
}

Result<WindowSegments::Times> WindowSegments::times_of_all() const {
  Times all;
  const std::vector<WalChain::Stretch> stretches = chain_.stretches();
  if (stretches.empty()) return all;
  const uint64_t segment_bytes = archive_.segment_bytes();
  const auto past = [&](const WalChain::Stretch& stretch) {
    return (stretch.end.value + segment_bytes - 1) / segment_bytes;
  };
  const uint64_t first = stretches.front().begin.value / segment_bytes;
  const uint64_t first_past = std::min(past(stretches.front()), first + kSegmentsToTime);
  for (uint64_t n = first; n < first_past && !all.first; ++n) {
    all.first = times_of(TRY(segment(n))).first;
  }
  const uint64_t begin = stretches.back().begin.value / segment_bytes;
  const uint64_t end = past(stretches.back());
  for (uint64_t n = end; n > begin && end - n < kSegmentsToTime && !all.last; --n) {
    all.last = times_of(TRY(segment(n - 1))).last;
  }
  return all;
}

}  // namespace walkback::find
