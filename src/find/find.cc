#include "find/find.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "catalog/backups.h"
#include "catalog/lineage.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "catalog/wal_summaries.h"

namespace walkback::find {

namespace {

using catalog::BackupSummary;
using catalog::KnownSegment;
using catalog::WalChain;

constexpr std::array<std::pair<Kind, std::string_view>, 5> kKinds = {{
    {Kind::kDelete, "delete"},
    {Kind::kUpdate, "update"},
    {Kind::kInsert, "insert"},
    {Kind::kTruncate, "truncate"},
    {Kind::kDrop, "drop"},
}};

// Commit times are not in the order of the log, and clocks are set: so far around the window is
// read too.
constexpr std::chrono::microseconds kClockMargin = std::chrono::hours(1);
// Below that many segments it is not worth asking which of them lie in the window.
constexpr uint64_t kFewSegments = 64;
// A snapshot of what runs is written every 15 seconds while there is anything to write.
constexpr uint64_t kSegmentsToSnapshot = 8;

// Segments to be read, of one stretch of the chain.
struct Range {
  uint64_t first = 0;
  uint64_t last = 0;
  bool begins_stretch = false;
  bool ends_stretch = false;
  bool empty() const { return first > last; }
};

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
    TRY(learn_names());

    TransactionSearch::Options search_options;
    search_options.since = options_.since;
    search_options.until = options_.until;
    search_options.keep = 4 * options_.limit + 100;  // catalog changes fall out at the end
    search_options.wanted = [this](const std::vector<TouchedFile>& files) { return wanted(files); };
    TransactionSearch search(search_options, names_, archive_->lineage().major);
    TRY(read(search));
    report_.first = search.first_time();
    report_.last = search.last_time();
    name_all(search.finish());
    report_.table_is_known = options_.table.empty() || names_.any([this](const RelationName& name) {
      return is_asked_for(name);
    });
    report_.totals = search.totals();
    report_.histogram = search.histogram();
    return std::move(report_);
  }

 private:
  // ---- names ----

  Result<void> learn_names() {
    const std::vector<BackupSummary> backups =
        TRY(catalog::list_backups(objects_, archive_->layout(), options_.unreadable));
    for (const BackupSummary* backup : nearest(backups)) {
      Result<catalog::Names> names =
          catalog::get_names(objects_, archive_->layout().names(backup->id));
      if (!names.ok() && names.error().kind == ErrorKind::kMissing) continue;
      const std::optional<catalog::Names> read =
          TRY(catalog::or_left_out(std::move(names), options_.unreadable));
      if (read) names_.add(*read, backup->start_lsn);
    }
    if (options_.live_names) names_.add(*options_.live_names, pg::Lsn{UINT64_MAX});
    return success();
  }

  // As the window began, then all that came in it, then the first after it.
  std::vector<const BackupSummary*> nearest(const std::vector<BackupSummary>& backups) const {
    std::vector<const BackupSummary*> nearest;
    const BackupSummary* before = nullptr;
    for (const BackupSummary& backup : backups) {
      if (backup.started_at <= options_.since) {
        before = &backup;
      } else {
        nearest.push_back(&backup);
        if (backup.started_at > options_.until) break;
      }
    }
    if (before != nullptr) nearest.insert(nearest.begin(), before);
    return nearest;
  }

  bool is_asked_for(const RelationName& name) const {
    const std::string& table = options_.table;
    return table == name.name || table == name.schema + "." + name.name ||
           table == name.database + "." + name.schema + "." + name.name;
  }

  bool wanted(const std::vector<TouchedFile>& files) const {
    int64_t rows = 0;
    bool is_kind = !options_.kind, is_table = options_.table.empty(), is_gone = false;
    for (const TouchedFile& file : files) {
      const std::optional<RelationName> name = names_.of(file.file);
      const bool asked_for = name && is_asked_for(*name);
      if (!options_.table.empty() && !asked_for) continue;
      if (name && (name->kind == 't' || (name->system && !asked_for))) continue;
      is_table = true;
      rows += file.rows.inserted + file.rows.updated + file.rows.deleted;
      const bool gone = is_loss(file.fate);
      if (gone) rows += std::max<int64_t>(0, file.rows_gone);
      is_gone |= gone && file.rows_gone < 0;
      is_kind |= options_.kind && is_of_kind(file, *options_.kind);
    }
    const bool enough = is_gone || rows >= static_cast<int64_t>(options_.min_rows);
    return is_kind && is_table && enough;
  }

  static bool is_of_kind(const TouchedFile& file, Kind kind) {
    switch (kind) {
      case Kind::kDelete:
        return file.rows.deleted > 0;
      case Kind::kUpdate:
        return file.rows.updated > 0;
      case Kind::kInsert:
        return file.rows.inserted > 0;
      case Kind::kTruncate:
        return file.fate == FileFate::kTruncated;
      case Kind::kDrop:
        return file.fate == FileFate::kDropped;
    }
    return false;
  }

  // ---- which segments ----

  Result<KnownSegment> segment(uint64_t number) const {
    return catalog::read_summary(*archive_, *chain_, number);
  }

  struct Times {
    std::optional<Timestamp> first, last;
  };
  static Times times_of(const KnownSegment& known) {
    Times times;
    if (!known.summary || known.summary->plain_ends.empty()) return times;
    times.first = pg::from_pg_timestamp(known.summary->plain_ends.front().pg_time);
    times.last = pg::from_pg_timestamp(known.summary->plain_ends.back().pg_time);
    return times;
  }

  // The first of [low, high) in which, or from which on, `reached` says that a time is reached;
  // `high` when none is.
  template <typename Reached>
  Result<uint64_t> first_reached(uint64_t low, uint64_t high, Reached reached) const {
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

  Result<Range> range_in(const WalChain::Stretch& stretch) const {
    const uint64_t segment_bytes = archive_->segment_bytes();
    const uint64_t first = stretch.begin.value / segment_bytes;
    const uint64_t past = (stretch.end.value + segment_bytes - 1) / segment_bytes;
    Range range{first, past - 1, true, true};
    if (past - first <= kFewSegments) return range;
    const Timestamp since = options_.since + -kClockMargin, until = options_.until + kClockMargin;
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
  Result<uint64_t> before_what_runs(uint64_t first, uint64_t begin, uint64_t past) const {
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

  std::optional<pg::Xid> oldest_running(const KnownSegment& known) const {
    if (!known.summary) return std::nullopt;
    wal::TimedEvents events(archive_->lineage().major);
    for (const wal::KeptRecord& kept : known.summary->kept) {
      const auto event = events.of(wal::record_of(kept));
      if (!event.ok() || !*event) continue;
      const auto* running = std::get_if<wal::RunningTransactions>(&(*event)->what);
      if (running != nullptr) return running->oldest_running_xid;
    }
    return std::nullopt;
  }

  // ---- reading ----

  Result<void> read(TransactionSearch& search) {
    std::optional<Range> before;
    for (const WalChain::Stretch& stretch : chain_->stretches()) {
      const Range range = TRY(range_in(stretch));
      if (before && before->ends_stretch && range.begins_stretch) {
        missing(before->last + 1, range.first - 1);
        search.skip();
      }
      before = range;
      if (range.empty()) continue;
      begins_ = range.begins_stretch;
      TRY(catalog::read_summaries(*archive_, *chain_, range.first, range.last,
                                  options_.indexes_at_once, stop_, [&](const KnownSegment& known) {
                                    take(known, search);
                                    return true;
                                  }));
    }
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
    // The log ends where nothing was written yet: no loss.
    if (known.summary->torn_tail) problem.clear();
    if (!seen.ok()) problem = seen.error().message;
    if (!problem.empty()) {
      report_.unknown.push_back(
          {fmt::format("segment {}: {}", name, problem), known.summary->end, known.end});
      search.skip();
    } else if (known.summary->first_record_unknown && !is_first && !report_.unknown_first_records) {
      report_.unknown_first_records = name;
    }
  }

  void missing(uint64_t first, uint64_t last) {
    const uint32_t segment_bytes = archive_->segment_bytes();
    const pg::SegmentName from{report_.timeline, first}, to{report_.timeline, last};
    const std::string from_name = chain_->file_name(from.start(segment_bytes));
    report_.unknown.push_back({first == last
                                   ? fmt::format("segment {} is not in the archive", from_name)
                                   : fmt::format("{} segments from {} on are not in the archive",
                                                 last - first + 1, from_name),
                               from.start(segment_bytes), to.start(segment_bytes) + segment_bytes});
  }

  // ---- the report ----

  void name_all(std::vector<FoundTransaction> found) {
    for (FoundTransaction& transaction : found) {
      FoundWork work;
      for (const pg::Oid database : transaction.databases_dropped) {
        work.databases_dropped.push_back(names_.database(database));
      }
      work.tables = tables_of(transaction);
      if (work.tables.empty() && work.databases_dropped.empty()) continue;
      if (report_.found.size() == options_.limit) {
        ++report_.more;
        continue;
      }
      work.transaction = std::move(transaction);
      report_.found.push_back(std::move(work));
    }
  }

  // Files of one table together: before and after a TRUNCATE it is the same.
  std::vector<FoundTable> tables_of(const FoundTransaction& transaction) const {
    std::vector<FoundTable> tables;
    for (const TouchedFile& file : transaction.files) {
      const std::optional<RelationName> name = names_.of(file.file);
      if (!name && file.file.number < pg::kFirstUserOid) continue;
      if (name && !is_shown(*name)) continue;
      const auto same = std::ranges::find_if(tables, [&](const FoundTable& table) {
        return name && table.name && table.file.database == file.file.database &&
               table.name->oid == name->oid;
      });
      if (same == tables.end()) {
        tables.push_back({file.file, name, file.rows, file.fate, file.rows_gone});
        continue;
      }
      same->rows += file.rows;
      if (file.fate != FileFate::kChanged) same->fate = file.fate;
      same->rows_gone = std::max(same->rows_gone, file.rows_gone);
    }
    std::ranges::stable_sort(tables, std::ranges::greater(), [](const FoundTable& table) {
      return std::tuple(is_loss(table.fate), table.rows.deleted + table.rows.updated,
                        table.rows.inserted);
    });
    return tables;
  }

  bool is_shown(const RelationName& name) const {
    return name.holds_rows() && (!name.system || (!options_.table.empty() && is_asked_for(name)));
  }

  const FindOptions& options_;
  store::ObjectStore& objects_;
  Progress& progress_;
  const std::stop_token stop_;
  std::optional<catalog::WalArchive> archive_;
  std::optional<WalChain> chain_;
  RelationNames names_;
  FindReport report_;
  bool begins_ = false;  // the next segment has none before it: its first record is not missed
};

}  // namespace

std::string_view kind_name(Kind kind) {
  for (const auto& [candidate, name] : kKinds) {
    if (candidate == kind) return name;
  }
  return "";
}

std::optional<Kind> parse_kind(std::string_view text) {
  for (const auto& [kind, name] : kKinds) {
    if (name == text) return kind;
  }
  return std::nullopt;
}

Result<FindReport> run_find(const FindOptions& options, store::ObjectStore& objects,
                            Progress& progress, std::stop_token stop) {
  return Finder(options, objects, progress, std::move(stop)).run();
}

}  // namespace walkback::find
