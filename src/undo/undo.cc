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
#include "undo/old_server.h"
#include "undo/output_files.h"
#include "undo/recreation.h"
#include "undo/script_file.h"
#include "undo/staging.h"
#include "undo/table_likeness.h"
#include "undo/transaction_wal.h"

namespace walkback::undo {

namespace {

using scratch::ScratchServer;

// One table on its way back.
struct Undone {
  const find::FoundTable* found = nullptr;
  // Of a truncated one, those that the transaction put into its new file.
  std::vector<ChangedRow> rows;
  uint64_t truncated_rows = 0;
  TableShape then;      // on the scratch server
  bool locked = false;  // by the transaction, so that a standby's readers wait
  std::optional<UndoTable> table;

  bool truncated() const { return found->fate == find::FileFate::kTruncated; }
  // Rows as the transaction left them have to be looked at.
  bool any_now() const {
    if (truncated()) return found->rows.inserted > 0;
    return std::ranges::any_of(rows, [](const ChangedRow& row) { return row.now.has_value(); });
  }
};

class Undo {
 public:
  Undo(const UndoOptions& options, scratch::Surroundings& around, std::string id)
      : options_(options), around_(around), id_(std::move(id)) {}

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
    if (undone_.empty() && created_.empty()) return nothing_left();
    if (options_.keep) TRY(keep_server());
    TRY(compare());
    // Before anything is applied: whoever asks for both has the rows in hand then.
    if (script_file_) TRY(write_script());
    if (change_files_) TRY(change_files_->finish());
    if (options_.apply) TRY(apply());
    return see_it_gone();
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
    Result<std::unique_ptr<pgconn::Connection>> live =
        connect_to_oid(options_.connect_live, "", choice_.database);
    if (!live.ok()) {
      const bool is_down = live.error().kind == ErrorKind::kTransient;
      if (options_.apply || !is_down) return std::move(live).error();
      report_.not_compared = live.error().message;
      return success();
    }
    live_ = std::move(live).value();
    TRY(check_is_primary_of(*live_, archive_->lineage().system_identifier));
    for (std::string& note : TRY(event_triggers_that_fire(*live_))) {
      report_.notes.push_back(std::move(note));
    }
    for (size_t i = 0; i < undone_.size();) {
      if (TRY(oid_today(*undone_[i].found->name))) {
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

  Result<std::optional<pg::Oid>> oid_today(const find::RelationName& name) {
    return table_today(*live_, name.oid, name.schema, name.name);
  }

  Result<void> plan_to_before() {
    plan_options_.cluster = options_.cluster;
    plan_options_.target.kind = restore::TargetKind::kBeforeXid;
    plan_options_.target.xid = report_.xid;
    plan_options_.timeline = found_.timeline;
    plan_options_.now = around_.clock.now();
    plan_options_.unreadable = options_.unreadable;
    plan_options_.by_indexes = true;
    plan_ = TRY(restore::make_plan(plan_options_, around_.objects, around_.progress, around_.stop));
    if (plan_.target_lsn != report_.lsn || plan_.inclusive) {
      return make_error(ErrorKind::kUnsupported,
                        "a recovery to before this transaction ends earlier than its commit",
                        how_to_recover(report_.xid));
    }
    promoted_ = TRY(check_scratch(scratch::Stand::kPromoted, "-promoted", on_demand_));
    // Why not is said once.
    on_demand_ = promoted_.options.on_demand;
    if (!options_.keep) return success();
    whole_ = TRY(check_scratch(scratch::Stand::kPromoted, "-kept", /*on_demand=*/false));
    if (choice_.dropped.empty()) promoted_ = *whole_;
    return success();
  }

  // ---- the scratch server ----

  Result<scratch::ScratchPlan> check_scratch(scratch::Stand stand, std::string_view name,
                                             bool on_demand) {
    scratch::ScratchOptions scratch = options_.scratch;
    scratch.purpose = "undo";
    scratch.name = fmt::format("{}{}", id_, name);
    scratch.stand = stand;
    scratch.on_demand = scratch.on_demand && on_demand;
    return scratch::check_scratch(scratch, plan_options_, plan_, around_);
  }

  // Rows of known places are read while the server stands at the commit, before and after it. What
  // the transaction truncated is locked by it there, so another is made on which it never happened.
  Result<void> read_rows() {
    const bool any_placed = std::ranges::any_of(
        undone_, [](const Undone& undone) { return !undone.truncated() || undone.any_now(); });
    const bool any_truncated = std::ranges::any_of(undone_, &Undone::truncated);
    // What can be refused of either is refused before the first.
    std::optional<scratch::ScratchPlan> paused;
    if (any_placed) paused = TRY(check_scratch(scratch::Stand::kPaused, "", on_demand_));
    TRY(make_directories(around_.files, options_.scratch.directory, 0700));
    spool_.emplace(TRY(TextSpool::create(around_.files, spool_path("rows"))));
    if (change_files_) TRY(change_files_->spool_to(spool_path("images")));
    if (paused) TRY(read_placed_rows(*paused));
    if (std::ranges::any_of(undone_, &Undone::locked) || (any_truncated && !undone_.empty()) ||
        !choice_.dropped.empty()) {
      TRY(read_locked_rows(promoted_));
    }
    return success();
  }

  std::string spool_path(std::string_view what) const {
    return join_path(options_.scratch.directory, fmt::format("undo-{}.{}", id_, what));
  }

  // An AccessExclusiveLock is in the WAL, and held on a standby until the transaction ends.
  Result<void> see_locks(pgconn::Connection& before) {
    for (Undone& undone : undone_) {
      const pgconn::Table held =
          TRY(before.query("SELECT FROM pg_locks WHERE relation = $1::oid AND granted"
                           " AND mode = 'AccessExclusiveLock'"
                           " AND database = (SELECT oid FROM pg_database"
                           "  WHERE datname = current_database()) LIMIT 1",
                           {std::to_string(undone.then.name.oid)}));
      undone.locked = !held.rows.empty();
    }
    return success();
  }

  Result<void> read_placed_rows(const scratch::ScratchPlan& checked) {
    std::unique_ptr<ScratchServer> server = TRY(ScratchServer::recover(checked, around_));
    TRY(server->checked(read_placed_rows(checked, *server)));
    const bool stands_before = std::ranges::none_of(undone_, &Undone::any_now);
    leave(std::move(server), stands_before);
    return success();
  }

  // It goes while its rows are compared, unless it is as one must be that is kept.
  void leave(std::unique_ptr<ScratchServer> server, bool is_as_before) {
    if (options_.keep && is_as_before && !server->fetched().on_demand) {
      before_ = std::move(server);
      return;
    }
    report_.fetched.add(server->fetched());
    leaving_.emplace();
    leaving_->start([left = std::shared_ptr<ScratchServer>(std::move(server))](
                        const std::stop_token&) { return left->remove(); });
  }
  Result<void> see_it_gone() {
    if (!leaving_) return success();
    Result<void> gone = leaving_->wait();
    leaving_.reset();
    return gone;
  }

  Result<void> read_placed_rows(const scratch::ScratchPlan& checked, ScratchServer& server) {
    {
      const std::unique_ptr<pgconn::Connection> before = TRY(session(server));
      TRY(expect_status(*before, "in progress"));
      TRY(read_shapes(*before));
      TRY(see_locks(*before));
      around_.progress.begin("reading the rows as they were", 0);
      for (Undone& undone : undone_) {
        if (!undone.locked) TRY(read_was(*before, undone));
      }
    }
    if (std::ranges::none_of(undone_, &Undone::any_now)) return success();
    restore::RecoveryPlan later = checked.plan;
    later.inclusive = true;
    later.end_lsn = wal_->commit_end;
    TRY(server.go_on(later, scratch::Stand::kPaused));
    const std::unique_ptr<pgconn::Connection> after = TRY(session(server));
    TRY(expect_status(*after, "committed"));
    around_.progress.begin("reading the rows as the transaction left them", 0);
    for (Undone& undone : undone_) {
      if (undone.truncated()) {
        wal::RelationLocator file = undone.found->file;
        file.number = TRY(file_of_table(*after, undone.then.name.oid));
        undone.rows = wal_->changes.of(file);
      }
      TRY(stage_now(*after, undone.then.name.quoted, *undone.table, undone.rows, around_.stop,
                    spool()));
      if (change_files_) {
        TRY(change_files_->add_now(*after, undone.then, undone.rows, around_.stop));
      }
    }
    return success();
  }

  Result<void> read_was(pgconn::Connection& before, const Undone& undone) {
    TRY(stage_was(before, undone.then.name.quoted, *undone.table, undone.rows, around_.stop,
                  spool()));
    if (!change_files_) return success();
    return change_files_->add_was(before, undone.then, undone.rows, around_.stop);
  }

  Result<void> read_locked_rows(const scratch::ScratchPlan& checked) {
    std::unique_ptr<ScratchServer> server = TRY(promoted_server(checked));
    TRY(server->checked(read_locked_rows(*server)));
    // To make what was dropped again, it is changed.
    leave(std::move(server), /*is_as_before=*/choice_.dropped.empty());
    return success();
  }

  Result<std::unique_ptr<ScratchServer>> promoted_server(const scratch::ScratchPlan& checked) {
    // There is room for one.
    TRY(see_it_gone());
    if (!before_) return ScratchServer::recover(checked, around_);
    TRY(before_->promote());
    return std::move(before_);
  }

  // Promoted, so that the transaction is none there, and it stays where it is when it is started.
  Result<void> keep_server() {
    around_.progress.begin("making the server that is kept", 0);
    const std::unique_ptr<ScratchServer> server = TRY(promoted_server(*whole_));
    TRY(roll_back_prepared(*TRY(session(*server)), static_cast<pg::Xid>(report_.xid)));
    report_.fetched.add(server->fetched());
    report_.kept = TRY(server->keep(report_.database));
    return success();
  }

  Result<void> read_locked_rows(const ScratchServer& server) {
    const std::unique_ptr<pgconn::Connection> before = TRY(session(server));
    TRY(roll_back_prepared(*before, static_cast<pg::Xid>(report_.xid)));
    if (!undone_.empty() && !undone_.front().table) TRY(read_shapes(*before));
    around_.progress.begin("reading the tables that were locked", 0);
    for (Undone& undone : undone_) {
      if (!undone.truncated()) {
        if (undone.locked) TRY(read_was(*before, undone));
        continue;
      }
      if (change_files_) TRY(change_files_->add_all(*before, undone.then, around_.stop));
      undone.truncated_rows = TRY(stage_all(*before, undone.then.name.quoted, *undone.table,
                                            undone.rows.size() + 1, around_.stop, spool()));
    }
    return choice_.dropped.empty() ? success() : recreate(server, *before);
  }

  // ---- what was dropped ----

  Result<void> recreate(const ScratchServer& server, pgconn::Connection& then) {
    around_.progress.begin("reading what was dropped", 0);
    TRY(wake_live());
    RecreateOptions options;
    options.database = choice_.database_name;
    options.only = options_.only;
    options.as = options_.as;
    options.without_conflicts = options_.on_conflict != OnConflict::kFail;
    Recreation recreation(then, live_.get(), std::move(options));
    Recreated found = TRY(recreation.look(TRY(read_dropped(then, wal_->changes))));
    created_ = std::move(found.tables);
    report_.with_tables = std::move(found.others);
    for (LeftOut& left : found.left_out) report_.left_out.push_back(std::move(left));
    for (std::string& note : found.notes) report_.notes.push_back(std::move(note));
    if (change_files_) TRY(copy_created(then, found.with_rows));
    if (created_.empty() || (!options_.apply && !script_file_)) return success();
    definitions_.emplace(TRY(TextSpool::create(around_.files, spool_path("definitions"))));
    const std::string database = TRY(pgconn::query_text(then, "SELECT current_database()"));
    const Dump dump{pg_dump_, dump_conninfo(server, database), join_path(server.root(), "dump.sql"),
                    encoding_};
    return recreation.statements(
        dump, around_.files, around_.stop,
        [this](const std::string& statement) { return definitions_->add(statement); });
  }

  Result<void> copy_created(pgconn::Connection& then, const std::vector<pg::Oid>& tables) {
    for (const pg::Oid oid : tables) {
      const std::optional<TableShape> shape = TRY(read_shape(then, oid));
      if (shape) TRY(change_files_->add_all(then, *shape, around_.stop));
    }
    return success();
  }

  StatementSink spool() {
    return [this](const std::string& statement) { return spool_->add(statement); };
  }

  Result<std::unique_ptr<pgconn::Connection>> session(const ScratchServer& server) {
    std::unique_ptr<pgconn::Connection> session = TRY(scratch_session(server, choice_.database));
    encoding_ = TRY(pgconn::query_text(*session, "SHOW client_encoding"));
    return session;
  }

  // That it stands where it should, in PostgreSQL's own words.
  Result<void> expect_status(pgconn::Connection& server, std::string_view status) const {
    if (TRY(pgconn::query_text(server, "SELECT pg_is_in_recovery()")) != "t") {
      return make_error(
          ErrorKind::kUnsupported,
          "the scratch server let nobody in while it stood at the commit: too many savepoints were "
          "open at its last checkpoint",
          how_to_recover(report_.xid));
    }
    const std::string is = TRY(pgconn::query_text(server, "SELECT pg_xact_status($1::xid8)",
                                                  {std::to_string(report_.xid)}));
    if (is == status) return success();
    return make_error(
        ErrorKind::kIo,
        fmt::format("on the scratch server transaction {} is {} where it should be {}", report_.xid,
                    is, status));
  }

  Result<void> read_shapes(pgconn::Connection& before) {
    for (size_t i = 0; i < undone_.size();) {
      Undone& undone = undone_[i];
      const wal::RelationLocator& file = undone.found->file;
      const std::optional<pg::Oid> oid =
          TRY(find_table_of_file(before, file.tablespace, file.number));
      std::optional<TableShape> then;
      if (oid) then = TRY(read_shape(before, *oid));
      if (!then) {
        return make_error(
            ErrorKind::kCorrupt,
            fmt::format("{}: no table has its file on the scratch server", name_of(*undone.found)));
      }
      undone.then = *std::move(then);
      std::optional<TableShape> today = undone.then;
      if (live_) today = TRY(shape_today(undone));
      const std::string why = today ? why_unlike(undone.then, *today) : "it went meanwhile";
      if (!why.empty()) {
        leave_out(name_of(*undone.found), why);
        undone_.erase(undone_.begin() + static_cast<std::ptrdiff_t>(i));
        continue;
      }
      for (std::string& note : differences(undone.then, *today)) {
        report_.notes.push_back(std::move(note));
      }
      undone.table = make_undo_table(i + 1, undone.then, *std::move(today));
      if (!undone.table->key) {
        report_.notes.push_back(fmt::format("{} has no key: undone twice, its rows are there twice",
                                            undone.table->shape.name.quoted));
      }
      ++i;
    }
    return success();
  }

  Result<std::optional<TableShape>> shape_today(const Undone& undone) {
    const std::optional<pg::Oid> oid = TRY(oid_today(*undone.found->name));
    if (!oid) return std::optional<TableShape>();
    return read_shape(*live_, *oid);
  }

  Error nothing_left() const {
    const LeftOut& last = report_.left_out.back();
    return make_error(ErrorKind::kUnsupported, fmt::format("{}: {}", last.table, last.why),
                      how_to_recover(report_.xid));
  }

  // ---- the running cluster ----

  Result<void> compare() {
    std::vector<UndoTable> tables;
    for (const Undone& undone : undone_) tables.push_back(*undone.table);
    script_.emplace(std::move(tables), encoding_);
    if (live_) {
      TRY(wake_live());
      around_.progress.begin("comparing with the running cluster", 0);
      run_.emplace(*live_, *script_, *spool_, definitions_ ? &*definitions_ : nullptr);
      report_.preview = TRY(watched([this] { return run_->preview(); }));
    } else {
      count_rows();
    }
    add_created(report_.preview);
    if (options_.on_preview) options_.on_preview(report_);
    return success();
  }

  // Restoring takes a while.
  Result<void> wake_live() {
    if (!live_ || live_->alive()) return success();
    live_ = TRY(connect_to_oid(options_.connect_live, "", choice_.database));
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
    outcome.tables.insert(outcome.tables.end(), created_.begin(), created_.end());
  }

  Result<void> apply() {
    uint64_t in_the_way = 0;
    for (const TableOutcome& table : created_) in_the_way += table.conflicts;
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
          undone_, [&](const Undone& each) { return each.table->number == table.number; });
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
    TRY(spool_->visit(add));
    TRY(file.give_back(*script_, options_.on_conflict));
    if (definitions_) {
      TRY(file.comment("What was dropped, as pg_dump says it."));
      TRY(definitions_->visit(add));
    }
    if (created_.empty()) TRY(file.comment("`walkback undo` of this one undoes it."));
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
  restore::PlanOptions plan_options_;
  restore::RecoveryPlan plan_;
  scratch::ScratchPlan promoted_;
  std::optional<scratch::ScratchPlan> whole_;  // of what is kept
  std::unique_ptr<ScratchServer> before_;      // it, as long as it may be
  bool on_demand_ = true;                      // until it is known that this host cannot
  std::vector<Undone> undone_;
  std::string encoding_ = "UTF8";  // of what its sessions say
  std::optional<TextSpool> spool_;
  std::string pg_dump_;
  std::vector<TableOutcome> created_;
  std::optional<TextSpool> definitions_;  // of those, where they are wanted
  std::unique_ptr<pgconn::Connection> live_;
  std::optional<Script> script_;
  std::optional<LiveRun> run_;
  UndoReport report_;
  std::optional<TaskGroup> leaving_;
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
