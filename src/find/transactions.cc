#include "find/transactions.h"

#include <algorithm>
#include <set>

#include "wal/record.h"
#include "wal/xlog_records.h"

namespace walkback::find {

namespace {

// Of what is gone without anybody knowing how much it was: more than anything counted.
constexpr uint64_t kUnknownRows = uint64_t{1} << 48;

// There may be xids of the epoch before.
constexpr uint64_t kUnknownEpoch = uint64_t{1} << 32;

uint64_t positive(int64_t rows) { return rows > 0 ? static_cast<uint64_t>(rows) : 0; }

bool is_of_catalog(const wal::RelationLocator& file) { return file.number < pg::kFirstUserOid; }

bool has_rows_of_its_own(const std::optional<RelationName>& name) {
  return !name || name->holds_rows();
}

}  // namespace

TransactionSearch::TransactionSearch(Options options, RelationNames& names, int major)
    : options_(std::move(options)), names_(names), events_(major) {}

Result<void> TransactionSearch::see(const wal::SegmentSummary& summary, pg::Lsn end) {
  segment_ = &summary;
  for (const wal::CatalogRow& row : summary.catalog_rows) names_.see(row);
  take_over(summary);
  Result<void> result = success();
  wal::visit_in_order(
      summary,
      [&](const wal::KeptRecord& kept) {
        pass(kept.start);
        if (kept.start < end) result = see_kept(wal::record_of(kept));
        return result.ok() && kept.start < end;
      },
      [&](const wal::PlainEnd& plain) {
        pass(plain.start);
        if (plain.start < end) see_plain_end(summary, plain);
        return plain.start < end;
      });
  // What has not ended goes on in the next segment.
  for (const auto& [xid, place] : here_) {
    const wal::TransactionWork& work = summary.transactions[place];
    Open& open = open_[xid];
    open.began_at = began_at(summary, work);
    add_rows(open, summary.row_lists[work.row_list]);
  }
  here_.clear();
  segment_ = nullptr;
  return result;
}

void TransactionSearch::take_over(const wal::SegmentSummary& summary) {
  lists_.assign(summary.row_lists.size(), {});
  for (size_t i = 0; i < lists_.size(); ++i) {
    for (const wal::RelationRows& rows : summary.row_lists[i]) {
      lists_[i].rows += rows.rows;
      if (is_of_catalog(rows.relation)) continue;
      lists_[i].weight.taken += positive(rows.rows.deleted) + positive(rows.rows.updated);
      lists_[i].weight.added += positive(rows.rows.inserted);
    }
  }
  here_.reserve(summary.transactions.size());
  for (uint32_t place = 0; place < summary.transactions.size(); ++place) {
    const wal::TransactionWork& work = summary.transactions[place];
    const auto open = open_.find(work.xid);
    if (open == open_.end()) {
      here_.emplace(work.xid, place);
    } else {
      add_rows(open->second, summary.row_lists[work.row_list]);
    }
  }
}

void TransactionSearch::add_rows(Open& open, const std::vector<wal::RelationRows>& rows) {
  for (const wal::RelationRows& of : rows) open.rows[of.relation] += of.rows;
}

std::optional<Timestamp> TransactionSearch::began_at(const wal::SegmentSummary& summary,
                                                     const wal::TransactionWork& work) const {
  if (work.ends_before == 0) return last_end_;
  return pg::from_pg_timestamp(summary.plain_ends[work.ends_before - 1].pg_time);
}

// The work of a transaction, where more is needed than its row list.
TransactionSearch::Open& TransactionSearch::opened(pg::Xid xid) {
  const auto [open, is_new] = open_.try_emplace(xid);
  const auto here = here_.find(xid);
  if (here != here_.end()) {
    const wal::TransactionWork& work = segment_->transactions[here->second];
    open->second.began_at = began_at(*segment_, work);
    add_rows(open->second, segment_->row_lists[work.row_list]);
    here_.erase(here);
  } else if (is_new) {
    open->second.began_at = last_end_;
  }
  return open->second;
}

// Nearly all transactions: begun and ended in one segment, alike, and light.
void TransactionSearch::see_plain_end(const wal::SegmentSummary& summary,
                                      const wal::PlainEnd& end) {
  const Outcome outcome = end.committed ? Outcome::kCommitted : Outcome::kRolledBack;
  const Timestamp time = pg::from_pg_timestamp(end.pg_time);
  const auto here = here_.find(end.xid);
  if (here != here_.end()) {
    const wal::TransactionWork& work = summary.transactions[here->second];
    ListFacts& list = lists_[work.row_list];
    if (!is_heavy(list.weight) || !is_wanted(work.row_list)) {
      full_xid(end.xid);
      count(outcome, time, list.rows);
      if (end.committed) {
        for (const wal::RelationRows& rows : summary.row_lists[work.row_list]) {
          live_rows_[rows.relation] += rows.rows.inserted - rows.rows.deleted;
        }
      }
      here_.erase(here);
      return;
    }
  }
  this->end({end.xid, outcome, time, end.start, {}, {}}, take(end.xid, {}));
}

Result<void> TransactionSearch::see_kept(const wal::Record& record) {
  if (record.rmgr == wal::kStorageRmgr) {
    if ((record.info & 0xF0) != wal::kStorageCreate || record.xid == 0) return success();
    wal::DecodedRecord decoded;
    TRY(decoded.decode(record, 0));
    const wal::StorageCreate created = TRY(wal::parse_storage_create(decoded.main_data()));
    if (created.fork == pg::Fork::kMain) {
      opened(record.xid).created.push_back(created.relation);
      live_rows_.erase(created.relation);  // of another file that had this number
      const auto copied = database_creations_.find(created.relation.database);
      const bool is_copy = copied != database_creations_.end() && copied->second == record.xid;
      if (!is_copy) created_.insert(created.relation);
    }
    return success();
  }
  const std::optional<wal::TimedEvent> event = TRY(events_.of(record));
  if (!event) return success();
  if (const auto* ended = std::get_if<wal::TransactionEnd>(&event->what)) {
    End end{ended->xid,
            ended->committed ? Outcome::kCommitted : Outcome::kRolledBack,
            ended->time,
            event->start,
            ended->subxids.copy(),
            {}};
    // An abort's are those that it had created.
    if (ended->committed) end.dropped = ended->dropped.copy();
    this->end(end, take(end.xid, end.subxids));
  } else if (const auto* prepare = std::get_if<wal::TransactionPrepare>(&event->what)) {
    Open whole = take(prepare->xid, prepare->subxids.copy());
    whole.prepared = true;
    whole.gid = prepare->gid;
    open_[prepare->xid] = std::move(whole);
  } else if (const auto* checkpoint = std::get_if<wal::Checkpoint>(&event->what)) {
    const pg::FullXid here = full_xid(checkpoint->next_xid.xid());
    if (!first_epoch_) first_epoch_ = checkpoint->next_xid.value - here.value;
  } else if (const auto* running = std::get_if<wal::RunningTransactions>(&event->what)) {
    end_crashed(running->oldest_running_xid);
  } else if (const auto* made = std::get_if<wal::DatabaseCreate>(&event->what)) {
    database_creations_[made->database] = record.xid;
  } else if (const auto* dropped = std::get_if<wal::DatabaseDrop>(&event->what)) {
    if (record.xid != 0) opened(record.xid).databases_dropped.push_back(dropped->database);
  }
  return success();
}

// A crash writes no abort: whoever is older than all that runs, and has not ended, ended in one.
void TransactionSearch::end_crashed(pg::Xid oldest_running) {
  std::vector<pg::Xid> crashed;
  for (const auto& [xid, open] : open_) {
    if (static_cast<int32_t>(xid - oldest_running) < 0 && !open.prepared) crashed.push_back(xid);
  }
  for (const pg::Xid xid : crashed) {
    const Open done = take(xid, {});
    if (in_window(last_end_)) end({xid, Outcome::kUnfinished, std::nullopt, {}, {}, {}}, done);
  }
}

// All that it did, its subtransactions' included, which is no longer open then.
TransactionSearch::Open TransactionSearch::take(pg::Xid xid, const std::vector<pg::Xid>& subxids) {
  Open whole = std::move(opened(xid));
  open_.erase(xid);
  for (const pg::Xid subxid : subxids) {
    const Open sub = std::move(opened(subxid));
    open_.erase(subxid);
    for (const auto& [file, rows] : sub.rows) whole.rows[file] += rows;
    whole.created.insert(whole.created.end(), sub.created.begin(), sub.created.end());
    if (sub.began_at) {
      whole.began_at = std::min(whole.began_at.value_or(*sub.began_at), *sub.began_at);
    }
  }
  return whole;
}

void TransactionSearch::end(const End& end, const Open& done) {
  FoundTransaction found;
  found.xid = full_xid(end.xid).value;
  found.outcome = end.outcome;
  found.began_at = done.began_at;
  found.ended_at = end.time;
  found.lsn = end.lsn;
  found.gid = done.gid;
  found.subtransactions = end.subxids.size();
  found.databases_dropped = done.databases_dropped;
  found.files = fates(done, end);
  wal::RowCounts all;
  for (const auto& [file, rows] : done.rows) all += rows;
  if (end.outcome == Outcome::kCommitted) {
    for (const auto& [file, rows] : done.rows) live_rows_[file] += rows.inserted - rows.deleted;
    for (const auto& [from, to] : moved_) move_rows(from, to);
  }
  if (end.time) count(end.outcome, *end.time, all);
  const bool began_later = !end.time && options_.until && done.began_at > options_.until;
  if (!in_window(end.time) || began_later) return;
  Weight weight = weight_of(found.files);
  if (!found.databases_dropped.empty()) weight.taken += kUnknownRows;
  if (is_heavy(weight) &&
      (!options_.wanted || options_.wanted(found.files) || !found.databases_dropped.empty())) {
    keep(std::move(found), weight);
  }
}

// Which of the files that went are truncated or rewritten, and which are dropped. TRUNCATE and
// ALTER TABLE give a relation another file and take the old one at commit; the record of the commit
// lists what goes in the reverse order (src/backend/catalog/storage.c, smgrGetPendingDeletes).
std::vector<TouchedFile> TransactionSearch::fates(const Open& done, const End& end) {
  moved_.clear();
  std::map<wal::RelationLocator, TouchedFile> files;
  for (const auto& [file, rows] : done.rows) files[file] = {file, rows};
  std::vector<wal::RelationLocator> dropped(end.dropped.rbegin(), end.dropped.rend());
  std::vector<wal::RelationLocator> created;
  for (const wal::RelationLocator& file : done.created) {
    // One that came and went in the same transaction is nobody's loss.
    if (std::erase(dropped, file) == 0) {
      created.push_back(file);
    } else {
      files.erase(file);
    }
  }

  const auto rewrite = [&](const wal::RelationLocator& from, const wal::RelationLocator& to,
                           FileFate fate) {
    names_.rewritten(from, to);
    // TRUNCATE stays in its tablespace; ALTER TABLE … SET TABLESPACE moves all rows.
    if (from.tablespace != to.tablespace) fate = FileFate::kRewritten;
    TouchedFile& gone = files[from];
    gone.file = from;
    gone.fate = fate;
    // What a rewrite moves over is no row more.
    if (fate != FileFate::kRewritten) return;
    files.erase(to);
    moved_.emplace_back(from, to);
  };
  // First where WAL says whose the new file is.
  std::vector<wal::RelationLocator> without_row, new_ones;
  std::set<pg::Oid> rewritten;  // relations whose rows moved to a new file
  size_t unmatched_rewrites = 0;
  for (const wal::RelationLocator& file : created) {
    const std::optional<RelationNames::Row> row = names_.row_of(file);
    if (!row) {
      without_row.push_back(file);
      continue;
    }
    if (row->is_rewrite) rewritten.insert(row->oid);
    const auto old = std::ranges::find_if(dropped, [&](const wal::RelationLocator& candidate) {
      const std::optional<RelationName> name = names_.of(candidate);
      return candidate.database == file.database && name && name->own_oid == row->oid;
    });
    if (old != dropped.end()) {
      rewrite(*old, file, row->is_rewrite ? FileFate::kRewritten : FileFate::kTruncated);
      dropped.erase(old);
    } else if (row->is_rewrite) {
      without_row.push_back(file);
      ++unmatched_rewrites;
    } else {
      new_ones.push_back(file);
    }
  }
  // A loss is never taken for a rewrite because another table was rewritten beside it.
  const auto is_rewritten = [&](const wal::RelationLocator& file) {
    const std::optional<RelationName> name = names_.of(file);
    return name ? rewritten.contains(name->own_oid) : unmatched_rewrites > 0;
  };
  // Then in their order, where it is plain that they belong together.
  if (without_row.size() == dropped.size()) {
    for (size_t i = 0; i < dropped.size(); ++i) {
      rewrite(dropped[i], without_row[i],
              is_rewritten(dropped[i]) ? FileFate::kRewritten : FileFate::kTruncated);
    }
    dropped.clear();
  } else {
    new_ones.insert(new_ones.end(), without_row.begin(), without_row.end());
  }
  for (const wal::RelationLocator& file : new_ones) {
    // It may be what another was rewritten to.
    if (unmatched_rewrites > 0) created_.erase(file);
    files[file].file = file;
    files[file].fate = FileFate::kCreated;
  }
  for (const wal::RelationLocator& file : dropped) {
    files[file].file = file;
    files[file].fate = is_rewritten(file) ? FileFate::kRewritten : FileFate::kDropped;
  }

  std::vector<TouchedFile> all;
  for (auto& [locator, file] : files) {
    if (is_loss(file.fate)) {
      file.rows_gone = rows_of(locator, end.lsn);
    }
    all.push_back(file);
  }
  return all;
}

void TransactionSearch::pass(pg::Lsn lsn) {
  const std::set<pg::Lsn>& all = names_.looked_up_at();
  const auto first =
      live_rows_at_.empty() ? all.begin() : all.upper_bound(live_rows_at_.rbegin()->first);
  for (auto at = first; at != all.end() && *at <= lsn; ++at) live_rows_at_[*at] = live_rows_;
}

// By pages, or one by one: either way what counts is what there was.
void TransactionSearch::move_rows(const wal::RelationLocator& from,
                                  const wal::RelationLocator& to) {
  const auto move = [&](LiveRows& rows) {
    const auto found = rows.find(from);
    if (found == rows.end()) {
      rows.erase(to);
    } else {
      rows[to] = found->second;
    }
  };
  move(live_rows_);
  for (auto& [at, rows] : live_rows_at_) move(rows);
  if (!created_.contains(from)) created_.erase(to);
}

// What a file held, as far as statistics and the WAL seen tell; -1 when not known.
int64_t TransactionSearch::rows_of(const wal::RelationLocator& file, pg::Lsn at_end) const {
  const auto rows_in = [&](const LiveRows& rows) {
    const auto found = rows.find(file);
    return found == rows.end() ? int64_t{0} : found->second;
  };
  const int64_t seen = rows_in(live_rows_);
  if (created_.contains(file)) return std::max<int64_t>(0, seen);
  const std::optional<RelationName> name = names_.of(file);
  if (name && name->rows >= 0 && name->rows_at <= at_end) {
    const auto then = live_rows_at_.find(name->rows_at);
    const int64_t before = then == live_rows_at_.end() ? 0 : rows_in(then->second);
    return std::max<int64_t>(0, name->rows + seen - before);
  }
  return seen > 0 ? seen : -1;
}

Weight TransactionSearch::weight_of(const std::vector<TouchedFile>& files) const {
  Weight weight;
  for (const TouchedFile& file : files) {
    if (is_of_catalog(file.file)) continue;
    weight.taken += positive(file.rows.deleted) + positive(file.rows.updated);
    weight.added += positive(file.rows.inserted);
    if (file.fate == FileFate::kCreated) ++weight.added;
    if (!is_loss(file.fate) || !has_rows_of_its_own(names_.of(file.file))) continue;
    // An empty table is something, too.
    weight.taken +=
        file.rows_gone >= 0 ? std::max<uint64_t>(1, positive(file.rows_gone)) : kUnknownRows;
  }
  return weight;
}

void TransactionSearch::count(Outcome outcome, Timestamp time, const wal::RowCounts& rows) {
  last_end_ = time;
  if (!in_window(time)) return;
  if (!first_time_) first_time_ = time;
  last_time_ = std::max(last_time_.value_or(time), time);
  if (outcome != Outcome::kCommitted) {
    ++totals_.rolled_back;
    return;
  }
  ++totals_.committed;
  totals_.inserted += positive(rows.inserted);
  totals_.updated += positive(rows.updated);
  totals_.deleted += positive(rows.deleted);
  histogram_.add(time, positive(rows.inserted) + positive(rows.updated) + positive(rows.deleted));
}

bool TransactionSearch::in_window(std::optional<Timestamp> time) const {
  if (!time) return true;
  return (!options_.since || *time >= *options_.since) &&
         (!options_.until || *time <= *options_.until);
}

bool TransactionSearch::is_wanted(uint32_t row_list) {
  std::optional<bool>& wanted = lists_[row_list].wanted;
  if (!wanted) {
    std::vector<TouchedFile> files;
    for (const wal::RelationRows& rows : segment_->row_lists[row_list]) {
      files.push_back({rows.relation, rows.rows});
    }
    wanted = !options_.wanted || options_.wanted(files);
  }
  return *wanted;
}

bool TransactionSearch::is_heavy(const Weight& weight) const {
  if (weight == Weight{}) return false;
  return kept_.size() < options_.keep || kept_.front().weight < weight;
}

void TransactionSearch::keep(FoundTransaction found, const Weight& weight) {
  const auto lighter_last = [](const Kept& a, const Kept& b) { return a.weight > b.weight; };
  kept_.push_back({weight, std::move(found)});
  std::ranges::push_heap(kept_, lighter_last);
  if (kept_.size() <= options_.keep) return;
  std::ranges::pop_heap(kept_, lighter_last);
  kept_.pop_back();
}

void TransactionSearch::skip() {
  // Whoever is open now may have ended unseen, and who ends later may have begun unseen.
  open_.clear();
  last_end_.reset();
}

std::vector<FoundTransaction> TransactionSearch::finish() {
  while (!open_.empty()) {
    const pg::Xid xid = open_.begin()->first;
    const Open done = std::move(open_.begin()->second);
    open_.erase(open_.begin());
    const Outcome outcome = done.prepared ? Outcome::kPrepared : Outcome::kUnfinished;
    end({xid, outcome, std::nullopt, {}, {}, {}}, done);
  }
  std::ranges::sort(kept_, [](const Kept& a, const Kept& b) {
    return std::tie(b.weight, a.transaction.lsn) < std::tie(a.weight, b.transaction.lsn);
  });
  std::vector<FoundTransaction> found;
  for (Kept& kept : kept_) {
    kept.transaction.xid += first_epoch_.value_or(-kUnknownEpoch);
    found.push_back(std::move(kept.transaction));
  }
  kept_.clear();
  return found;
}

pg::FullXid TransactionSearch::full_xid(pg::Xid xid) {
  const pg::FullXid full =
      next_xid_ ? pg::widen(xid, *next_xid_) : pg::FullXid{kUnknownEpoch + xid};
  next_xid_ = std::max(next_xid_.value_or(full), pg::FullXid{full.value + 1});
  return full;
}

}  // namespace walkback::find
