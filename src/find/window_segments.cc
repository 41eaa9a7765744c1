#include "find/window_segments.h"

#include <algorithm>
#include <chrono>
#include <tuple>

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
// Of an archive whose ends are idle, it is not worth reading more to find a time.
constexpr uint64_t kSegmentsToTime = 64;

// Of xids in use at one time, which span less than half of the range.
bool is_before(pg::Xid a, pg::Xid b) { return static_cast<int32_t>(a - b) < 0; }

}  // namespace

WindowSegments::Bounds WindowSegments::bounds_of(const WalChain::Stretch& stretch) const {
  const uint64_t segment_bytes = archive_.segment_bytes();
  return {stretch.begin.value / segment_bytes,
          (stretch.end.value + segment_bytes - 1) / segment_bytes};
}

Result<KnownSegment> WindowSegments::segment(uint64_t number) const {
  return catalog::read_summary(archive_, chain_, number);
}

// What counts of the kept records; one that cannot be read is passed over, and said when the
// segment is read for what it holds.
template <typename Visit>
void WindowSegments::visit_kept(const KnownSegment& known, Visit visit) const {
  if (!known.summary) return;
  wal::TimedEvents events(archive_.lineage().major);
  for (const wal::KeptRecord& kept : known.summary->kept) {
    if (kept.start >= known.end) break;
    const auto event = events.of(wal::record_of(kept));
    if (event.ok() && *event) visit(**event);
  }
}

// Of all ends: a commit with subtransactions, of DDL, of what was prepared, or one that waits for
// a standby's replay is no plain one, and whole segments hold no other.
WindowSegments::Times WindowSegments::times_of(const KnownSegment& known) const {
  Times times;
  if (!known.summary) return times;
  pg::Lsn first_at, last_at;
  const auto add = [&](pg::Lsn at, Timestamp time) {
    if (!times.first || at < first_at) std::tie(first_at, times.first) = std::tuple(at, time);
    if (!times.last || at > last_at) std::tie(last_at, times.last) = std::tuple(at, time);
    times.earliest = std::min(times.earliest.value_or(time), time);
    times.latest = std::max(times.latest.value_or(time), time);
  };
  for (const wal::PlainEnd& end : known.summary->plain_ends) {
    if (end.start < known.end) add(end.start, pg::from_pg_timestamp(end.pg_time));
  }
  visit_kept(known, [&](const wal::TimedEvent& event) {
    const auto* ended = std::get_if<wal::TransactionEnd>(&event.what);
    if (ended != nullptr) add(event.start, ended->time);
  });
  return times;
}

// A segment without times may lie on either side of any moment: it is left out only where one with
// times on its far side of the window says that it lies outside, too.

// The first of [low, high) that is not known to lie before `since`.
Result<uint64_t> WindowSegments::first_that_reaches(uint64_t low, uint64_t high,
                                                    Timestamp since) const {
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    uint64_t at = middle;
    Times times;
    for (; at < high && !times.latest; ++at) times = times_of(TRY(segment(at)));
    if (times.latest && *times.latest < since) {
      low = at;
    } else {
      high = middle;
    }
  }
  return low;
}

// The first of [low, high) that is known to lie after `until`, with all behind it; `high` when
// none is.
Result<uint64_t> WindowSegments::first_wholly_after(uint64_t low, uint64_t high,
                                                    Timestamp until) const {
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    uint64_t past = middle + 1;
    Times times;
    for (; past > low && !times.earliest; --past) times = times_of(TRY(segment(past - 1)));
    if (times.earliest && *times.earliest > until) {
      high = past;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

Result<SegmentRange> WindowSegments::range_in(const WalChain::Stretch& stretch,
                                              Timestamp wanted_since,
                                              Timestamp wanted_until) const {
  const auto [first, past] = bounds_of(stretch);
  SegmentRange range{first, past - 1, true, past - 1};
  if (past - first <= kFewSegments) return range;
  const Timestamp since = wanted_since + -kClockMargin, until = wanted_until + kClockMargin;
  range.first = TRY(first_that_reaches(first, past, since));
  range.last = TRY(first_wholly_after(range.first, past, until)) - 1;
  if (range.first < past) range.first = TRY(before_what_runs(first, range.first));
  // One more: its last end is when the first of these began.
  if (range.first > first) --range.first;
  range.begins_stretch = range.first == first;
  return range;
}

// The segment in which whatever runs where segment `begin` begins had written nothing yet, or
// `first`. The snapshot before `begin` says what may run there; the one before which none of that
// had got its xid is where to begin. Xids are given out in their order, and none while a snapshot
// is logged (src/backend/storage/ipc/standby.c, LogStandbySnapshot, holds XidGenLock).
Result<uint64_t> WindowSegments::before_what_runs(uint64_t first, uint64_t begin) const {
  std::optional<pg::Xid> oldest;
  for (uint64_t number = begin; number-- > first;) {
    const std::vector<Snapshot> snapshots = snapshots_of(TRY(segment(number)));
    for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
      if (!oldest) oldest = snapshot->oldest_running;
      if (oldest && !is_before(*oldest, snapshot->next)) return number;
    }
  }
  return first;
}

std::vector<WindowSegments::Snapshot> WindowSegments::snapshots_of(
    const KnownSegment& known) const {
  std::vector<Snapshot> snapshots;
  visit_kept(known, [&](const wal::TimedEvent& event) {
    if (const auto* running = std::get_if<wal::RunningTransactions>(&event.what)) {
      snapshots.push_back({running->oldest_running_xid, running->next_xid});
    } else if (const auto* checkpoint = std::get_if<wal::Checkpoint>(&event.what)) {
      // Of a server that stops: what is prepared goes on, and is not said.
      if (checkpoint->shutdown) snapshots.push_back({std::nullopt, checkpoint->next_xid.xid()});
    }
  });
  return snapshots;
}

std::optional<pg::FullXid> WindowSegments::next_xid_of(const KnownSegment& known) const {
  std::optional<pg::FullXid> next_xid;
  visit_kept(known, [&](const wal::TimedEvent& event) {
    const auto* checkpoint = std::get_if<wal::Checkpoint>(&event.what);
    if (checkpoint != nullptr) next_xid = checkpoint->next_xid;
  });
  return next_xid;
}

Result<std::optional<pg::FullXid>> WindowSegments::xid_beside(const WalChain::Stretch& stretch,
                                                              const SegmentRange& range) const {
  const auto [first, past] = bounds_of(stretch);
  std::optional<pg::FullXid> xid;
  for (uint64_t n = range.first; n > first && !xid; --n) xid = next_xid_of(TRY(segment(n - 1)));
  for (uint64_t n = range.last + 1; n < past && !xid; ++n) xid = next_xid_of(TRY(segment(n)));
  return xid;
}

Result<WindowSegments::Times> WindowSegments::times_of_all() const {
  Times all;
  const std::vector<WalChain::Stretch> stretches = chain_.stretches();
  if (stretches.empty()) return all;
  const auto [first, first_past] = bounds_of(stretches.front());
  const uint64_t first_end = std::min(first_past, first + kSegmentsToTime);
  for (uint64_t n = first; n < first_end && !all.first; ++n) {
    all.first = times_of(TRY(segment(n))).first;
  }
  const auto [begin, end] = bounds_of(stretches.back());
  for (uint64_t n = end; n > begin && end - n < kSegmentsToTime && !all.last; --n) {
    all.last = times_of(TRY(segment(n - 1))).last;
  }
  return all;
}

}  // namespace walkback::find
