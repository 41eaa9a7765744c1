// The transactions that took or changed the most, of any number that come.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "find/file_fates.h"
#include "pg/types.h"

namespace walkback::find {

enum class Outcome {
  kCommitted,
  kRolledBack,
  kPrepared,     // waits for its COMMIT PREPARED
  kInterrupted,  // by a crash, or by a recovery that ended before it did
  kUnfinished,   // no end is known where the WAL ends, or where reading stopped
};

struct FoundTransaction {
  uint64_t xid = 0;  // 64 bits
  Outcome outcome = Outcome::kCommitted;
  // WAL holds no begin: the end of another that came last before its first record. It began there
  // or, if it read for a while, earlier. Nothing where `may_be_more`, or no end came before.
  std::optional<Timestamp> began_at;
  // It may have begun before what was read, or before a gap in it: what is known of it may not be
  // all.
  bool may_be_more = false;
  // It was prepared in what was not read: it committed all that it did, and nothing of that is
  // known.
  bool work_unseen = false;
  // There is more WAL than was read, and its end may be there.
  bool log_goes_on = false;
  std::optional<Timestamp> ended_at;
  std::optional<Timestamp> prepared_at;  // of one that waits
  // Of an interrupted one: the last end of another that stands before the interruption.
  std::optional<Timestamp> interrupted_after;
  pg::Lsn lsn;      // where the record of its end begins
  std::string gid;  // of a prepared one, where WAL tells
  // Savepoints that were rolled back, where WAL names the transaction that they belong to: that
  // one's xid, and how many of them are put together here.
  std::optional<uint64_t> savepoints_of;
  uint64_t savepoints = 0;
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

class Heaviest {
 public:
  explicit Heaviest(size_t most) : most_(most) {}

  // Whether one of this weight would be kept.
  bool takes(const Weight& weight) const {
    return weight != Weight{} && (kept_.size() < most_ || kept_.front().weight < weight);
  }
  // Savepoints of a transaction that is known become one entry with those that are there.
  void keep(FoundTransaction found, const Weight& weight);
  // Of those kept, these are savepoints of transaction `top`.
  void put_savepoints_together(uint64_t top, const std::set<pg::Xid>& savepoints);
  // The heaviest first; none is kept then.
  std::vector<FoundTransaction> take_all();

 private:
  struct Kept {
    Weight weight;
    FoundTransaction transaction;
  };
  static bool is_heavier(const Kept& a, const Kept& b) { return a.weight > b.weight; }

  const size_t most_;
  std::vector<Kept> kept_;  // a heap, the lightest first
};

}  // namespace walkback::find
