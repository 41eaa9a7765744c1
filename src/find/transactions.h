// Puts transactions together from what each segment says of them, and keeps those that took or
// changed the most. Pure: fed with summaries in the order of the log.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "find/file_fates.h"
#include "find/heaviest.h"
#include "find/histogram.h"
#include "find/live_rows.h"
#include "find/relation_names.h"
#include "pg/types.h"
#include "wal/segment_summary.h"
#include "wal/timed_event.h"

namespace walkback::find {

// What a filter is asked about.
struct TouchedFiles {
  const std::vector<TouchedFile>& files;
  const std::vector<pg::Oid>& databases_dropped;
};

// What of a transaction was asked for: of the tables and of the kind.
struct AskedFor {
  wal::RowCounts rows;
  uint64_t gone = 0;  // with what was truncated, dropped or altered, as far as it is known
  AskedFor& operator+=(const AskedFor& other);
};

class TransactionSearch {
 public:
  struct Options {
    std::optional<Timestamp> since, until;  // of a transaction's end
    size_t keep = 100;
    // Only this one, however little it did: 32 bits as users read them in logs, or with the epoch.
    std::optional<uint64_t> xid;
    // What of one that did this is asked for, nothing for one that is not. By default all.
    std::function<std::optional<AskedFor>(const TouchedFiles&)> asked_for;
    bool earliest_first = false;  // those that ended first are kept, not the heaviest
    bool counts_catalog = false;  // the catalog's own rows have weight, too
  };
  TransactionSearch(Options options, RelationNames& names, int major);

  // The next segment, up to `end`. An error is a record that cannot be read: what is found up to
  // there stands.
  Result<void> see(const wal::SegmentSummary& summary, pg::Lsn end);
  // After such an error: where that record begins.
  pg::Lsn unread_from() const { return unread_from_; }
  // A gap, or what cannot be read: what was begun before it may have ended in it.
  void skip();
  // There are more, which are not seen: whoever is open may end there.
  void leave();
  // From now on, whether anybody that is open here has still not ended: of those that the window
  // may be about.
  void await_open();
  bool awaits_any() const;
  // Until a checkpoint was seen, what others say of xids nearby is of use: the next one's epoch.
  bool knows_epoch() const { return first_epoch_.has_value(); }
  void learn_epoch(pg::FullXid next_xid);
  // There are no more. Those that committed, the heaviest first; then all others, likewise.
  std::vector<FoundTransaction> finish();

  struct Totals {
    uint64_t committed = 0, rolled_back = 0;
    uint64_t inserted = 0, updated = 0, deleted = 0;  // of those committed
  };
  const Totals& totals() const { return totals_; }
  // Of all that committed in the window and were asked for, kept or not.
  struct Tally {
    uint64_t transactions = 0;
    AskedFor sum;
    // In the log.
    uint64_t first_xid = 0;
    std::optional<Timestamp> first_at, last_at;
  };
  const Tally& tally() const { return tally_; }
  const Histogram& histogram() const { return histogram_; }
  // Of the ends in the window: the first in the log, and the latest.
  std::optional<Timestamp> first_time() const { return first_time_; }
  std::optional<Timestamp> last_time() const { return last_time_; }

 private:
  struct Open {
    std::optional<Timestamp> began_at;
    std::map<wal::RelationLocator, wal::RowCounts> rows;
    std::map<pg::Lsn, wal::RelationLocator> created;
    std::set<wal::RelationLocator> emptied;
    std::vector<pg::Oid> databases_dropped;
    std::string gid;
    std::optional<Timestamp> prepared_at;
    bool awaited = false;
  };
  struct End {
    pg::Xid xid = 0;
    Outcome outcome = Outcome::kCommitted;
    std::optional<Timestamp> time;
    pg::Lsn lsn;
    std::vector<pg::Xid> subxids;
    std::vector<wal::RelationLocator> dropped;  // as the record lists them
    bool two_phase = false;
    bool log_goes_on = false;
  };
  // Of one row list of the segment, worked out once for what is known of names.
  struct ListFacts {
    uint64_t version = 0;
    Weight weight;
    wal::RowCounts rows;
    std::optional<std::optional<AskedFor>> asked_for;
  };
  // Ends of the segment at hand that are kept records: DDL, COMMIT PREPARED, with subtransactions.
  struct KeptEnd {
    size_t place = 0;  // in SegmentSummary::kept
    pg::Lsn lsn;
    Timestamp time;
  };

  void see_catalog_rows(const wal::SegmentSummary& summary, pg::Lsn end);
  void take_over(const wal::SegmentSummary& summary);
  // What the transaction put into the catalog is true when it committed, and not before.
  void settle_names(const End& end, const std::vector<wal::RelationLocator>& created);
  ListFacts& facts_of(uint32_t row_list);
  void see_plain_end(const wal::SegmentSummary& summary, const wal::PlainEnd& end);
  bool is_light(const wal::PlainEnd& end, uint32_t row_list);
  Result<void> see_kept(const wal::Record& record, size_t place);
  Result<void> see_storage(const wal::Record& record);
  void give_files_to_makers();
  Result<void> see_assignment(const wal::Record& record);
  void add_rows(Open& open, const std::vector<wal::RelationRows>& rows);
  Open& opened(pg::Xid xid);
  std::optional<Timestamp> began_at(const wal::SegmentSummary& summary,
                                    const wal::TransactionWork& work) const;
  // Whoever is older than `next_xid` and has not ended: it never will.
  void interrupt_older(pg::Xid next_xid);
  // Likewise whoever wrote anything before the record at `place` in SegmentSummary::kept.
  void interrupt_all_before(size_t place);
  void interrupt(std::vector<pg::Xid> xids);
  // Nothing older than `next_xid` has written for the first time behind here.
  void know_from(pg::Xid next_xid);
  bool may_be_more(pg::FullXid xid) const { return !known_from_ || xid < *known_from_; }
  bool began_after_window(std::optional<Timestamp> began) const {
    return options_.until && began > options_.until;
  }
  // All that are open, as not ended.
  void end_open(bool log_goes_on);
  void forget_what_runs();
  Open take(pg::Xid xid, const std::vector<pg::Xid>& subxids);
  void end(const End& end, const Open& done);
  std::vector<TouchedFile> files_of(const Open& done,
                                    const std::vector<wal::RelationLocator>& created,
                                    const End& end);
  bool is_asked_for(const End& end) const;
  bool in_window(std::optional<Timestamp> time) const;
  void count(Outcome outcome, Timestamp time, const wal::RowCounts& rows);
  // Of one that committed; `asked_for` nothing where it was not asked for.
  void tally(uint64_t xid, Timestamp time, const std::optional<AskedFor>& asked_for);
  std::vector<TouchedFile> files_of_list(uint32_t row_list) const;
  std::optional<AskedFor> asked_for(const TouchedFiles& touched) const;
  const std::optional<AskedFor>& asked_for_list(uint32_t row_list);
  Heaviest& those_ended(Outcome outcome) {
    return outcome == Outcome::kCommitted ? committed_ : others_;
  }
  RelationNames::Nature nature_of(const wal::RelationLocator& file) const;
  bool counts(const wal::RelationLocator& file) const;
  wal::RowCounts rows_of_tables(const std::map<wal::RelationLocator, wal::RowCounts>& all) const;
  // What it is kept by.
  Weight rank(const Weight& weight) const;
  Weight weight_of(const std::vector<TouchedFile>& files) const;
  pg::FullXid full_xid(pg::Xid xid);

  const Options options_;
  RelationNames& names_;
  const int major_;
  wal::TimedEvents events_;
  pg::Lsn unread_from_;

  const wal::SegmentSummary* segment_ = nullptr;
  std::unordered_map<pg::Xid, uint32_t>
      here_;  // work of this segment that has not ended: its place
  std::vector<ListFacts> lists_;
  std::unordered_map<pg::Xid, Open> open_;  // of segments before, and what needs more than a list
  std::unordered_map<pg::Xid, std::vector<wal::CatalogRow>> catalog_rows_;  // of those open
  wal::CatalogRowParts row_parts_;                                          // likewise
  // Files whose rows were not seen yet, and whose creation names no transaction.
  std::map<pg::Lsn, wal::RelationLocator> made_by_nobody_;
  // Millions of transactions touch few files.
  mutable std::map<wal::RelationLocator, RelationNames::Nature> natures_;
  mutable uint64_t natures_version_ = 0;  // of the names
  std::vector<KeptEnd> kept_ends_;
  LiveRows live_rows_;
  // A database that is copied has the rows of its files from its creation on, whose xid this is.
  std::map<pg::Oid, pg::Xid> database_creations_;
  std::unordered_map<pg::Xid, pg::Xid> top_of_;  // of subtransactions, where WAL says it

  // Apart: however much was rolled back, it takes no place of what happened.
  Heaviest committed_, others_;

  // In the numbers of these. Where the log begins the epoch is not known: until the first
  // checkpoint says it, kUnknownEpoch stands for it.
  std::optional<pg::FullXid> next_xid_;
  std::optional<uint64_t> first_epoch_;  // to be added to them
  // Whoever is this or later began in what was seen, since it goes without a gap.
  std::optional<pg::FullXid> known_from_;
  Totals totals_;
  Tally tally_;
  Histogram histogram_;
  std::optional<Timestamp> first_time_, last_time_;
  std::optional<Timestamp> last_end_;  // in the log, since it goes without a gap
  std::optional<Timestamp> last_end_before_segment_;
};

}  // namespace walkback::find
