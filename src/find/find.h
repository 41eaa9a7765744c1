// `walkback find`: the transactions of a window of time that took or changed the most, with names.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/progress.h"
#include "base/result.h"
#include "catalog/names.h"
#include "catalog/unreadable.h"
#include "find/filter.h"
#include "find/histogram.h"
#include "find/transactions.h"
#include "pg/types.h"
#include "store/object_store.h"

namespace walkback::find {

inline constexpr size_t kFewOthers = 3;

struct FindOptions {
  std::string cluster;
  Timestamp since, until;  // of a transaction's end, both inclusive
  // Only this transaction, whatever the window and what it did.
  std::optional<uint64_t> xid;
  // As find/table_pattern.h reads it; empty for all.
  std::string table;
  std::optional<Kind> kind;
  uint64_t min_rows = 0;  // inserted, updated and deleted together; what dropped tables held counts
  size_t limit = 20;  // of those that committed; of the others a quarter, and kFewOthers at least
  bool earliest_first = false;             // not the heaviest
  std::optional<pg::TimelineId> timeline;  // default: the newest
  // What the running server says, where there is one that answers; not taken of another cluster's.
  std::optional<catalog::Names> live_names;
  size_t indexes_at_once = 64;
  catalog::OnUnreadable unreadable;  // backups and their names that cannot be read
};

// What a transaction did to one table, its TOAST table left out; or to a file that nobody can name.
struct FoundTable {
  wal::RelationLocator file;
  std::optional<RelationName> name;
  wal::RowCounts rows;
  FileFate fate = FileFate::kChanged;
  int64_t rows_gone = -1;  // see TouchedFile
};

// Of the moment before a transaction.
enum class Reach { kReachable, kBeforeBackups, kBehindGap };

struct FoundWork {
  FoundTransaction transaction;
  std::vector<FoundTable> tables;  // what it took the most from first
  std::vector<std::string> databases_dropped;
  Reach reach = Reach::kReachable;

  // `recover --before-xid` of it works.
  bool is_recoverable() const {
    return transaction.outcome == Outcome::kCommitted && reach == Reach::kReachable;
  }
};

// A stretch of the window about which nothing is known.
struct Unknown {
  std::string what;  // "WAL segments 00000001000000000000000A to …0C are not in the archive"
  pg::Lsn from, to;
};

struct FindReport {
  pg::TimelineId timeline;
  Timestamp since, until;
  std::optional<Timestamp> first, last;  // ends of transactions seen in the window
  // The first and the last end in the archive.
  std::optional<Timestamp> archive_first, archive_last;
  pg::Lsn archive_end;           // behind the last segment and the next one's header
  bool live_is_another = false;  // options.live_names is not of this cluster
  bool table_is_known = true;    // false when nothing that is known is called options.table
  std::optional<RelationName> nearest_table;  // then: what may have been meant
  // Those that committed, the heaviest first, and those that did not: rolled back, prepared, …
  std::vector<FoundWork> found, others;
  uint64_t more = 0;                 // that committed and match, and are not in `found`
  TransactionSearch::Tally tally;    // of all that committed and match
  TransactionSearch::Totals totals;  // of all transactions of the window, whatever they did
  Histogram histogram;
  uint64_t segments = 0;  // read
  std::vector<Unknown> unknown;
  // The first of the segments whose first record nobody has: one of the thousands in each.
  std::optional<std::string> unknown_first_records;
};

Result<FindReport> run_find(const FindOptions& options, store::ObjectStore& objects,
                            Progress& progress, std::stop_token stop);

}  // namespace walkback::find
