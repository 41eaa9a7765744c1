#include "undo/transaction_wal.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/wal_stream.h"
#include "catalog/wal_summaries.h"
#include "wal/timed_event.h"

namespace walkback::undo {

namespace {

using catalog::KnownSegment;
using catalog::WalArchive;
using catalog::WalChain;

struct Writer {
  pg::Xid xid = 0;
  std::set<pg::Xid> all;  // itself and its committed subtransactions
};

// Xids are compared modulo 2^32: those in use at one time span less than half of that.
bool is_before(pg::Xid a, pg::Xid b) { return static_cast<int32_t>(a - b) < 0; }

class Reading {
 public:
  Reading(const WalArchive& archive, const WalChain& chain, pg::Lsn commit, std::stop_token stop)
      : archive_(archive), chain_(chain), commit_(commit), stop_(std::move(stop)) {}

  Result<TransactionWal> run() {
    TRY(read_commit());
    TRY(find_segments());
    RowChanges changes(writer_.all, archive_.lineage().major);
    for (size_t i = 0; i < segments_.size();) {
      size_t last = i;
      // A gap of one is read on through.
      while (last + 1 < segments_.size() &&
             segments_[last + 1].number <= segments_[last].number + 2) {
        ++last;
      }
      TRY(read(segments_[i], segments_[last].number, changes));
      i = last + 1;
    }
    return TransactionWal{std::move(changes), commit_end_};
  }

 private:
  // A segment in which it may have written.
  struct Wanted {
    uint64_t number = 0;
    bool goes_on = true;  // its first record begins in the one before, or may
  };

  uint32_t segment_bytes() const { return archive_.segment_bytes(); }
  pg::Lsn begin_of(uint64_t number) const { return {number * segment_bytes()}; }

  Result<void> read_commit() {
    const pg::Lsn end = chain_.end_of_stretch(commit_);
    wal::TimedEvents events(archive_.lineage().major);
    Result<void> understood = success();
    const auto visit = [&](const wal::Record& record) {
      const auto event = events.of(record);
      if (!event.ok()) {
        understood = event.error();
        return false;
      }
      const auto* ended = *event ? std::get_if<wal::TransactionEnd>(&(*event)->what) : nullptr;
      if (ended != nullptr && ended->committed && record.start == commit_) {
        writer_.xid = ended->xid;
        commit_end_ = record.end;
        writer_.all.insert(ended->xid);
        for (const pg::Xid subxid : ended->subxids) writer_.all.insert(subxid);
      }
      return false;
    };
    const catalog::WalEnd read =
        TRY(catalog::read_events(archive_, chain_, commit_, end, stop_, visit));
    if (read.problem) return *read.problem;
    TRY(understood);
    if (writer_.xid != 0) return success();
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("the record at {} is no commit", commit_.text()));
  }

  // Backwards from the commit, to a record that was written when the xid was not given out yet.
  Result<void> find_segments() {
    std::optional<pg::Lsn> assigned_after;
    for (uint64_t number = commit_.value / segment_bytes();; --number) {
      if (stop_.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
      if (!chain_.segment(number)) return not_all_there(number);
      const KnownSegment known = TRY(catalog::read_summary(archive_, chain_, number));
      // What an index does not say is looked for in the segment.
      if (!known.summary || !known.summary->says_all() || writes_in(*known.summary)) {
        const bool knows_first = known.summary && known.summary->says_all();
        segments_.push_back(
            {number, !knows_first || known.summary->first_record < begin_of(number)});
      }
      if (!assigned_after && known.summary) assigned_after = written_before(*known.summary);
      if (assigned_after && *assigned_after >= begin_of(number)) break;
      if (number == 0) return not_all_there(number);
    }
    std::ranges::reverse(segments_);
    return success();
  }

  bool writes_in(const wal::SegmentSummary& summary) const {
    return std::ranges::any_of(summary.transactions, [&](const wal::TransactionWork& work) {
      return writer_.all.contains(work.xid);
    });
  }

  // A place in the log before which the transaction had no xid, and so wrote nothing: nothing where
  // the segment does not tell.
  std::optional<pg::Lsn> written_before(const wal::SegmentSummary& summary) const {
    wal::TimedEvents events(archive_.lineage().major);
    std::optional<pg::Lsn> last;
    for (const wal::KeptRecord& kept : summary.kept) {
      if (kept.start >= commit_) break;
      const auto event = events.of(wal::record_of(kept));
      if (!event.ok() || !*event) continue;
      if (const auto* checkpoint = std::get_if<wal::Checkpoint>(&(*event)->what)) {
        // What it says of xids was true when it began.
        if (!is_before(writer_.xid, checkpoint->next_xid.xid())) last = checkpoint->redo;
      } else if (const auto* running = std::get_if<wal::RunningTransactions>(&(*event)->what)) {
        if (!is_before(writer_.xid, running->next_xid)) last = kept.start;
      }
    }
    return last;
  }

  Error not_all_there(uint64_t missing) const {
    return make_error(
        ErrorKind::kMissing,
        fmt::format(
            "WAL segment {}, in which the transaction may have begun, is not in the archive",
            chain_.file_name(begin_of(missing))),
        "what it did is not known whole; `walkback recover --before-xid` gives back what was "
        "there");
  }

  Result<void> read(Wanted first, uint64_t last, RowChanges& changes) {
    // With the beginning of a record that goes on in the first.
    const bool from_before = first.goes_on && first.number > 0 && chain_.segment(first.number - 1);
    const pg::Lsn from = begin_of(from_before ? first.number - 1 : first.number);
    const pg::Lsn to = std::min(commit_, begin_of(last + 1));
    Result<void> seen = success();
    const catalog::WalEnd end = TRY(catalog::read_wal(archive_, chain_, std::max(from, read_to_),
                                                      to, stop_, [&](const wal::Record& record) {
                                                        seen = changes.see(record);
                                                        return seen.ok();
                                                      }));
    TRY(seen);
    if (end.problem) {
      return Error(*end.problem).with_context("the transaction's WAL cannot be read");
    }
    read_to_ = end.end;
    return success();
  }

  const WalArchive& archive_;
  const WalChain& chain_;
  const pg::Lsn commit_;
  pg::Lsn commit_end_;
  const std::stop_token stop_;
  Writer writer_;
  std::vector<Wanted> segments_;  // ascending
  pg::Lsn read_to_;               // no record is seen twice
};

}  // namespace

Result<TransactionWal> read_transaction_wal(const WalArchive& archive, const WalChain& chain,
                                            pg::Lsn commit, std::stop_token stop) {
  return Reading(archive, chain, commit, std::move(stop)).run();
}

}  // namespace walkback::undo
