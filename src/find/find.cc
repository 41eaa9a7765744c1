#include "find/find.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/backups.h"
#include "catalog/lineage.h"
#include "catalog/recovery_windows.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "catalog/wal_summaries.h"
#include "find/window_segments.h"
#include "wal/page_header.h"

namespace walkback::find {

namespace {

using catalog::BackupSummary;
using catalog::KnownSegment;
using catalog::WalChain;

// Behind the window, for the ends of what runs there.
constexpr uint64_t kSegmentsToEnds = 64;
constexpr size_t kEndsAtOnce = 8;

class Finder {
 public:
  Finder(const FindOptions& options, store::ObjectStore& objects, Progress& progress,
         std::stop_token stop)
      : options_(options), objects_(objects), progress_(progress), stop_(std::move(stop)) {}

  Result<FindReport> run() {
    archive_.emplace(objects_, options_.cluster,
                     TRY(catalog::find_lineage(objects_, options_.cluster)));
    const std::vector<pg::TimelineId> timelines = TRY(archive_->timelines());
    report_.timeline = TRY(catalog::choose_timeline(timelines, options_.timeline));
    report_.since = options_.since;
    report_.until = options_.until;
    catalog::SegmentLists lists(*archive_);
    chain_.emplace(TRY(WalChain::load(lists, report_.timeline)));
    progress_.begin("reading the WAL indexes", 0);
    segments_.emplace(*archive_, *chain_);
    backups_ = TRY(catalog::list_backups(objects_, archive_->layout(), options_.unreadable));
    TRY(learn_names());
    TRY(make_filter());

    TransactionSearch search(search_options(), names_, archive_->lineage().major);
    TRY(read(search));
    report_.first = search.first_time();
    report_.last = search.last_time();
    const WindowSegments::Times archived = TRY(segments_->times_of_all());
    report_.archive_first = archived.first ? archived.first : report_.first;
    report_.archive_last = archived.last ? archived.last : report_.last;
    if (!chain_->stretches().empty()) {
      report_.archive_end = chain_->stretches().back().end + wal::kLongHeaderBytes;
    }
    windows_ = TRY(catalog::find_windows_on(*archive_, *chain_, backups_, catalog::Stretches::kAll))
                   .windows;
    std::vector<FoundTransaction> found = search.finish();
    report_.tally = search.tally();
    name_all(std::move(found));
    report_.table_is_known = options_.table.empty() || names_.any([this](const RelationName& name) {
      return filter_->names_table(name);
    });
    if (!report_.table_is_known) report_.nearest_table = filter_->nearest_table();
    report_.totals = search.totals();
    report_.histogram = search.histogram();
    return std::move(report_);
  }

 private:
  // ---- names ----

  Result<void> learn_names() {
    for (const BackupSummary* backup : nearest(backups_)) {
      Result<catalog::Names> names =
          catalog::get_names(objects_, archive_->layout().names(backup->id));
      if (!names.ok() && names.error().kind == ErrorKind::kMissing) continue;
      const std::optional<catalog::Names> read =
          TRY(catalog::or_left_out(std::move(names), options_.unreadable));
      if (read) names_.add(*read, backup->start_lsn);
    }
    if (!options_.live_names) return success();
    // Another cluster's numbers mean other tables.
    report_.live_is_another = options_.live_names->server != archive_->lineage().system_identifier;
    if (!report_.live_is_another) names_.add(*options_.live_names, pg::Lsn{UINT64_MAX});
    return success();
  }

  // As the window began, then all that came in it, then the first after it, and the newest: it
  // knows what tables are called by now.
  std::vector<const BackupSummary*> nearest(const std::vector<BackupSummary>& backups) const {
    std::vector<const BackupSummary*> nearest;
    const BackupSummary* before = nullptr;
    const BackupSummary* newest = nullptr;
    bool is_behind = false;
    for (const BackupSummary& backup : backups) {
      // What happened on another timeline, behind the fork, is not what happened here.
      if (!catalog::lies_on(backup, chain_->history())) continue;
      newest = &backup;
      if (is_behind) continue;
      if (backup.started_at <= options_.since) {
        before = &backup;
      } else {
        nearest.push_back(&backup);
        is_behind = backup.started_at > options_.until;
      }
    }
    if (newest != nullptr && newest != before && (nearest.empty() || nearest.back() != newest)) {
      nearest.push_back(newest);
    }
    if (before != nullptr) nearest.insert(nearest.begin(), before);
    return nearest;
  }

  // ---- what is asked for ----

  Result<void> make_filter() {
    std::optional<TablePattern> table;
    if (!options_.table.empty()) {
      table = TRY(TablePattern::parse(options_.table));
      TRY(table->resolve(names_));
    }
    filter_.emplace(std::move(table), options_.kind, options_.min_rows, names_);
    return success();
  }

  TransactionSearch::Options search_options() const {
    TransactionSearch::Options search;
    search.since = options_.since;
    search.until = options_.until;
    search.xid = options_.xid;
    search.earliest_first = options_.earliest_first;
    search.keep = 4 * options_.limit + 100;  // catalog changes fall out at the end
    search.asked_for = [this](const TouchedFiles& touched) { return filter_->asked_for(touched); };
    search.counts_catalog = names_.any(
        [this](const RelationName& name) { return name.system && filter_->names_table(name); });
    return search;
  }

  // ---- reading ----

  Result<void> read(TransactionSearch& search) {
    std::optional<SegmentRange> before;
    pg::Lsn before_end;
    for (const WalChain::Stretch& stretch : chain_->stretches()) {
      SegmentRange range = TRY(segments_->range_in(stretch, options_.since, options_.until));
      if (before && before->ends_stretch() && range.begins_stretch) {
        missing({before_end, stretch.begin});
      }
      if (before) search.skip();
      if (!range.empty()) {
        begins_ = range.begins_stretch;
        TRY(catalog::read_summaries(*archive_, *chain_, range.first, range.last,
                                    {options_.indexes_at_once}, stop_,
                                    [&](const KnownSegment& known) {
                                      take(known, search);
                                      return true;
                                    }));
        if (!range.ends_stretch()) TRY(read_on(range, search));
        if (!search.knows_epoch()) {
          const std::optional<pg::FullXid> xid = TRY(segments_->xid_beside(stretch, range));
          if (xid) search.learn_epoch(*xid);
        }
      }
      before = range;
      before_end = stretch.end;
    }
    if (before && before->ends_stretch() && before_end < chain_->begin()) {
      missing({before_end, chain_->begin()});
    }
    return success();
  }

  // Whoever runs where the window ends is no transaction that has not ended: its end is behind it.
  // Looked for no longer than the window itself was.
  Result<void> read_on(SegmentRange& range, TransactionSearch& search) {
    search.await_open();
    const uint64_t most = std::max(kSegmentsToEnds, range.last - range.first + 1);
    const uint64_t last = std::min(range.last_of_stretch, range.last + most);
    if (search.awaits_any()) {
      TRY(catalog::read_summaries(*archive_, *chain_, range.last + 1, last,
                                  {std::min(kEndsAtOnce, options_.indexes_at_once)}, stop_,
                                  [&](const KnownSegment& known) {
                                    take(known, search);
                                    range.last = known.name.number;
                                    return search.awaits_any();
                                  }));
    }
    if (!range.ends_stretch()) search.leave();
    return success();
  }

  void take(const KnownSegment& known, TransactionSearch& search) {
    ++report_.segments;
    const bool is_first = std::exchange(begins_, false);
    const std::string name = known.name.text(archive_->segment_bytes());
    const pg::Lsn start = known.name.start(archive_->segment_bytes());
    if (!known.summary) {
      report_.unknown.push_back(
          {fmt::format("segment {}: {}", name, known.unknown), start, known.end});
      search.skip();
      return;
    }
    const Result<void> seen = search.see(*known.summary, known.end);
    std::string problem = known.summary->problem;
    // The log ends where nothing was written yet: no loss. Where it goes on in the next segment,
    // what looks so is damage in the last page that was written before a switch.
    const bool goes_on = chain_->segment(known.name.number + 1).has_value();
    if (known.summary->torn_tail && !(goes_on && known.summary->end < known.end)) problem.clear();
    pg::Lsn unread_from = known.summary->end;
    if (!seen.ok()) {
      problem = seen.error().message;
      unread_from = search.unread_from();
    }
    if (!problem.empty()) {
      report_.unknown.push_back(
          {fmt::format("segment {}: {}", name, problem), unread_from, known.end});
      search.skip();
    } else if (known.summary->first_record_unknown && !is_first && !report_.unknown_first_records) {
      report_.unknown_first_records = name;
    }
  }

  void missing(const WalChain::Stretch& gap) {
    const uint32_t segment_bytes = archive_->segment_bytes();
    const uint64_t segments =
        (gap.end.value - 1) / segment_bytes - gap.begin.value / segment_bytes + 1;
    const std::string name = chain_->file_name(gap.begin);
    report_.unknown.push_back(
        {segments == 1
             ? fmt::format("segment {} is not in the archive", name)
             : fmt::format("{} segments from {} on are not in the archive", segments, name),
         gap.begin, gap.end});
  }

  // ---- the report ----

  void name_all(std::vector<FoundTransaction> found) {
    const size_t most_others = std::max(kFewOthers, options_.limit / 4);
    uint64_t unseen = 0;  // they are in no tally
    for (FoundTransaction& transaction : found) {
      const bool committed = transaction.outcome == Outcome::kCommitted;
      FoundWork work;
      for (const pg::Oid database : transaction.databases_dropped) {
        work.databases_dropped.push_back(names_.database(database));
      }
      work.tables = tables_of(transaction);
      const bool is_bare = work.tables.empty() && work.databases_dropped.empty();
      const bool is_unseen = is_bare && transaction.work_unseen;
      if (is_unseen && !options_.xid && !filter_->takes_all()) continue;
      if (is_bare && !is_unseen && !options_.xid) {
        // A file that only later turned out to be an index.
        if (committed && report_.tally.transactions > 0) --report_.tally.transactions;
        continue;
      }
      std::vector<FoundWork>& place = committed ? report_.found : report_.others;
      if (place.size() == (committed ? options_.limit : most_others)) continue;
      if (is_unseen) ++unseen;
      work.reach = reach_of(transaction);
      work.transaction = std::move(transaction);
      place.push_back(std::move(work));
    }
    const uint64_t asked_for = report_.tally.transactions;
    report_.more = asked_for - std::min<uint64_t>(asked_for, report_.found.size() - unseen);
  }

  // Whether a recovery to before it is possible.
  Reach reach_of(const FoundTransaction& transaction) const {
    const auto holds = [&](const catalog::RecoveryWindow& window) {
      return window.from_lsn <= transaction.lsn && transaction.lsn <= window.to_lsn;
    };
    if (std::ranges::any_of(windows_, holds)) return Reach::kReachable;
    const bool is_after_one = std::ranges::any_of(
        windows_, [&](const auto& window) { return window.to_lsn < transaction.lsn; });
    return is_after_one ? Reach::kBehindGap : Reach::kBeforeBackups;
  }

  // Files of one table together: before and after a TRUNCATE it is the same.
  std::vector<FoundTable> tables_of(const FoundTransaction& transaction) const {
    std::vector<FoundTable> tables;
    for (const TouchedFile& file : transaction.files) {
      const std::optional<RelationName> name = names_.of(file.file);
      if (!name && names_.nature_of(file.file) == RelationNames::Nature::kCatalog) continue;
      if (name && !is_shown(*name)) continue;
      const bool is_bare = file.fate == FileFate::kChanged && file.rows == wal::RowCounts{};
      if (is_bare) continue;
      const auto same = std::ranges::find_if(tables, [&](const FoundTable& table) {
        return name && table.name && table.file.database == file.file.database &&
               table.name->oid == name->oid;
      });
      if (same == tables.end()) {
        tables.push_back({file.file, name, file.rows, file.fate, file.rows_gone});
        continue;
      }
      same->rows += file.rows;
      if (file.fate != FileFate::kChanged) {
        same->fate = file.fate;
        same->file = file.file;
      }
      same->rows_gone = std::max(same->rows_gone, file.rows_gone);
    }
    std::ranges::stable_sort(tables, std::ranges::greater(), [](const FoundTable& table) {
      return std::tuple(is_loss(table.fate), table.rows.deleted + table.rows.updated,
                        table.rows.inserted);
    });
    return tables;
  }

  bool is_shown(const RelationName& name) const {
    return name.holds_rows() && (!name.system || filter_->names_table(name));
  }

  const FindOptions& options_;
  store::ObjectStore& objects_;
  Progress& progress_;
  const std::stop_token stop_;
  std::optional<catalog::WalArchive> archive_;
  std::optional<WalChain> chain_;
  std::optional<WindowSegments> segments_;
  std::vector<BackupSummary> backups_;
  std::vector<catalog::RecoveryWindow> windows_;
  RelationNames names_;
  std::optional<Filter> filter_;
  FindReport report_;
  bool begins_ = false;  // the next segment has none before it: its first record is not missed
};

}  // namespace

Result<FindReport> run_find(const FindOptions& options, store::ObjectStore& objects,
                            Progress& progress, std::stop_token stop) {
  return Finder(options, objects, progress, std::move(stop)).run();
}

}  // namespace walkback::find
