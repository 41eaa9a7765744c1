#include "verify/wal.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/recovery_windows.h"
#include "wal/page_header.h"
#include "wal/segment_summary.h"

namespace walkback::verify {

namespace {

// A segment that does not compress is a little larger than it was.
constexpr uint64_t stored_at_most(uint64_t bytes) { return bytes + bytes / 8 + (1 << 20); }

// Of what is stored: a segment's first page is in there, however little it compresses.
constexpr uint64_t kStartOfSegment = 256 << 10;

// What an index says lies in its segment.
bool is_index_of(const catalog::WalIndex& index, pg::SegmentName name, uint32_t segment_bytes) {
  if (!index.summary || !index.summary->last_record) return true;
  const pg::Lsn begin = name.start(segment_bytes);
  const pg::Lsn end = index.summary->end;
  // A last record's end is rounded up, and may be the next segment's first record.
  return end > begin && end <= begin + segment_bytes + wal::kWalPageBytes;
}

}  // namespace

Result<void> WalCheck::take_stock() {
  const catalog::LineageLayout& layout = run_.layout();
  const std::vector<pg::TimelineId> timelines = TRY(run_.archive.timelines());
  for (const catalog::BackupSummary& backup : backups_) {
    if (std::ranges::find(timelines, backup.timeline) != timelines.end()) continue;
    const uint32_t bytes = run_.archive.segment_bytes();
    const pg::SegmentName first{backup.timeline, backup.start_lsn.value / bytes};
    report(
        run_, {ObjectClass::kSegments, layout.wal_file(first.text(bytes)), 0},
        make_error(ErrorKind::kMissing,
                   fmt::format("nothing of timeline {} is there, and without its WAL nothing can "
                               "be recovered from backup {}",
                               backup.timeline.value, backup.id.text)));
  }
  for (const pg::TimelineId timeline : timelines) {
    TRY(run_.objects.list(layout.timeline_folder(timeline), "", [&](const store::ObjectInfo& info) {
      stored_.emplace(run_.name_of(info.key), info.size);
      std::string name = file_name(info.key.text());
      if (!name.ends_with(".zst")) return true;
      name.resize(name.size() - 4);
      const pg::WalFileKind kind = pg::wal_file_kind(name);
      if (kind == pg::WalFileKind::kOther) return true;
      const auto segment = pg::SegmentName::parse(name, run_.archive.segment_bytes());
      if (kind == pg::WalFileKind::kSegment && segment.ok()) {
        segments_.push_back({*segment, info.size});
      } else {
        others_.push_back(std::move(name));
      }
      return true;
    }));
    TRY(look_at_timeline(timeline));
  }
  return success();
}

Result<void> WalCheck::look_at_timeline(pg::TimelineId timeline) {
  const Result<catalog::WalChain> chain = catalog::WalChain::load(lists_, timeline);
  if (chain.ok()) {
    check_backups(*chain);
    find_gaps(*chain);
    return success();
  }
  if (chain.error().kind == ErrorKind::kDenied) {
    run_.ledger.warn(
        fmt::format("the history of timeline {} cannot be opened, so its WAL was not "
                    "looked at for gaps",
                    timeline.value));
    return success();
  }
  if (!is_of_the_object(chain.error())) return chain.error();
  const store::ObjectKey history = run_.layout().wal_file(pg::history_file_name(timeline));
  report(run_, {ObjectClass::kHistories, history, 0}, chain.error());
  return success();
}

void WalCheck::report_gap(const catalog::WalChain& chain, pg::Lsn from, std::string text,
                          std::vector<std::string> backups, Trouble trouble) {
  const store::ObjectKey key = run_.layout().wal_file(chain.file_name(from));
  run_.ledger.find(ObjectClass::kSegments,
                   {trouble, key.text(), std::move(text), std::move(backups)});
}

// A backup without the WAL from its start to its stop cannot be recovered from.
void WalCheck::check_backups(const catalog::WalChain& chain) {
  std::map<pg::Lsn, std::vector<std::string>> broken;
  for (const catalog::BackupSummary& backup : backups_) {
    if (backup.timeline != chain.timeline()) continue;
    const pg::Lsn end = chain.end_of_stretch(backup.start_lsn);
    if (end < backup.stop_lsn) broken[end].push_back(backup.id.text);
  }
  for (auto& [lsn, backups] : broken) {
    report_gap(
        chain, lsn,
        fmt::format("it is not there, and without it nothing can be recovered from the backup "
                    "that ran meanwhile (from {})",
                    lsn.text()),
        std::move(backups), Trouble::kMissing);
  }
}

// The start of the backup that retention's window begins with: what lies before it is there by
// chance, or to make a backup that stands alone consistent.
pg::Lsn WalCheck::promised_from(const catalog::WalChain& chain) const {
  const std::optional<Timestamp> since =
      catalog::promised_since(run_.options.promise, backups_, run_.clock.now());
  pg::Lsn from;
  for (const catalog::BackupSummary& backup : backups_) {
    if (since && backup.stopped_at <= *since && catalog::is_good(backup) &&
        catalog::lies_on(backup, chain.history())) {
      from = std::max(from, backup.start_lsn);
    }
  }
  return from;
}

void WalCheck::find_gaps(const catalog::WalChain& chain) {
  const pg::Lsn promised = promised_from(chain);
  for (const catalog::WalChain::Stretch& gap : chain.gaps()) {
    const pg::Lsn from = gap.begin, to = gap.end;
    // What lies before its beginning is its parent's, and found with that.
    if (to <= chain.begin() || to <= promised) continue;
    const bool behind_a_backup =
        std::ranges::any_of(backups_, [&](const catalog::BackupSummary& backup) {
          return catalog::lies_on(backup, chain.history()) && backup.start_lsn < from;
        });
    if (!behind_a_backup) continue;
    report_gap(chain, from,
               fmt::format("WAL is missing from {} to {} on timeline {}: no moment between can be "
                           "recovered, nor a later one from a backup before it",
                           from.text(), to.text(), chain.timeline().value),
               {}, Trouble::kGap);
  }
}

// A sign that was lost matters as long as its segment is there: it is what is known of it.
bool WalCheck::is_there(const std::string& name) const {
  constexpr std::string_view kSign = ".settings.zst";
  if (!name.ends_with(kSign)) return stored_.contains(name);
  return stored_.contains(name.substr(0, name.size() - kSign.size()) + ".zst");
}

Subject WalCheck::subject_of(ObjectClass of, store::ObjectKey key) const {
  const auto stored = stored_.find(run_.name_of(key));
  return {of, std::move(key), stored == stored_.end() ? 0 : stored->second};
}

Result<bool> WalCheck::opens_any(size_t count) const {
  for (auto segment = segments_.rbegin(); segment != segments_.rend() && count > 0;
       ++segment, --count) {
    if (TRY(opens(segment->name))) return true;
  }
  return false;
}

Result<bool> WalCheck::opens(pg::SegmentName segment) const {
  const std::string name = segment.text(run_.archive.segment_bytes());
  const auto first_page = [&]() -> Result<Bytes> {
    const auto reader = TRY(run_.objects.open(run_.layout().wal_file(name)));
    Bytes stored(std::min<uint64_t>(reader->size(), kStartOfSegment));
    TRY(reader->read_at(0, stored));
    Bytes page(wal::kWalPageBytes);
    codec::StreamDecoder decoder(kStartOfSegment * 8);
    const auto step = TRY(decoder.decode(stored, page));
    page.resize(step.produced);
    return page;
  };
  const Result<Bytes> page = first_page();
  if (page.ok()) {
    return page->size() == wal::kWalPageBytes &&
           run_.archive.check_segment_header(name, *page).ok();
  }
  if (!is_of_the_object(page.error())) return page.error();
  return false;
}

Result<void> WalCheck::read() {
  for (const std::string& name : others_) TRY(read_other(name));
  uint64_t bytes = 0;
  for (const catalog::StoredSegment& segment : segments_) bytes += segment.stored_bytes;
  run_.progress.begin("reading WAL", bytes);
  return side_by_side(run_, segments_.size(),
                      [&](int, size_t task) { return read_segment(segments_[task]); });
}

// History and backup files, and segments that a timeline ended in.
Result<void> WalCheck::read_other(const std::string& name) {
  const store::ObjectKey key = run_.layout().wal_file(name);
  // A .partial is table data.
  const bool partial = pg::wal_file_kind(name) == pg::WalFileKind::kPartialSegment;
  const Subject subject{partial ? ObjectClass::kSegments : ObjectClass::kHistories, key,
                        stored_.at(run_.name_of(key))};
  if (is_settled(run_, subject)) return success();
  TRY(run_.limit.take(subject.stored_bytes));
  const auto outcome = [&]() -> Result<void> {
    const std::optional<Bytes> content = TRY(run_.archive.get(name));
    if (!content) return success();  // pruned meanwhile
    run_.ledger.count_read(subject.of, subject.stored_bytes);
    if (run_.encrypted()) run_.ledger.opened(subject.of);
    if (pg::wal_file_kind(name) == pg::WalFileKind::kHistory) {
      TRY(pg::TimelineHistory::parse(TRY(pg::parse_history_file_name(name)), as_text(*content)));
    } else if (partial) {
      const auto index = TRY(catalog::get_wal_index(run_.objects, run_.layout().wal_index(name)));
      if (index && index->segment_hash != codec::hash_content(*content)) {
        return make_error(ErrorKind::kCorrupt, "its content is not what its index says");
      }
    }
    return proved(run_, subject);
  }();
  if (outcome.ok()) return outcome;
  if (partial && outcome.error().kind == ErrorKind::kDenied && run_.encrypted()) {
    return compare_stored(run_, subject, stored_at_most(run_.archive.segment_bytes()), {});
  }
  return not_read(run_, subject, outcome.error());
}

Result<std::optional<catalog::WalIndex>> WalCheck::read_index(pg::SegmentName segment) {
  using Found = std::optional<catalog::WalIndex>;
  const std::string name = segment.text(run_.archive.segment_bytes());
  const Subject subject = subject_of(ObjectClass::kIndexes, run_.layout().wal_index(name));
  Result<Found> index = catalog::get_wal_index(run_.objects, subject.key);
  if (!index.ok()) {
    TRY(not_read(run_, subject, index.error()));
    return Found();
  }
  if (!*index) {
    run_.ledger.warn(fmt::format("{} has no index: `walkback index --rebuild` makes it", name));
    return Found();
  }
  run_.ledger.count_read(subject.of, subject.stored_bytes);
  if (run_.encrypted()) run_.ledger.opened(subject.of);
  if (!is_index_of(**index, segment, run_.archive.segment_bytes())) {
    report(run_, subject,
           make_error(ErrorKind::kCorrupt, "it is another segment's index, by the records in it"));
    return Found();
  }
  TRY(proved(run_, subject));
  return index;
}

bool WalCheck::is_sign_settled(const Subject& sign) const {
  if (is_stored(sign.key)) return settled(run_, sign) != nullptr;
  return run_.memory.find(run_.name_of(sign.key)) == nullptr;
}

Result<void> WalCheck::check_sign(pg::SegmentName segment, const Subject& sign,
                                  const std::optional<catalog::WalIndex>& index) {
  // Without an index, or where it does not say all, either may be right.
  const catalog::ChangesSettings changes = index && index->summary
                                               ? catalog::changes_settings(*index->summary)
                                               : catalog::ChangesSettings::kNotKnown;
  if (!is_stored(sign.key)) {
    if (changes != catalog::ChangesSettings::kYes) return success();
    report(run_, sign,
           make_error(ErrorKind::kMissing,
                      "it is not there, though its segment's index says that a server was started "
                      "with other settings: `list` may show moments that cannot be recovered"));
    // It is remembered: the next run looks at the index again.
    return success();
  }
  if (changes == catalog::ChangesSettings::kNo) {
    report(run_, sign,
           make_error(ErrorKind::kCorrupt,
                      "it says that a server was started with other settings in its segment, and "
                      "the index beside it that none was"));
    return success();
  }
  if (is_settled(run_, sign)) return success();
  TRY(run_.limit.take(sign.stored_bytes));
  const Result<void> right = run_.archive.check_settings_sign(segment);
  if (!right.ok()) return not_read(run_, sign, right.error());
  run_.ledger.count_read(sign.of, sign.stored_bytes);
  if (run_.encrypted()) run_.ledger.opened(sign.of);
  return proved(run_, sign);
}

Result<void> WalCheck::read_segment(const catalog::StoredSegment& segment) {
  const std::string name = segment.name.text(run_.archive.segment_bytes());
  const Subject subject{ObjectClass::kSegments, run_.layout().wal_file(name), segment.stored_bytes};
  const Subject index_subject = subject_of(ObjectClass::kIndexes, run_.layout().wal_index(name));
  const Subject sign = subject_of(ObjectClass::kIndexes, run_.layout().wal_settings(name));
  const bool index_stored = is_stored(index_subject.key);
  const bool index_settled = index_stored && settled(run_, index_subject) != nullptr;
  // One that came, or came back, is compared with its segment.
  const bool index_wanted = index_stored && !index_settled;
  if (settled(run_, subject) != nullptr && !index_wanted) {
    is_settled(run_, subject);
    if (index_settled && is_sign_settled(sign)) {
      is_settled(run_, index_subject);
      if (is_stored(sign.key)) is_settled(run_, sign);
      return success();
    }
    // Which says so where there is none.
    return check_sign(segment.name, sign, TRY(read_index(segment.name)));
  }
  const auto index = TRY(read_index(segment.name));
  TRY(check_sign(segment.name, sign, index));
  const auto outcome = [&]() -> Result<void> {
    const uint64_t at_most = stored_at_most(run_.archive.segment_bytes());
    if (run_.without_key && is_settled(run_, subject)) return success();
    TRY(run_.limit.take(subject.stored_bytes));
    Result<std::optional<Bytes>> content = run_.archive.get(name);
    if (!content.ok() && content.error().kind == ErrorKind::kDenied && run_.encrypted()) {
      return compare_stored(run_, subject, at_most, {});
    }
    if (!content.ok()) return std::move(content).error();
    if (!*content) return success();  // pruned meanwhile
    run_.ledger.count_read(subject.of, subject.stored_bytes);
    run_.progress.add_bytes(subject.stored_bytes);
    TRY(compare(segment.name, **content, index));
    return proved(run_, subject);
  }();
  if (outcome.ok() || !is_of_the_object(outcome.error())) return outcome;
  report(run_, subject, outcome.error());
  return success();
}

Result<void> WalCheck::compare(pg::SegmentName segment, ByteView content,
                               const std::optional<catalog::WalIndex>& index) const {
  const std::string name = segment.text(run_.archive.segment_bytes());
  TRY(run_.archive.check_segment_header(name, content.first(wal::kWalPageBytes)));
  if (index && index->segment_hash != codec::hash_content(content)) {
    return make_error(ErrorKind::kCorrupt, "its content is not what its index says");
  }
  // These very bytes were read to their end when the index was made.
  if (index && index->summary && index->summary->says_all()) return success();
  return check_records(segment, content);
}

Result<void> WalCheck::check_records(pg::SegmentName segment, ByteView content) const {
  const wal::SegmentSummary summary =
      run_.archive.summarize(segment, content, run_.archive.stored_neighbour());
  if (summary.problem.empty()) return success();
  const std::string next =
      pg::SegmentName{segment.timeline, segment.number + 1}.text(run_.archive.segment_bytes());
  // The log may end in a segment; not where it goes on in the next.
  const bool goes_on = stored_.contains(run_.name_of(run_.layout().wal_file(next)));
  if (summary.torn_tail && !goes_on) return success();
  return make_error(ErrorKind::kCorrupt, fmt::format("its records cannot be read beyond {}: {}",
                                                     summary.end.text(), summary.problem));
}

}  // namespace walkback::verify
