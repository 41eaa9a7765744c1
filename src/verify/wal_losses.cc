#include "verify/wal_losses.h"

#include <algorithm>

#include "catalog/recovery_windows.h"

namespace walkback::verify {

namespace {

// Whoever has so many segments in trouble knows what is lost from the first ones.
constexpr size_t kMostExplained = 100;

}  // namespace

// WAL that no recovery gets through.
struct WalLosses::Hole {
  const catalog::WalChain* chain = nullptr;
  pg::Lsn from;
  std::optional<pg::Lsn> to;  // nothing where no WAL is behind it
};

std::optional<pg::SegmentName> WalLosses::segment_of(const Finding& finding) const {
  std::string_view name = finding.object;
  if (!name.starts_with(archive_.layout().wal_folder()) || !name.ends_with(".zst")) return {};
  name.remove_prefix(name.rfind('/') + 1);
  name.remove_suffix(std::string_view(".zst").size());
  if (pg::wal_file_kind(name) != pg::WalFileKind::kSegment) return {};
  const auto segment = pg::SegmentName::parse(name, archive_.segment_bytes());
  return segment.ok() ? std::optional(*segment) : std::nullopt;
}

// What cannot be read is a finding of its own, and explains nothing.
void WalLosses::load_chains() {
  if (loaded_) return;
  loaded_ = true;
  const auto timelines = archive_.timelines();
  if (!timelines.ok()) return;
  catalog::SegmentLists lists(archive_);
  for (auto timeline = timelines->rbegin(); timeline != timelines->rend(); ++timeline) {
    Result<catalog::WalChain> chain = catalog::WalChain::load(lists, *timeline);
    if (chain.ok()) chains_.push_back(*std::move(chain));
  }
}

// On the newest timeline that leads through the segment.
std::optional<WalLosses::Hole> WalLosses::hole_at(pg::SegmentName segment) {
  load_chains();
  for (const catalog::WalChain& chain : chains_) {
    const pg::Lsn start = segment.start(archive_.segment_bytes());
    const auto link = chain.segment(segment.number);
    if (link && link->timeline == segment.timeline) return Hole{&chain, start, link->end};
    // Of a file that is missing: where a timeline begins its parent may have the segment's first
    // part.
    const pg::Lsn from = link ? link->end : start;
    if (chain.file_name(from) != segment.text(archive_.segment_bytes())) continue;
    return Hole{&chain, from, chain.next_present(from)};
  }
  return std::nullopt;
}

std::optional<Timestamp> WalLosses::known_before(const Hole& hole) const {
  for (const catalog::WalChain::Stretch& stretch : hole.chain->stretches()) {
    if (stretch.begin >= hole.from || stretch.end < hole.from) continue;
    const auto known = catalog::known_at_end(archive_, *hole.chain, {stretch.begin, hole.from});
    return known.ok() ? known->until() : std::nullopt;
  }
  return std::nullopt;
}

void WalLosses::explain(Finding& finding) {
  const std::optional<pg::SegmentName> segment = segment_of(finding);
  if (!segment || ++explained_ > kMostExplained) return;
  const std::optional<Hole> hole = hole_at(*segment);
  if (!hole) return;
  std::vector<std::string> needing;
  std::optional<Timestamp> from;
  const catalog::BackupSummary* behind = nullptr;
  for (const catalog::BackupSummary& backup : backups_) {
    if (!catalog::lies_on(backup, hole->chain->history())) continue;
    if (hole->to && backup.start_lsn >= *hole->to) {
      if (behind == nullptr || backup.stop_lsn < behind->stop_lsn) behind = &backup;
      continue;
    }
    if (backup.stop_lsn <= hole->from) {
      from = std::max(from.value_or(backup.stopped_at), backup.stopped_at);
    } else {
      needing.push_back(backup.id.text);
    }
  }
  if (from) from = std::max(from, known_before(*hole));
  finding.backups = std::move(needing);
  // From nowhere does anything lead into it.
  if (!from && finding.backups.empty()) {
    finding.text += "; no backup needs it";
    return;
  }
  finding.lost.emplace();
  finding.lost->timeline = hole->chain->timeline();
  finding.lost->from_lsn = hole->from;
  finding.lost->after = from;
  if (behind != nullptr) finding.lost->until = behind->stopped_at;
}

}  // namespace walkback::verify
