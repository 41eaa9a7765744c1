#include "find/transactions.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "base/utf8.h"
#include "wal/record.h"
#include "wal/xlog_records.h"

namespace walkback::find {

namespace {

// Of what is gone without anybody knowing how much it was. ANALYZE comes by itself to a table that
// changed by 50 rows and a tenth (autovacuum_analyze_threshold): what has no statistics is small,
// as a rule.
constexpr uint64_t kUnknownRows = 1000;
// A database is more than any table.
constexpr uint64_t kWholeDatabase = uint64_t{1} << 48;

// There may be xids of the epoch before.
constexpr uint64_t kUnknownEpoch = uint64_t{1} << 32;

uint64_t positive(int64_t rows) { return rows > 0 ? static_cast<uint64_t>(rows) : 0; }

AskedFor all_of(const std::vector<TouchedFile>& files) {
  AskedFor all;
  for (const TouchedFile& file : files) {
    all.rows += file.rows;
    if (is_loss(file.fate) || file.fate == FileFate::kAltered) all.gone += positive(file.rows_gone);
  }
  return all;
}

bool has_rows_of_its_own(const std::optional<RelationName>& name) {
  return !name || name->holds_rows();
}

}  // namespace

AskedFor& AskedFor::operator+=(const AskedFor& other) {
  rows += other.rows;
  gone += other.gone;
  return *this;
}

TransactionSearch::TransactionSearch(Options options, RelationNames& names, int major)
    : options_(std::move(options)),
      names_(names),
      major_(major),
      events_(major),
      committed_(options_.keep),
      others_(options_.keep) {}

Result<void> TransactionSearch::see(const wal::SegmentSummary& summary, pg::Lsn end) {
  segment_ = &summary;
  kept_ends_.clear();
  last_end_before_segment_ = last_end_;
  see_catalog_rows(summary, end);
  take_over(summary);
  give_files_to_makers();
  Result<void> result = success();
  wal::visit_in_order(
      summary,
      [&](const wal::KeptRecord& kept) {
        live_rows_.pass(kept.start, names_);
        const auto place = static_cast<size_t>(&kept - summary.kept.data());
        if (kept.start < end) result = see_kept(wal::record_of(kept), place);
        if (!result.ok()) unread_from_ = kept.start;
        return result.ok() && kept.start < end;
      },
      [&](const wal::PlainEnd& plain) {
        live_rows_.pass(plain.start, names_);
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

void TransactionSearch::see_catalog_rows(const wal::SegmentSummary& summary, pg::Lsn end) {
  names_.add_catalogs(summary.moved_catalogs);
  const auto see = [&](const wal::CatalogRow& row) {
    names_.see_file(row);
    catalog_rows_[row.xid].push_back(row);
  };
  for (const wal::CatalogRowPart& part : summary.catalog_row_parts) {
    if (end <= part.start) break;
    if (const std::optional<wal::CatalogRow> row = row_parts_.add(part)) see(*row);
  }
  for (const wal::CatalogRow& row : summary.catalog_rows) {
    if (end <= row.start) break;
    see(row);
  }
}

void TransactionSearch::take_over(const wal::SegmentSummary& summary) {
  lists_.assign(summary.row_lists.size(), {});
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

TransactionSearch::ListFacts& TransactionSearch::facts_of(uint32_t row_list) {
  ListFacts& facts = lists_[row_list];
  if (facts.version == names_.version()) return facts;
  facts = {.version = names_.version()};
  for (const wal::RelationRows& rows : segment_->row_lists[row_list]) {
    if (nature_of(rows.relation) == RelationNames::Nature::kToast) continue;
    facts.rows += rows.rows;
    if (!counts(rows.relation)) continue;
    facts.weight.taken += positive(rows.rows.deleted) + positive(rows.rows.updated);
    facts.weight.added += positive(rows.rows.inserted);
  }
  return facts;
}

void TransactionSearch::settle_names(const End& end,
                                     const std::vector<wal::RelationLocator>& created) {
  row_parts_.forget(end.xid);
  for (const pg::Xid subxid : end.subxids) row_parts_.forget(subxid);
  if (catalog_rows_.empty()) return;
  std::vector<wal::CatalogRow> rows;
  const auto take = [&](pg::Xid xid) {
    const auto found = catalog_rows_.find(xid);
    if (found == catalog_rows_.end()) return;
    std::ranges::move(found->second, std::back_inserter(rows));
    catalog_rows_.erase(found);
  };
  take(end.xid);
  for (const pg::Xid subxid : end.subxids) take(subxid);
  std::ranges::stable_sort(rows, {}, &wal::CatalogRow::start);
  for (const wal::CatalogRow& row : rows) {
    if (end.outcome == Outcome::kCommitted) {
      names_.see(row, end.dropped);
      continue;
    }
    // What it had made is called what it called it; of all else it says nothing.
    const bool made = std::ranges::any_of(created, [&](const wal::RelationLocator& file) {
      return file.database == row.database && file.number == row.file && row.file == row.oid;
    });
    if (made && row.of == wal::CatalogRow::Of::kRelation) names_.see_if_unknown(row);
  }
}

void TransactionSearch::add_rows(Open& open, const std::vector<wal::RelationRows>& rows) {
  for (const wal::RelationRows& of : rows) open.rows[of.relation] += of.rows;
}

// The last end before its first record here: all of those in the segment were seen by now.
std::optional<Timestamp> TransactionSearch::began_at(const wal::SegmentSummary& summary,
                                                     const wal::TransactionWork& work) const {
  std::optional<Timestamp> last = last_end_before_segment_;
  pg::Lsn at;
  if (work.ends_before > 0) {
    const wal::PlainEnd& plain = summary.plain_ends[work.ends_before - 1];
    last = pg::from_pg_timestamp(plain.pg_time);
    at = plain.start;
  }
  for (const KeptEnd& kept : kept_ends_) {
    if (kept.place < work.kept_before && at <= kept.lsn) last = kept.time;
  }
  return last;
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
  if (catalog_rows_.contains(end.xid)) {
    this->end({end.xid, outcome, time, end.start, {}, {}}, take(end.xid, {}));
    return;
  }
  const auto here = here_.find(end.xid);
  if (here != here_.end()) {
    const wal::TransactionWork& work = summary.transactions[here->second];
    if (is_light(end, work.row_list)) {
      const uint64_t xid = full_xid(end.xid).value;
      const ListFacts& facts = facts_of(work.row_list);
      count(outcome, time, facts.rows);
      if (end.committed) {
        // Of all but the one transaction that is asked for, there is nothing to tell.
        if (!options_.xid) {
          tally(xid, time, facts.weight == Weight{} ? std::nullopt : asked_for_list(work.row_list));
        }
        for (const wal::RelationRows& rows : summary.row_lists[work.row_list]) {
          live_rows_.add(rows.relation, rows.rows.inserted - rows.rows.deleted);
        }
      }
      here_.erase(here);
      return;
    }
  }
  this->end({end.xid, outcome, time, end.start, {}, {}}, take(end.xid, {}));
}

bool TransactionSearch::is_light(const wal::PlainEnd& end, uint32_t row_list) {
  if (options_.xid) return static_cast<pg::Xid>(*options_.xid) != end.xid;
  const Heaviest& heaviest = end.committed ? committed_ : others_;
  return !heaviest.takes(rank(facts_of(row_list).weight)) || !asked_for_list(row_list);
}

Result<void> TransactionSearch::see_kept(const wal::Record& record, size_t place) {
  if (record.rmgr == wal::kStorageRmgr) return see_storage(record);
  if (record.rmgr == wal::kTransactionRmgr &&
      (record.info & wal::kTransactionMask) == wal::kAssignment) {
    return see_assignment(record);
  }
  const std::optional<wal::TimedEvent> event = TRY(events_.of(record));
  if (!event) return success();
  if (const auto* ended = std::get_if<wal::TransactionEnd>(&event->what)) {
    End end{ended->xid,
            ended->committed ? Outcome::kCommitted : Outcome::kRolledBack,
            ended->time,
            event->start,
            ended->subxids.copy(),
            {},
            ended->two_phase};
    // An abort's are those that it had created.
    if (ended->committed) end.dropped = ended->dropped.copy();
    this->end(end, take(end.xid, end.subxids));
    kept_ends_.push_back({place, event->start, ended->time});
  } else if (const auto* prepare = std::get_if<wal::TransactionPrepare>(&event->what)) {
    Open whole = take(prepare->xid, prepare->subxids.copy());
    whole.prepared_at = prepare->time;
    whole.gid = escape_invalid_utf8(prepare->gid);
    open_[prepare->xid] = std::move(whole);
  } else if (const auto* checkpoint = std::get_if<wal::Checkpoint>(&event->what)) {
    const pg::Xid next_xid = checkpoint->next_xid.xid();
    const pg::FullXid here = full_xid(next_xid);
    if (!first_epoch_) first_epoch_ = checkpoint->next_xid.value - here.value;
    // Nothing runs while the server stops, nor when it has recovered from a crash.
    if (checkpoint->shutdown) {
      know_from(next_xid);
      interrupt_older(next_xid);
    }
  } else if (std::holds_alternative<wal::EndOfRecovery>(event->what)) {
    interrupt_all_before(place);
  } else if (const auto* running = std::get_if<wal::RunningTransactions>(&event->what)) {
    know_from(running->next_xid);
    interrupt_older(running->oldest_running_xid);
  } else if (const auto* made = std::get_if<wal::DatabaseCreate>(&event->what)) {
    // ALTER DATABASE SET TABLESPACE (movedb() in src/backend/commands/dbcommands.c) copies a
    // database to itself.
    if (made->copied_from && made->copied_from->database == made->database) {
      names_.moved(made->database, made->tablespace);
    } else {
      database_creations_[made->database] = record.xid;
    }
  } else if (const auto* dropped = std::get_if<wal::DatabaseDrop>(&event->what)) {
    if (record.xid != 0) opened(record.xid).databases_dropped.push_back(dropped->database);
  }
  return success();
}

Result<void> TransactionSearch::see_storage(const wal::Record& record) {
  wal::DecodedRecord decoded;
  TRY(decoded.decode(record, major_));
  if ((record.info & 0xF0) == wal::kStorageTruncate) {
    const wal::StorageTruncate cut = TRY(wal::parse_storage_truncate(decoded.main_data()));
    const bool by_vacuum = record.xid == 0;  // which gives back the end of a file
    if (!by_vacuum && cut.main && cut.blocks == 0) opened(record.xid).emptied.insert(cut.relation);
    return success();
  }
  if ((record.info & 0xF0) != wal::kStorageCreate) return success();
  const wal::StorageCreate created = TRY(wal::parse_storage_create(decoded.main_data()));
  if (created.fork != pg::Fork::kMain && created.fork != pg::Fork::kInit) return success();
  // A subtransaction whose first record this is has no xid before the next: the row has it.
  if (record.xid == 0) {
    made_by_nobody_[record.start] = created.relation;
    give_files_to_makers();
    return success();
  }
  // Of an unlogged table only the init fork is logged, and none of its rows.
  opened(record.xid).created[record.start] = created.relation;
  if (created.fork == pg::Fork::kInit) return success();
  const auto copied = database_creations_.find(created.relation.database);
  live_rows_.create(created.relation,
                    copied != database_creations_.end() && copied->second == record.xid);
  return success();
}

void TransactionSearch::give_files_to_makers() {
  std::erase_if(made_by_nobody_, [&](const auto& made) {
    const auto& [at, file] = made;
    const std::optional<RelationNames::Row> row = names_.row_of(file);
    if (!row) return false;
    opened(row->xid).created[at] = file;
    live_rows_.create(file, false);
    return true;
  });
}

// Written for every 64 subtransactions of one (PGPROC_MAX_CACHED_SUBXIDS in
// src/backend/access/transam/xact.c, AssignTransactionId): loops with an EXCEPTION block have them.
Result<void> TransactionSearch::see_assignment(const wal::Record& record) {
  wal::DecodedRecord decoded;
  TRY(decoded.decode(record, major_));
  const wal::TransactionAssignment assigned =
      TRY(wal::parse_transaction_assignment(decoded.main_data()));
  std::set<pg::Xid> savepoints;
  for (const pg::Xid subxid : assigned.subxids.copy()) {
    savepoints.insert(subxid);
    top_of_[subxid] = assigned.top;
  }
  others_.put_savepoints_together(full_xid(assigned.top).value, savepoints);
  return success();
}

// Xids are given out in their order, and none while a snapshot is logged
// (src/backend/storage/ipc/standby.c, LogStandbySnapshot, holds XidGenLock).
void TransactionSearch::know_from(pg::Xid next_xid) {
  const pg::FullXid next = full_xid(next_xid);
  if (!known_from_) known_from_ = next;
}

void TransactionSearch::interrupt_older(pg::Xid next_xid) {
  std::vector<pg::Xid> older;
  const auto is_older = [&](pg::Xid xid) { return static_cast<int32_t>(xid - next_xid) < 0; };
  for (const auto& [xid, open] : open_) {
    if (is_older(xid) && !open.prepared_at) older.push_back(xid);
  }
  for (const auto& [xid, place] : here_) {
    if (is_older(xid)) older.push_back(xid);
  }
  interrupt(std::move(older));
}

void TransactionSearch::interrupt_all_before(size_t place) {
  std::vector<pg::Xid> before;
  for (const auto& [xid, open] : open_) {
    if (!open.prepared_at) before.push_back(xid);
  }
  // Indexes of old programs do not say how many kept records stand before; the ends do, mostly.
  const auto ends = static_cast<size_t>(std::ranges::count_if(
      segment_->plain_ends,
      [&](const wal::PlainEnd& end) { return end.start < segment_->kept[place].start; }));
  for (const auto& [xid, at] : here_) {
    const wal::TransactionWork& work = segment_->transactions[at];
    if (work.kept_before <= place && work.ends_before <= ends) before.push_back(xid);
  }
  interrupt(std::move(before));
}

void TransactionSearch::interrupt(std::vector<pg::Xid> xids) {
  std::ranges::sort(xids);
  for (const pg::Xid xid : xids) {
    const Open done = take(xid, {});
    if (in_window(last_end_)) end({xid, Outcome::kInterrupted, std::nullopt, {}, {}, {}}, done);
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
    whole.created.insert(sub.created.begin(), sub.created.end());
    whole.emptied.insert(sub.emptied.begin(), sub.emptied.end());
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
  found.may_be_more = may_be_more({found.xid});
  if (!found.may_be_more) found.began_at = done.began_at;
  found.work_unseen =
      end.two_phase && end.outcome == Outcome::kCommitted && !done.prepared_at && found.may_be_more;
  found.log_goes_on = end.log_goes_on;
  found.ended_at = end.time;
  if (end.outcome == Outcome::kPrepared) found.prepared_at = done.prepared_at;
  found.lsn = end.lsn;
  found.gid = done.gid;
  found.subtransactions = end.subxids.size();
  found.databases_dropped = done.databases_dropped;
  std::vector<wal::RelationLocator> created;
  for (const auto& [at, file] : done.created) created.push_back(file);
  settle_names(end, created);
  found.files = files_of(done, created, end);
  if (end.outcome == Outcome::kInterrupted) found.interrupted_after = last_end_;
  if (const auto top = top_of_.find(end.xid); top != top_of_.end()) {
    found.savepoints_of = full_xid(top->second).value;
    found.savepoints = 1;
    top_of_.erase(top);
  }
  for (const pg::Xid subxid : end.subxids) top_of_.erase(subxid);
  const TouchedFiles touched{found.files, found.databases_dropped};
  if (end.time) {
    count(end.outcome, *end.time, rows_of_tables(done.rows));
  }
  const std::optional<Timestamp> began = done.prepared_at ? done.prepared_at : found.began_at;
  if (!in_window(end.time) || (!end.time && began_after_window(began))) return;
  Weight weight = weight_of(found.files);
  if (!found.databases_dropped.empty()) weight.taken += kWholeDatabase;
  Heaviest& heaviest = those_ended(end.outcome);
  if (options_.xid) {
    if (!is_asked_for(end)) return;
    if (end.outcome == Outcome::kCommitted) tally(found.xid, *end.time, asked_for(touched));
    heaviest.keep(std::move(found), weight);
    return;
  }
  const std::optional<AskedFor> asked = weight == Weight{} ? std::nullopt : asked_for(touched);
  if (end.outcome == Outcome::kCommitted) tally(found.xid, *end.time, asked);
  weight = rank(weight);
  if (found.work_unseen && weight == Weight{}) {
    const Weight unknown = rank({kUnknownRows, 0});
    if (heaviest.takes(unknown)) heaviest.keep(std::move(found), unknown);
  } else if (asked && heaviest.takes(weight)) {
    heaviest.keep(std::move(found), weight);
  }
}

// Ends come in the order of the log: an earlier one is never pushed out by a later.
Weight TransactionSearch::rank(const Weight& weight) const {
  if (!options_.earliest_first || weight == Weight{}) return weight;
  return {1, 0};
}

bool TransactionSearch::is_asked_for(const End& end) const {
  const auto xid = static_cast<pg::Xid>(*options_.xid);
  return end.xid == xid || std::ranges::find(end.subxids, xid) != end.subxids.end();
}

std::vector<TouchedFile> TransactionSearch::files_of(
    const Open& done, const std::vector<wal::RelationLocator>& created, const End& end) {
  const bool committed = end.outcome == Outcome::kCommitted;
  FileFates fates = fates_of({committed, done.rows, created, done.emptied, end.dropped}, names_);
  for (const auto& [from, to] : fates.replaced) names_.rewritten(from, to);
  for (const wal::RelationLocator& file : fates.perhaps_rewritten) {
    live_rows_.forget_creation(file);
  }
  for (TouchedFile& file : fates.files) {
    if (!is_loss(file.fate) && file.fate != FileFate::kAltered) continue;
    if (committed) {
      if (file.rows_gone < 0) file.rows_gone = live_rows_.of(file.file, end.lsn, names_);
      // Those that the transaction itself deleted first are counted as deleted.
      if (is_loss(file.fate) && file.rows_gone >= 0) {
        file.rows_gone = std::max<int64_t>(0, file.rows_gone - file.rows.deleted);
      }
    } else if (const std::optional<RelationName> name = names_.of(file.file)) {
      // The file is the new one: what the old one held is what statistics say.
      file.rows_gone = name->rows;
    }
  }
  if (!committed) return std::move(fates.files);
  for (const auto& [file, rows] : done.rows) live_rows_.add(file, rows.inserted - rows.deleted);
  for (const auto& [from, to] : fates.moved) live_rows_.move(from, to);
  return std::move(fates.files);
}

Weight TransactionSearch::weight_of(const std::vector<TouchedFile>& files) const {
  Weight weight;
  for (const TouchedFile& file : files) {
    if (!counts(file.file)) continue;
    weight.taken += positive(file.rows.deleted) + positive(file.rows.updated);
    weight.added += positive(file.rows.inserted);
    if (file.fate == FileFate::kCreated) ++weight.added;
    const bool is_gone = is_loss(file.fate) || file.fate == FileFate::kAltered;
    const std::optional<RelationName> name = is_gone ? names_.of(file.file) : std::nullopt;
    if (!is_gone || !has_rows_of_its_own(name)) continue;
    if (file.rows_gone >= 0) {
      // An empty table is something, too.
      weight.taken += std::max<uint64_t>(1, positive(file.rows_gone));
    } else {
      // Statistics of another time are no count, and say where it belongs all the same.
      weight.taken += name && name->rows > 0 ? positive(name->rows) : kUnknownRows;
    }
  }
  return weight;
}

RelationNames::Nature TransactionSearch::nature_of(const wal::RelationLocator& file) const {
  if (natures_version_ != names_.version()) natures_.clear();
  natures_version_ = names_.version();
  const auto [known, is_new] = natures_.try_emplace(file);
  if (is_new) known->second = names_.nature_of(file);
  return known->second;
}

// A value that is stored out of line is a part of its row.
bool TransactionSearch::counts(const wal::RelationLocator& file) const {
  const RelationNames::Nature nature = nature_of(file);
  return nature == RelationNames::Nature::kOther ||
         (nature == RelationNames::Nature::kCatalog && options_.counts_catalog);
}

wal::RowCounts TransactionSearch::rows_of_tables(
    const std::map<wal::RelationLocator, wal::RowCounts>& all) const {
  wal::RowCounts sum;
  for (const auto& [file, rows] : all) {
    if (nature_of(file) != RelationNames::Nature::kToast) sum += rows;
  }
  return sum;
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
}

void TransactionSearch::tally(uint64_t xid, Timestamp time,
                              const std::optional<AskedFor>& asked_for) {
  if (!in_window(time)) return;
  Histogram::Rows shown;
  if (asked_for) {
    shown.taken =
        positive(asked_for->rows.updated) + positive(asked_for->rows.deleted) + asked_for->gone;
    shown.added = positive(asked_for->rows.inserted);
  }
  histogram_.add(time, shown);
  if (!asked_for) return;
  if (++tally_.transactions == 1) {
    tally_.first_xid = xid;
    tally_.first_at = tally_.last_at = time;
  }
  tally_.first_at = std::min(*tally_.first_at, time);
  tally_.last_at = std::max(*tally_.last_at, time);
  tally_.sum += *asked_for;
}

bool TransactionSearch::in_window(std::optional<Timestamp> time) const {
  if (!time) return true;
  return (!options_.since || *time >= *options_.since) &&
         (!options_.until || *time <= *options_.until);
}

std::vector<TouchedFile> TransactionSearch::files_of_list(uint32_t row_list) const {
  std::vector<TouchedFile> files;
  for (const wal::RelationRows& rows : segment_->row_lists[row_list]) {
    files.push_back({rows.relation, rows.rows});
  }
  return files;
}

std::optional<AskedFor> TransactionSearch::asked_for(const TouchedFiles& touched) const {
  return options_.asked_for ? options_.asked_for(touched) : all_of(touched.files);
}

const std::optional<AskedFor>& TransactionSearch::asked_for_list(uint32_t row_list) {
  std::optional<std::optional<AskedFor>>& known = facts_of(row_list).asked_for;
  if (!known) known = asked_for({files_of_list(row_list), {}});
  return *known;
}

void TransactionSearch::skip() {
  // Whoever is open now may have ended unseen, and who ends later may have begun unseen.
  open_.clear();
  forget_what_runs();
}

void TransactionSearch::leave() {
  end_open(true);
  forget_what_runs();
}

void TransactionSearch::forget_what_runs() {
  top_of_.clear();
  // Most transactions commit.
  for (const auto& [xid, rows] : catalog_rows_) {
    for (const wal::CatalogRow& row : rows) names_.see_if_unknown(row);
  }
  catalog_rows_.clear();
  row_parts_.clear();
  made_by_nobody_.clear();
  last_end_.reset();
  known_from_.reset();
}

void TransactionSearch::await_open() {
  for (auto& [xid, open] : open_) {
    const bool may_be_earlier = may_be_more(full_xid(xid)) && !open.prepared_at;
    const std::optional<Timestamp> began = open.prepared_at ? open.prepared_at : open.began_at;
    open.awaited = may_be_earlier || !began_after_window(began);
  }
}

bool TransactionSearch::awaits_any() const {
  return std::ranges::any_of(open_, [](const auto& each) { return each.second.awaited; });
}

void TransactionSearch::learn_epoch(pg::FullXid next_xid) {
  if (!next_xid_ || first_epoch_) return;
  first_epoch_ = next_xid.value - pg::widen(next_xid.xid(), *next_xid_).value;
}

void TransactionSearch::end_open(bool log_goes_on) {
  while (!open_.empty()) {
    const pg::Xid xid = open_.begin()->first;
    const Open done = std::move(open_.begin()->second);
    open_.erase(open_.begin());
    const Outcome outcome = done.prepared_at ? Outcome::kPrepared : Outcome::kUnfinished;
    end({xid, outcome, std::nullopt, {}, {}, {}, false, log_goes_on}, done);
  }
}

std::vector<FoundTransaction> TransactionSearch::finish() {
  end_open(false);
  std::vector<FoundTransaction> found = committed_.take_all();
  std::ranges::move(others_.take_all(), std::back_inserter(found));
  const uint64_t epoch = first_epoch_.value_or(-kUnknownEpoch);
  tally_.first_xid += epoch;
  for (FoundTransaction& transaction : found) {
    transaction.xid += epoch;
    if (transaction.savepoints_of) *transaction.savepoints_of += epoch;
  }
  if (options_.xid && *options_.xid > UINT32_MAX) {
    std::erase_if(found, [&](const FoundTransaction& each) {
      return static_cast<pg::Xid>(each.xid) == static_cast<pg::Xid>(*options_.xid) &&
             each.xid != *options_.xid;
    });
  }
  return found;
}

pg::FullXid TransactionSearch::full_xid(pg::Xid xid) {
  const pg::FullXid full =
      next_xid_ ? pg::widen(xid, *next_xid_) : pg::FullXid{kUnknownEpoch + xid};
  next_xid_ = std::max(next_xid_.value_or(full), pg::FullXid{full.value + 1});
  return full;
}

}  // namespace walkback::find
