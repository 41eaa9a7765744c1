#include "undo/undo.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/task_group.h"
#include "catalog/events.h"
#include "catalog/lineage.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "pgconn/lock_watch.h"
#include "pgconn/values.h"
#include "restore/plan.h"
#include "undo/change_files.h"
#include "undo/firing.h"
#include "undo/live_cluster.h"
#include "undo/old_rows.h"
#include "undo/old_server.h"
#include "undo/output_files.h"
#include "undo/script_file.h"
#include "undo/script_text.h"
#include "undo/transaction_wal.h"
#include "undo/undo_servers.h"

namespace walkback::undo {

namespace {

class Undo {
 public:
  Undo(const UndoOptions& options, scratch::Surroundings& around, std::string id)
      : options_(options), around_(around), id_(std::move(id)), live_(options.connect_live) {}

  Result<UndoReport> run() {
    Result<void> done = steps();
    if (done.ok()) return std::move(report_);
    Error error = std::move(done).error();
    if (!report_.kept.root.empty()) {
      const std::string where =
          fmt::format("the server as it was before is kept in {}", report_.kept.root);
      error.hint = error.hint.empty() ? where : error.hint + "; " + where;
    }
    return error;
  }

 private:
  Result<void> steps() {
    // What can be refused is refused before anything is fetched.
    TRY(open_output());
    TRY(find_transaction());
    TRY(plan_recovery());
    TRY(read_changes());
    TRY(meet_live_cluster());
    TRY(read_rows());
    if (old_->tables.empty() && old_->created.empty()) return nothing_left();
    if (options_.keep) TRY(keep_server());
    report_.fetched = servers_->fetched();
    TRY(compare());
    // Before anything is applied: whoever asks for both has the rows in hand then.
    if (script_file_) TRY(write_script());
    if (change_files_) TRY(change_files_->finish());
    if (options_.apply) TRY(apply());
    return servers_->see_them_gone();
  }

  Result<void> open_output() {
    if (!options_.output) return success();
    const auto& [format, path] = *options_.output;
    if (format == RowFormat::kSql) {
      script_file_ = TRY(OutputFile::create(around_.files, path));
    } else {
      change_files_ = TRY(ChangeFiles::create(format, path, around_.files));
    }
    return success();
  }

  Result<void> find_transaction() {
    find::FindOptions find;
    find.cluster = options_.cluster;
    find.since = {};
    find.until = around_.clock.now();
    find.xid = options_.xid;
    find.timeline = options_.timeline;
    find.live_names = options_.live_names;
    find.unreadable = options_.unreadable;
    found_ = TRY(find::run_find(find, around_.objects, around_.progress, around_.stop));
    choice_ = TRY(choose(found_, options_.xid, options_.only));
    const find::FoundTransaction& transaction = choice_.work->transaction;
    report_.xid = transaction.xid;
    report_.began_at = transaction.began_at;
    report_.committed_at = transaction.ended_at;
    report_.lsn = transaction.lsn;
    report_.database = choice_.database_name;
    report_.left_out = choice_.left_out;
    report_.notes = choice_.notes;
    return success();
  }

  // While its WAL is read, what else can be known before anything is fetched is looked at.
  Result<void> plan_recovery() {
    archive_.emplace(around_.objects, options_.cluster,
                     TRY(catalog::find_lineage(around_.objects, options_.cluster)));
    around_.progress.begin("reading the transaction's WAL", 0);
    TaskGroup reading(around_.stop);
    reading.start([this](const std::stop_token& stop) -> Result<void> {
      catalog::SegmentLists lists(*archive_);
      const catalog::WalChain chain = TRY(catalog::WalChain::load(lists, found_.timeline));
      wal_.emplace(TRY(read_transaction_wal(*archive_, chain, report_.lsn, stop)));
      return success();
    });
    const Result<void> planned = plan_to_before();
    TRY(reading.wait());
    return planned;
  }

  Result<void> plan_to_before() {
    restore::PlanOptions options;
    options.cluster = options_.cluster;
    options.target.kind = restore::TargetKind::kBeforeXid;
    options.target.xid = report_.xid;
    options.timeline = found_.timeline;
    options.now = around_.clock.now();
    options.unreadable = options_.unreadable;
    options.by_indexes = true;
    restore::RecoveryPlan plan =
        TRY(restore::make_plan(options, around_.objects, around_.progress, around_.stop));
    if (plan.target_lsn != report_.lsn || plan.inclusive) {
      return make_error(ErrorKind::kUnsupported,
                        "a recovery to before this transaction ends earlier than its commit",
                        how_to_recover(report_.xid));
    }
    servers_.emplace(options_.scratch, id_, std::move(options), std::move(plan), around_);
    return servers_->check_promoted(options_.keep, /*changes=*/!choice_.dropped.empty());
  }

  Result<void> read_changes() {
    for (const find::FoundTable* table : choice_.tables) {
      Undone undone;
      undone.found = table;
      if (!undone.truncated()) undone.rows = wal_->changes.of(table->file);
      if (undone.rows.empty() && !undone.truncated()) {
        leave_out(name_of(*table), "in the end the transaction left every row of it as it was");
        continue;
      }
      undone_.push_back(std::move(undone));
    }
    if (!undone_.empty() || !choice_.dropped.empty()) return check_recreation();
    return make_error(ErrorKind::kInvalid,
                      fmt::format("transaction {} left every row as it was", report_.xid),
                      "what it changed it changed back, or took away again");
  }

  Result<void> check_recreation() {
    if (choice_.dropped.empty()) {
      if (!options_.as) return success();
      return make_error(ErrorKind::kInvalid,
                        fmt::format("transaction {} dropped no table that is wanted", report_.xid),
                        "without --as its rows are given back");
    }
    pg_dump_ = TRY(
        find_pg_dump(options_.scratch.server_binaries, archive_->lineage().major, around_.files));
    return success();
  }

  void leave_out(std::string table, std::string why) {
    report_.left_out.push_back({std::move(table), std::move(why)});
  }

  // Without it rows can be had all the same, as a script.
  Result<void> meet_live_cluster() {
    if (Result<void> met = live_.open(choice_.database); !met.ok()) {
      const bool is_down = met.error().kind == ErrorKind::kTransient;
      if (options_.apply || !is_down) return met;
      report_.not_compared = met.error().message;
      return success();
    }
    TRY(check_is_primary_of(*live_, archive_->lineage().system_identifier));
    for (std::string& note : TRY(event_triggers_that_fire(*live_))) {
      report_.notes.push_back(std::move(note));
    }
    for (size_t i = 0; i < undone_.size();) {
      const find::RelationName& name = *undone_[i].found->name;
      if (TRY(table_today(*live_, name.oid, name.schema, name.name))) {
        ++i;
        continue;
      }
      leave_out(name_of(*undone_[i].found), "the table is not there any more");
      undone_.erase(undone_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    TRY(check_names());
    if (!undone_.empty() || !choice_.dropped.empty()) return success();
    return make_error(
        ErrorKind::kMissing,
        fmt::format("{}: {}", report_.left_out.back().table, report_.left_out.back().why),
        fmt::format("`walkback recover --before-xid {}` has it", report_.xid));
  }

  // Of dropped tables, as far as they are known before anything is fetched.
  Result<void> check_names() {
    if (options_.as) {
      return check_new_name(*live_, *options_.as, choice_.dropped.front()->name->schema);
    }
    const size_t dropped_before = choice_.dropped.size();
    for (size_t i = 0; i < choice_.dropped.size();) {
      const find::RelationName& name = *choice_.dropped[i]->name;
      // Of a partition, what it was a partition of may have been dropped as well.
      if (!name.partition_of.empty() || TRY(is_name_free(*live_, name.schema, name.name))) {
        ++i;
        continue;
      }
      leave_out(name_of(*choice_.dropped[i]),
                "its name is taken by now; --as NAME gives it back under another");
      choice_.dropped.erase(choice_.dropped.begin() + static_cast<std::ptrdiff_t>(i));
    }
    // Materialized views went with the tables that they read.
    const auto is_table = [](const find::FoundTable* dropped) {
      return dropped->name->kind == 'r';
    };
    const bool any_taken = choice_.dropped.size() < dropped_before;
    if (any_taken && std::ranges::none_of(choice_.dropped, is_table)) choice_.dropped.clear();
    return success();
  }

  Result<void> read_rows() {
    OldRowsRequest request{.xid = report_.xid,
                           .choice = choice_,
                           .wal = *wal_,
                           .directory = options_.scratch.directory,
                           .id = id_,
                           .change_files = change_files_.get(),
                           .pg_dump = pg_dump_,
                           .makes_again = options_.apply || script_file_ != nullptr};
    request.recreate.database = choice_.database_name;
    request.recreate.only = options_.only;
    request.recreate.as = options_.as;
    request.recreate.without_conflicts = options_.on_conflict != OnConflict::kFail;
    old_ = TRY(read_old_rows(request, std::move(undone_), *servers_, live_, around_));
    report_.with_tables = std::move(old_->with_created);
    for (LeftOut& left : old_->left_out) report_.left_out.push_back(std::move(left));
    for (std::string& note : old_->notes) report_.notes.push_back(std::move(note));
    return success();
  }

  // Promoted, so that the transaction is none there, and it stays where it is when it is started.
  Result<void> keep_server() {
    report_.kept = TRY(
        servers_->keep(static_cast<pg::Xid>(report_.xid), choice_.database, choice_.database_name));
    return success();
  }

  Error nothing_left() const {
    const LeftOut& last = report_.left_out.back();
    return make_error(ErrorKind::kUnsupported, fmt::format("{}: {}", last.table, last.why),
                      how_to_recover(report_.xid));
  }

  // ---- the running cluster ----

  Result<void> compare() {
    std::vector<UndoTable> tables;
    for (const Undone& undone : old_->tables) tables.push_back(*undone.table);
    script_.emplace(std::move(tables), old_->encoding);
    if (live_) {
      TRY(live_.wake());
      around_.progress.begin("comparing with the running cluster", 0);
      run_.emplace(*live_, *script_, old_->rows, old_->definitions ? &*old_->definitions : nullptr);
      report_.preview = TRY(watched([this] { return run_->preview(); }));
    } else {
      count_rows();
    }
    add_created(report_.preview);
    if (options_.on_preview) options_.on_preview(report_);
    return success();
  }

  // A lock that another transaction holds is named, and an interrupt ends the statement that waits.
  Result<LiveOutcome> watched(const std::function<Result<LiveOutcome>()>& step) {
    const int backend =
        pgconn::number<int>(TRY(pgconn::query_text(*live_, "SELECT pg_backend_pid()")));
    const pgconn::LockWatch watch([this] { return options_.connect_live(""); }, backend,
                                  around_.progress, around_.stop);
    Result<LiveOutcome> outcome = step();
    // Of a session that broke nobody knows what became of its COMMIT.
    const bool gave_up = !outcome.ok() && around_.stop.stop_requested() &&
                         outcome.error().kind == ErrorKind::kInvalid;
    if (gave_up) return make_error(ErrorKind::kCancelled, "interrupted: nothing was changed");
    return outcome;
  }

  void add_created(LiveOutcome& outcome) const {
    outcome.tables.insert(outcome.tables.end(), old_->created.begin(), old_->created.end());
  }

  Result<void> apply() {
    uint64_t in_the_way = 0;
    for (const TableOutcome& table : old_->created) in_the_way += table.conflicts;
    if (in_the_way > 0 && options_.on_conflict == OnConflict::kFail) {
      return make_error(ErrorKind::kConflict,
                        fmt::format("{} of what belongs to dropped tables cannot come back as it "
                                    "was: nothing was changed",
                                    in_the_way),
                        "--on-conflict skip gives the tables back without it");
    }
    around_.progress.begin("giving the rows back", 0);
    report_.applied = TRY(watched([this] { return run_->apply(options_.on_conflict); }));
    add_created(*report_.applied);
    return success();
  }

  void count_rows() {
    for (const UndoTable& table : script_->tables()) {
      const auto undone = std::ranges::find_if(
          old_->tables, [&](const Undone& each) { return each.table->number == table.number; });
      TableOutcome outcome;
      outcome.table = table.shape.name.quoted;
      outcome.inserted = undone->truncated_rows;
      for (const ChangedRow& row : undone->rows) {
        ++(!row.now ? outcome.inserted : row.was ? outcome.set_back : outcome.removed);
      }
      // Where a key changes, a row that is set back goes and comes.
      const bool sets_back = outcome.set_back > 0;
      outcome.fires = fired_by(table.shape, {outcome.inserted > 0 || sets_back, sets_back,
                                             outcome.removed > 0 || sets_back});
      report_.preview.tables.push_back(std::move(outcome));
    }
  }

  Result<void> write_script() {
    ScriptFile file(*script_file_);
    TRY(file.begin(
        fmt::format("walkback undo --xid {}: gives back what that transaction took from\n"
                    "-- database {}. Rows with a conflict: {}.",
                    report_.xid, in_comment(report_.database),
                    on_conflict_name(options_.on_conflict)),
        *script_));
    const auto add = [&](const std::string& statement) { return file.add(statement); };
    TRY(old_->rows.visit(add));
    TRY(file.give_back(*script_, options_.on_conflict));
    if (old_->definitions) {
      TRY(file.comment("What was dropped, as pg_dump says it."));
      TRY(old_->definitions->visit(add));
    }
    if (old_->created.empty()) TRY(file.comment("`walkback undo` of this one undoes it."));
    TRY(file.end());
    return script_file_->finish();
  }

  const UndoOptions& options_;
  scratch::Surroundings& around_;
  const std::string id_;
  std::unique_ptr<OutputFile> script_file_;
  std::unique_ptr<ChangeFiles> change_files_;
  find::FindReport found_;
  Choice choice_;
  std::optional<catalog::WalArchive> archive_;
  std::optional<TransactionWal> wal_;
  std::string pg_dump_;
  std::vector<Undone> undone_;  // until they are read
  std::optional<OldRows> old_;
  LiveSession live_;
  std::optional<Script> script_;
  std::optional<LiveRun> run_;
  UndoReport report_;
  std::optional<UndoServers> servers_;
};

}  // namespace

Result<UndoReport> run_undo(const UndoOptions& options, scratch::Surroundings& around) {
  catalog::Event event = catalog::new_event("undo", around.clock, around.random);
  event.detail = fmt::format("transaction {}{}", options.xid, options.apply ? ", applied" : "");
  catalog::EventRecorder recorder(around.objects, options.cluster, around.clock);
  if (Result<void> begun = recorder.begin(event); !begun.ok()) {
    around.progress.note("this undo is not in the history: " + begun.error().message);
  }
  Result<UndoReport> report = Undo(options, around, event.id).run();
  if (report.ok()) event.detail += ", " + report->fetched.text();
  (void)recorder.end(event, report.ok() ? nullptr : &report.error());
  return report;
}

}  // namespace walkback::undo
