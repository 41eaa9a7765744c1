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
#include "find/histogram.h"
#include "find/relation_names.h"
#include "pg/types.h"
#include "wal/segment_summary.h"
#include "wal/timed_event.h"

namespace walkback::find {

enum class Outcome {
  kCommitted,
  kRolledBack,
  kPrepared,    // waits for its COMMIT PREPARED
  kUnfinished,  // no end is known: it runs yet, or a crash ended it
};

enum class FileFate { kChanged, kTruncated, kRewritten, kDropped, kCreated };
inline bool is_loss(FileFate fate) {
  return fate == FileFate::kTruncated || fate == FileFate::kDropped;
}

// What a transaction did to one relation file.
struct TouchedFile {
  wal::RelationLocator file;
  wal::RowCounts rows;
  FileFate fate = FileFate::kChanged;
  // Of a truncated or dropped one: what it held, as far as statistics and the WAL seen tell; -1
  // when not known.
  int64_t rows_gone = -1;
};

struct FoundTransaction {
  uint64_t xid = 0;  // 64 bits
  Outcome outcome = Outcome::kCommitted;
  // WAL holds no begin: the end of another that came last before its first record. It began there
  // or, if it read for a while, earlier. Nothing where the WAL that is here begins, or goes on
  // after a gap: then what is known of it may not be all.
  std::optional<Timestamp> began_at;
  std::optional<Timestamp> ended_at;
  pg::Lsn lsn;      // where the record of its end begins
  std::string gid;  // of a prepared one, where WAL tells
  uint64_t subtransactions = 0;
  std::vector<pg::Oid> databases_dropped;
  std::vector<TouchedFile> files;
};

// What of a transaction counts: what it took away first, then what it added.
struct Weight {
  uint64_t taken = 0;  // rows deleted, updated, or gone with their table
  uint64_t added = 0;
  auto operator<=>(const Weight&) const = default;
};

class TransactionSearch {
 public:
  struct Options {
    std::optional<Timestamp> since, until;  // of a transaction's end
    size_t keep = 100;
    // Whether a transaction that touched these files is asked for: true for all by default.
    std::function<bool(const std::vector<TouchedFile>&)> wanted;
  };
  TransactionSearch(Options options, RelationNames& names, int major);

  // The next segment, up to `end`. An error is a record that cannot be read: what is found up to
  // there stands.
  Result<void> see(const wal::SegmentSummary& summary, pg::Lsn end);
  // A gap, or what cannot be read: what was begun before it may have ended in it.
  void skip();
  // There are no more. The heaviest first.
  std::vector<FoundTransaction> finish();

  struct Totals {
    uint64_t committed = 0, rolled_back = 0;
    uint64_t inserted = 0, updated = 0, deleted = 0;  // of those committed
  };
  const Totals& totals() const { return totals_; }
  const Histogram& histogram() const { return histogram_; }
  // Of the ends in the window: the first in the log, and the latest.
  std::optional<Timestamp> first_time() const { return first_time_; }
  std::optional<Timestamp> last_time() const { return last_time_; }

 private:
  struct Open {
    std::optional<Timestamp> began_at;
    std::map<wal::RelationLocator, wal::RowCounts> rows;
    std::vector<wal::RelationLocator> created;  // in order
    std::vector<pg::Oid> databases_dropped;
    std::string gid;
    bool prepared = false;
  };
  struct End {
    pg::Xid xid = 0;
    Outcome outcome = Outcome::kCommitted;
    std::optional<Timestamp> time;
    pg::Lsn lsn;
    std::vector<pg::Xid> subxids;
    std::vector<wal::RelationLocator> dropped;  // as the record lists them
  };
  // Of one row list of the segment, worked out once.
  struct ListFacts {
    Weight weight;
    wal::RowCounts rows;
    std::optional<bool> wanted;
  };

  void take_over(const wal::SegmentSummary& summary);
  void see_plain_end(const wal::SegmentSummary& summary, const wal::PlainEnd& end);
  Result<void> see_kept(const wal::Record& record);
  void add_rows(Open& open, const std::vector<wal::RelationRows>& rows);
  Open& opened(pg::Xid xid);
  std::optional<Timestamp> began_at(const wal::SegmentSummary& summary,
                                    const wal::TransactionWork& work) const;
  void end_crashed(pg::Xid oldest_running);
  Open take(pg::Xid xid, const std::vector<pg::Xid>& subxids);
  void end(const End& end, const Open& done);
  std::vector<TouchedFile> fates(const Open& done, const End& end);
  void keep(FoundTransaction found, const Weight& weight);
  // The log was read up to here.
  void pass(pg::Lsn lsn);
  int64_t rows_of(const wal::RelationLocator& file, pg::Lsn at_end) const;
  void move_rows(const wal::RelationLocator& from, const wal::RelationLocator& to);
  bool in_window(std::optional<Timestamp> time) const;
  void count(Outcome outcome, Timestamp time, const wal::RowCounts& rows);
  bool is_wanted(uint32_t row_list);
  bool is_heavy(const Weight& weight) const;
  Weight weight_of(const std::vector<TouchedFile>& files) const;
  pg::FullXid full_xid(pg::Xid xid);

  const Options options_;
  RelationNames& names_;
  wal::TimedEvents events_;

  const wal::SegmentSummary* segment_ = nullptr;
  std::unordered_map<pg::Xid, uint32_t>
      here_;  // work of this segment that has not ended: its place
  std::vector<ListFacts> lists_;
  std::unordered_map<pg::Xid, Open> open_;  // of segments before, and what needs more than a list
  // Inserted less deleted, as far as seen; and as it was where names were looked up.
  using LiveRows = std::map<wal::RelationLocator, int64_t>;
  LiveRows live_rows_;
  std::map<pg::Lsn, LiveRows> live_rows_at_;
  // Files that came into being in what was seen, with all their rows: those of a database that was
  // copied by its creation, whose xid this is, had some before.
  std::set<wal::RelationLocator> created_;
  std::map<pg::Oid, pg::Xid> database_creations_;
  // Of the transaction at hand: whose rows went on in which new file.
  std::vector<std::pair<wal::RelationLocator, wal::RelationLocator>> moved_;

  struct Kept {
    Weight weight;
    FoundTransaction transaction;
  };
  std::vector<Kept> kept_;  // a heap, the lightest first, when full

  // In the numbers of `kept_`. Where the log begins the epoch is not known: until the first
  // checkpoint says it, kUnknownEpoch stands for it.
  std::optional<pg::FullXid> next_xid_;
  std::optional<uint64_t> first_epoch_;  // to be added to them
  Totals totals_;
  Histogram histogram_;
  std::optional<Timestamp> first_time_, last_time_;
  std::optional<Timestamp> last_end_;  // in the log, since it goes without a gap
};

}  // namespace walkback::find
