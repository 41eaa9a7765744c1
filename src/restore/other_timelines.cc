#include "restore/other_timelines.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/recovery_windows.h"
#include "catalog/wal_stream.h"

namespace walkback::restore {

namespace {

using catalog::WalChain;

// What the other has behind the parting, up to its end or its first hole.
WalChain::Stretch own_stretch(const WalChain& chain, pg::Lsn parts_at) {
  const pg::Lsn begin = chain.next_present(parts_at).value_or(parts_at);
  return {begin, chain.end_of_stretch(begin)};
}

Result<std::optional<Timestamp>> first_commit(const catalog::WalArchive& archive,
                                              const WalChain& chain,
                                              const WalChain::Stretch& stretch,
                                              std::stop_token stop) {
  std::optional<Timestamp> time;
  wal::TimedEvents events(archive.lineage().major);
  TRY(catalog::read_events(archive, chain, stretch.begin, stretch.end, std::move(stop),
                           [&](const wal::Record& record) {
                             time = events.commit_time(record);
                             return !time.has_value();
                           }));
  return time;
}

// The record that an xid or a name means there.
Result<std::optional<PlanRecord>> find_there(const RecoveryTarget& target,
                                             const OtherTimeline& other,
                                             const pg::ControlFile& control,
                                             catalog::SegmentLists& lists, std::stop_token stop) {
  const WalChain chain = TRY(WalChain::load(lists, other.timeline));
  const WalChain::Stretch stretch = own_stretch(chain, other.parts_at);
  RecoveryTarget wanted = target;
  // The record itself, not the one before it.
  if (wanted.kind == TargetKind::kBeforeXid) wanted.kind = TargetKind::kXid;
  TargetSearch search(wanted, control, stretch.begin);
  TRY(catalog::read_wal(
      lists.archive(), chain, stretch.begin, stretch.end, std::move(stop),
      [&](const wal::Record& record) { return search.see(record).ok() && !search.stop(); }));
  return search.stop() ? search.passed().last : std::nullopt;
}

std::string up_to(const OtherTimeline& other) {
  return other.until ? fmt::format(", up to {}", show_time(*other.until)) : "";
}

std::string with_option(std::string note, const OtherTimeline& other) {
  return fmt::format("{}: --timeline {}", note, other.timeline.value);
}

}  // namespace

Result<std::vector<OtherTimeline>> find_other_timelines(
    catalog::SegmentLists& lists, const WalChain& chain,
    const std::vector<pg::TimelineId>& timelines, std::stop_token stop) {
  std::vector<OtherTimeline> found;
  for (pg::TimelineId timeline : timelines) {
    if (timeline == chain.timeline()) continue;
    Result<WalChain> loaded = WalChain::load(lists, timeline);
    if (!loaded.ok() && loaded.error().kind == ErrorKind::kMissing) continue;
    if (!loaded.ok()) return std::move(loaded).error();
    const WalChain& other = *loaded;
    const std::optional<pg::Lsn> parts_at = catalog::parting_of(other.history(), chain.history());
    if (!parts_at) continue;
    const WalChain::Stretch stretch = own_stretch(other, *parts_at);
    const std::optional<Timestamp> commit =
        TRY(first_commit(lists.archive(), other, stretch, stop));
    if (!commit) continue;
    const catalog::KnownTime known =
        TRY(catalog::known_at_end(lists.archive(), other, other.stretches().back()));
    found.push_back({timeline, *parts_at, *commit, known.until()});
  }
  std::ranges::sort(found, std::ranges::greater(), &OtherTimeline::timeline);
  return found;
}

Result<std::optional<std::string>> means_something_else(
    const RecoveryTarget& target, const StopPoint& found, const OtherTimeline& other,
    const pg::ControlFile& control, catalog::SegmentLists& lists, std::stop_token stop) {
  using Note = std::optional<std::string>;
  const uint32_t number = other.timeline.value;
  const bool shared = found.end < other.parts_at;
  switch (target.kind) {
    case TargetKind::kTime: {
      if (shared || other.first_commit > target.time) return Note();
      const bool holds = other.until && *other.until > target.time;
      return Note(with_option(
          holds ? fmt::format("timeline {} also holds this moment, with other transactions{}",
                              number, up_to(other))
                : fmt::format("timeline {} holds other transactions from before this moment{}",
                              number, up_to(other)),
          other));
    }
    case TargetKind::kLatest:
      return Note(with_option(fmt::format("timeline {} holds transactions that are not in this{}",
                                          number, up_to(other)),
                              other));
    case TargetKind::kLsn: {
      const WalChain chain = TRY(WalChain::load(lists, other.timeline));
      const bool holds =
          target.lsn > other.parts_at && target.lsn <= own_stretch(chain, other.parts_at).end;
      if (!holds) return Note();
      return Note(with_option(
          fmt::format("timeline {} also holds this LSN, with other transactions", number), other));
    }
    case TargetKind::kXid:
    case TargetKind::kBeforeXid:
      if (shared) return Note();
      [[fallthrough]];
    case TargetKind::kName: {
      const std::optional<PlanRecord> record =
          TRY(find_there(target, other, control, lists, std::move(stop)));
      if (!record) return Note();
      return Note(with_option(
          fmt::format("timeline {} holds another {}, of {}", number,
                      record->xid ? fmt::format("transaction {}", *record->xid) : record->what,
                      record->time ? show_time(*record->time) : "LSN " + record->lsn.text()),
          other));
    }
    case TargetKind::kImmediate:
      return Note();
  }
  return Note();
}

}  // namespace walkback::restore
