#include "undo/rescue.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/events.h"
#include "pg/sql_text.h"
#include "pgconn/values.h"
#include "undo/change_files.h"
#include "undo/firing.h"
#include "undo/live_cluster.h"
#include "undo/old_server.h"
#include "undo/output_files.h"
#include "undo/recreation.h"
#include "undo/returning_rows.h"
#include "undo/row_images.h"
#include "undo/script_file.h"
#include "undo/script_text.h"
#include "undo/table_likeness.h"
#include "undo/wanted_table.h"

namespace walkback::undo {

namespace {

using scratch::ScratchServer;

constexpr size_t kMostListed = 1000;  // of each kind

// That the condition is one, before hours are spent on a table to ask it of: EXPLAIN runs nothing.
// What it names may not be there today.
Result<void> check_is_sql(pgconn::Connection& live, const std::string& condition) {
  if (condition.empty()) return success();
  Result<pgconn::Table> plan = live.query("EXPLAIN SELECT" + where_clause(condition));
  const bool is_wrong = !plan.ok() && plan.error().message.ends_with("(SQLSTATE 42601)");
  if (!is_wrong) return success();
  return make_error(
      ErrorKind::kInvalid, fmt::format("--where '{}': {}", condition, plan.error().message),
      "a condition as it stands behind WHERE: --where \"id > 100 AND state = 'open'\"");
}

class Rescue {
 public:
  Rescue(const RescueOptions& options, const restore::PlanOptions& plan_options,
         const restore::RecoveryPlan& plan, scratch::Surroundings& around, std::string id)
      : options_(options),
        plan_options_(plan_options),
        plan_(plan),
        around_(around),
        id_(std::move(id)) {}

  Result<RescueReport> run() {
    // What can be refused is refused before anything is fetched.
    TRY(open_output());
    TRY(meet_live_cluster());
    checked_ = TRY(check_scratch());
    server_ = TRY(ScratchServer::recover(checked_, around_));
    TRY(server_->checked(read()));
    if (output_) TRY(output_->finish());
    TRY(leave());
    return std::move(report_);
  }

 private:
  bool writes_sql() const { return options_.output && options_.output->format == RowFormat::kSql; }

  // To the table that is there today.
  bool gives_back() const { return writes_sql() && today_ && !options_.as; }

  Result<void> open_output() {
    report_.where = options_.where;
    if (!options_.output) return success();
    output_ = TRY(OutputFile::create(around_.files, options_.output->path));
    if (!writes_sql()) return success();
    pg_dump_ = TRY(find_pg_dump(options_.scratch.server_binaries,
                                plan_.backup.server_version_num / 10000, around_.files));
    return success();
  }

  // Without it rows can be had all the same.
  Result<void> meet_live_cluster() {
    Result<std::unique_ptr<pgconn::Connection>> live = options_.connect_live("");
    if (!live.ok()) {
      if (live.error().kind != ErrorKind::kTransient) return std::move(live).error();
      report_.not_compared = live.error().message;
      return success();
    }
    TRY(check_is_of(**live, plan_.backup.system_identifier));
    TRY(check_is_sql(**live, options_.where));
    live_answers_ = true;
    return success();
  }

  Result<scratch::ScratchPlan> check_scratch() {
    scratch::ScratchOptions scratch = options_.scratch;
    scratch.purpose = "rescue";
    // Who is to keep it needs all of it.
    scratch.on_demand = scratch.on_demand && !options_.keep;
    scratch.name = id_;
    // What had not committed is rolled back there, and locks nothing.
    scratch.stand = scratch::Stand::kPromoted;
    return scratch::check_scratch(scratch, plan_options_, plan_, around_);
  }

  Result<void> read() {
    TRY(find_then());
    TRY(find_today());
    TRY(compare());
    return write();
  }

  // ---- then ----

  Result<void> find_then() {
    const auto connect = [&](const std::string& database) { return server_->connect(database); };
    {
      const std::unique_ptr<pgconn::Connection> any = TRY(connect("template1"));
      wanted_ = TRY(find_wanted_table(*any, connect, options_.table));
    }
    then_ = TRY(scratch_session(*server_, wanted_.database));
    encoding_ = TRY(pgconn::query_text(*then_, "SHOW client_encoding"));
    TRY(roll_back_prepared(*then_));
    const std::optional<TableShape> shape = TRY(read_shape(*then_, wanted_.oid));
    CHECK(shape);
    then_shape_ = *shape;
    report_.database = wanted_.database_name;
    report_.table = then_shape_.name.quoted;
    TRY_CONTEXT(tables_with_rows(*then_, wanted_.oid), report_.table);
    if (wanted_.unlogged) {
      report_.notes.push_back(
          fmt::format("{} is UNLOGGED: its rows are in no backup", report_.table));
    }
    const Result<pgconn::Table> asked =
        then_->query("EXPLAIN SELECT FROM " + source(then_shape_) + where_clause(options_.where));
    if (asked.ok()) return success();
    return make_error(ErrorKind::kInvalid,
                      fmt::format("--where '{}': {}", options_.where, asked.error().message),
                      "columns as they were called then; functions, types and operators that are "
                      "not PostgreSQL's own with their schema");
  }

  // What stands behind FROM.
  static std::string source(const TableShape& table) { return table.name.from() + " t"; }

  // ---- today ----

  void not_compared(std::string why) { report_.not_compared = std::move(why); }

  Result<void> find_today() {
    if (!live_answers_) return success();
    Result<std::unique_ptr<pgconn::Connection>> live =
        connect_to_oid(options_.connect_live, "", wanted_.database);
    if (!live.ok()) {
      not_compared(live.error().message);
      // A database that was dropped has no table; a server that went meanwhile may have one.
      live_answers_ = live.error().kind == ErrorKind::kMissing;
      return success();
    }
    live_ = std::move(live).value();
    TRY(settle(*live_));
    const std::optional<pg::Oid> oid =
        TRY(table_today(*live_, wanted_.oid, then_shape_.schema, then_shape_.table));
    if (oid) today_ = TRY(read_shape(*live_, *oid));
    if (!today_) return success();
    report_.today = today_->name.quoted;
    for (std::string& note :
         gives_back() ? differences(then_shape_, *today_) : uncompared(then_shape_, *today_)) {
      report_.notes.push_back(std::move(note));
    }
    return success();
  }

  // ---- comparison ----

  Result<void> compare() {
    around_.progress.begin("comparing then and now", 0);
    if (gives_back()) TRY(prepare_return());
    if (!today_) {
      report_.rows = TRY(count_then());
      if (!live_answers_ || !report_.not_compared.empty()) return success();
      not_compared("the table is not there today");
      return success();
    }
    Result<RowComparison> compared = compare_with_today();
    if (live_trouble_ && !gives_back()) {
      not_compared(live_trouble_->message);
      report_.rows = TRY(count_then());
      return success();
    }
    report_.comparison = TRY(std::move(compared));
    report_.rows = report_.comparison->then;
    return success();
  }

  // Trouble of the running cluster's, which keeps nobody from having the rows.
  template <typename T>
  Result<T> of_live(Result<T> step) {
    if (!step.ok() && step.error().kind != ErrorKind::kCancelled) live_trouble_ = step.error();
    return step;
  }

  Result<uint64_t> count_then() {
    return pgconn::number<uint64_t>(TRY(pgconn::query_text(
        *then_, "SELECT count(*) FROM " + source(then_shape_) + where_clause(options_.where))));
  }

  Result<RowComparison> compare_with_today() {
    const UndoTable table = make_undo_table(1, then_shape_, *today_);
    if (table.columns.empty()) {
      return of_live<RowComparison>(
          make_error(ErrorKind::kUnsupported, "it has none of its columns any more"));
    }
    if (table.key) report_.key = names_of(*table.key);
    const std::unique_ptr<ToldRowsReader> now = TRY(of_live(ToldRowsReader::open(
        *live_, told_rows_query(table, source(*today_), options_.where), around_.stop)));
    const std::unique_ptr<ToldRowsReader> was = TRY(ToldRowsReader::open(
        *then_, told_rows_query(table, source(then_shape_), options_.where), around_.stop));
    const auto on_different = [&](const ToldRow& row, Difference difference) -> Result<void> {
      const bool wanted =
          difference == Difference::kOnlyThen || options_.on_conflict == OnConflict::kOverwrite;
      return returning_ && wanted ? returning_->add(row) : success();
    };
    return compare_rows([&] { return was->next(); }, [&] { return of_live(now->next()); },
                        kMostListed, on_different);
  }

  // ---- output ----

  // A table that is there gets rows back: as they are met, they go into the script.
  Result<void> prepare_return() {
    returning_session_ = TRY(scratch_session(*server_, wanted_.database));
    for (std::string& note : TRY(event_triggers_that_fire(*live_))) {
      report_.notes.push_back(std::move(note));
    }
    std::vector<ReturningTable> tables;
    for (const pg::Oid oid : TRY(tables_with_rows(*then_, wanted_.oid))) {
      const std::optional<TableShape> then = TRY(read_shape(*then_, oid));
      CHECK(then);
      std::optional<TableShape> today;
      const std::optional<pg::Oid> oid_today =
          TRY(table_today(*live_, oid, then->schema, then->table));
      if (oid_today) today = TRY(read_shape(*live_, *oid_today));
      const std::string why = today ? why_unlike(*then, *today) : "it is not there any more";
      if (!why.empty()) {
        report_.left_out.push_back({then->name.quoted, why});
        continue;
      }
      tables.push_back({*then, make_undo_table(tables.size() + 1, *then, *std::move(today))});
    }
    // A partitioned table without partitions has neither.
    if (tables.empty() && !report_.left_out.empty()) {
      return make_error(
          ErrorKind::kUnsupported,
          fmt::format("{}: {}", report_.left_out.front().table, report_.left_out.front().why),
          "--as NAME makes a table of its own; --format csv has the rows");
    }
    const bool overwrites = options_.on_conflict == OnConflict::kOverwrite;
    for (const ReturningTable& table : tables) {
      const TableShape& shape = table.today.shape;
      for (const std::string& fires : fired_by(shape, {true, overwrites, overwrites})) {
        report_.notes.push_back(fmt::format("{}: the SQL makes {} fire", shape.name.quoted, fires));
      }
      if (table.today.key) continue;
      report_.notes.push_back(
          fmt::format("{} has no key: run twice, the SQL puts its rows there twice",
                      table.today.shape.name.quoted));
    }
    returning_ = std::make_unique<ReturningRows>(*returning_session_, std::move(tables), *output_,
                                                 encoding_, around_.stop);
    return returning_->begin(says());
  }

  // The script's first lines.
  std::string says() const {
    return fmt::format("walkback rescue: {} of database {} as it was at {}",
                       in_comment(report_.table), in_comment(report_.database),
                       server_->lsn().text());
  }

  Result<void> write() {
    if (!output_) return success();
    around_.progress.begin("writing rows", 0);
    if (returning_) {
      report_.written = TRY(returning_->finish(options_.on_conflict));
    } else if (writes_sql()) {
      TRY(remake());
    } else {
      report_.written = TRY(write_rows());
    }
    return success();
  }

  Result<uint64_t> write_rows() {
    const std::string rows = source(then_shape_) + where_clause(options_.where);
    const RowFormat format = options_.output->format;
    if (format == RowFormat::kJson) {
      return read_all_rows(*then_, rows, kRowAsJson, 1, around_.stop,
                           [&](uint64_t, const std::vector<pgconn::Value>& row) {
                             return write_json(*output_, then_shape_,
                                               row_line(then_shape_, row[0].value_or("")));
                           });
    }
    return copy_all_rows(*then_, rows, copied_columns(then_shape_), copy_form(format, true),
                         writing_to(*output_, around_.stop));
  }

  // As pg_dump says it; what is not wanted goes first, on the scratch server.
  Result<void> remake() {
    if (options_.as && then_shape_.name.partitioned) {
      return make_error(ErrorKind::kUnsupported,
                        fmt::format("{} is partitioned: --as is for one table", report_.table),
                        "--table names one of its partitions; --format csv has all of its rows");
    }
    if (options_.as && live_) TRY(check_new_name(*live_, *options_.as, then_shape_.schema));
    if (!options_.where.empty()) {
      changed_ = true;
      TRY(then_->query("SET session_replication_role = replica"));
      TRY(then_->query(fmt::format("DELETE FROM {} WHERE (\n{}\n) IS NOT TRUE", source(then_shape_),
                                   options_.where)));
    }
    RecreateOptions recreate;
    recreate.database = wanted_.database_name;
    recreate.as = options_.as;
    recreate.without_conflicts = true;
    recreate.keys_of_others = !options_.as;
    Recreation recreation(*then_, live_.get(), recreate);
    DroppedOids parts;
    parts.relations = TRY(parts_of_table(*then_, wanted_.oid));
    Recreated found = TRY(recreation.look(std::move(parts)));
    take_over(found);
    if (found.tables.empty()) return not_made();
    report_.remakes = true;
    ScriptFile file(*output_);
    TRY(file.begin(says(), Script({}, encoding_)));
    const Dump dump{pg_dump_, dump_conninfo(*server_, wanted_.database_name),
                    join_path(server_->root(), "dump.sql"), encoding_};
    changed_ = true;
    TRY(recreation.statements(dump, around_.files, around_.stop,
                              [&](const std::string& statement) { return file.add(statement); }));
    return file.end();
  }

  void take_over(Recreated& found) {
    report_.with_table = std::move(found.others);
    for (LeftOut& left : found.left_out) report_.left_out.push_back(std::move(left));
    for (std::string& note : found.notes) report_.notes.push_back(std::move(note));
    for (const TableOutcome& table : found.tables) {
      report_.written += table.inserted;
      for (const Conflict& conflict : table.listed) {
        report_.left_out.push_back({conflict.row, conflict.why});
      }
    }
  }

  Error not_made() const {
    if (report_.left_out.empty()) {
      return make_error(ErrorKind::kUnsupported,
                        fmt::format("{} belongs to an extension", report_.table),
                        "--format csv has its rows");
    }
    const LeftOut& first = report_.left_out.front();
    return make_error(ErrorKind::kUnsupported, fmt::format("{}: {}", first.table, first.why),
                      "--format csv has the rows");
  }

  Result<void> leave() {
    then_.reset();
    returning_session_.reset();
    report_.fetched = server_->fetched();
    if (!options_.keep) return server_->remove();
    if (changed_) TRY(recover_again());
    report_.kept = TRY(server_->keep(wanted_.database_name));
    return success();
  }

  // What is kept is as it was then: nothing was renamed or removed on it.
  Result<void> recover_again() {
    TRY(server_->remove());
    server_ = TRY(ScratchServer::recover(checked_, around_));
    TRY(roll_back_prepared(*TRY(scratch_session(*server_, wanted_.database))));
    report_.fetched.add(server_->fetched());
    return success();
  }

  const RescueOptions& options_;
  const restore::PlanOptions& plan_options_;
  const restore::RecoveryPlan& plan_;
  scratch::Surroundings& around_;
  const std::string id_;
  std::unique_ptr<OutputFile> output_;
  std::string pg_dump_;
  bool live_answers_ = false;
  scratch::ScratchPlan checked_;
  std::unique_ptr<ScratchServer> server_;
  bool changed_ = false;  // so that pg_dump says what is wanted
  WantedTable wanted_;
  // Before the server that they are with goes.
  std::unique_ptr<pgconn::Connection> then_, returning_session_;
  std::string encoding_;  // of what they say
  TableShape then_shape_;
  std::unique_ptr<pgconn::Connection> live_;
  std::optional<TableShape> today_;
  std::optional<Error> live_trouble_;  // in the comparison
  std::unique_ptr<ReturningRows> returning_;
  RescueReport report_;
};

}  // namespace

Result<RescueReport> run_rescue(const RescueOptions& options,
                                const restore::PlanOptions& plan_options,
                                const restore::RecoveryPlan& plan, scratch::Surroundings& around) {
  catalog::Event event = catalog::new_event("rescue", around.clock, around.random);
  event.detail = fmt::format("table {}", fmt::join(options.table, "."));
  catalog::EventRecorder recorder(around.objects, options.cluster, around.clock);
  if (Result<void> begun = recorder.begin(event); !begun.ok()) {
    around.progress.note("this rescue is not in the history: " + begun.error().message);
  }
  Result<RescueReport> report = Rescue(options, plan_options, plan, around, event.id).run();
  if (report.ok()) event.detail += ", " + report->fetched.text();
  (void)recorder.end(event, report.ok() ? nullptr : &report.error());
  return report;
}

}  // namespace walkback::undo
