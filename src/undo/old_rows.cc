#include "undo/old_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "pgconn/values.h"
#include "undo/old_server.h"
#include "undo/staging.h"
#include "undo/table_likeness.h"

namespace walkback::undo {

namespace {

using pgconn::Connection;
using scratch::ScratchServer;

std::string spool_path(const OldRowsRequest& request, std::string_view what) {
  return join_path(request.directory, fmt::format("undo-{}.{}", request.id, what));
}

// That it stands where it should, in PostgreSQL's own words.
Result<void> expect_status(Connection& server, uint64_t xid, std::string_view status) {
  if (TRY(pgconn::query_text(server, "SELECT pg_is_in_recovery()")) != "t") {
    return make_error(
        ErrorKind::kUnsupported,
        "the scratch server let nobody in while it stood at the commit: too many savepoints were "
        "open at its last checkpoint",
        how_to_recover(xid));
  }
  const std::string is =
      TRY(pgconn::query_text(server, "SELECT pg_xact_status($1::xid8)", {std::to_string(xid)}));
  if (is == status) return success();
  return make_error(ErrorKind::kIo,
                    fmt::format("on the scratch server transaction {} is {} where it should be {}",
                                xid, is, status));
}

// An AccessExclusiveLock is in the WAL, and held on a standby until the transaction ends.
Result<bool> is_locked(Connection& before, pg::Oid table) {
  const pgconn::Table held =
      TRY(before.query("SELECT FROM pg_locks WHERE relation = $1::oid AND granted"
                       " AND mode = 'AccessExclusiveLock'"
                       " AND database = (SELECT oid FROM pg_database"
                       "  WHERE datname = current_database()) LIMIT 1",
                       {std::to_string(table)}));
  return !held.rows.empty();
}

Result<TableShape> shape_then(Connection& before, const find::FoundTable& found) {
  const std::optional<pg::Oid> oid =
      TRY(find_table_of_file(before, found.file.tablespace, found.file.number));
  std::optional<TableShape> then;
  if (oid) then = TRY(read_shape(before, *oid));
  if (then) return *std::move(then);
  return make_error(ErrorKind::kCorrupt,
                    fmt::format("{}: no table has its file on the scratch server", name_of(found)));
}

Result<std::optional<TableShape>> shape_today(Connection& live, const find::RelationName& name) {
  const std::optional<pg::Oid> oid = TRY(table_today(live, name.oid, name.schema, name.name));
  if (!oid) return std::optional<TableShape>();
  return read_shape(live, *oid);
}

class Reader {
 public:
  Reader(const OldRowsRequest& request, UndoServers& servers, LiveSession& live,
         scratch::Surroundings& around, OldRows& read)
      : request_(request), servers_(servers), live_(live), around_(around), read_(read) {}

  Result<void> read_placed_rows() {
    std::unique_ptr<ScratchServer> server = TRY(servers_.recover_paused());
    TRY(server->checked(read_placed_rows(*server)));
    const bool stands_before = std::ranges::none_of(read_.tables, &Undone::any_now);
    servers_.leave(std::move(server), stands_before);
    return success();
  }

  Result<void> read_locked_rows() {
    std::unique_ptr<ScratchServer> server = TRY(servers_.recover_promoted());
    TRY(server->checked(read_locked_rows(*server)));
    // To make what was dropped again, it is changed.
    servers_.leave(std::move(server), /*is_as_before=*/!any_dropped());
    return success();
  }

 private:
  bool any_dropped() const { return !request_.choice.dropped.empty(); }

  Result<void> read_placed_rows(ScratchServer& server) {
    {
      const std::unique_ptr<Connection> before = TRY(session(server));
      TRY(expect_status(*before, request_.xid, "in progress"));
      TRY(read_shapes(*before));
      for (Undone& undone : read_.tables) {
        undone.locked = TRY(is_locked(*before, undone.then.name.oid));
      }
      around_.progress.begin("reading the rows as they were", 0);
      for (const Undone& undone : read_.tables) {
        if (!undone.locked) TRY(read_was(*before, undone));
      }
    }
    if (std::ranges::none_of(read_.tables, &Undone::any_now)) return success();
    TRY(servers_.pass_commit(server, request_.wal.commit_end));
    const std::unique_ptr<Connection> after = TRY(session(server));
    TRY(expect_status(*after, request_.xid, "committed"));
    around_.progress.begin("reading the rows as the transaction left them", 0);
    for (Undone& undone : read_.tables) TRY(read_now(*after, undone));
    return success();
  }

  Result<void> read_was(Connection& before, const Undone& undone) {
    TRY(stage_was(before, undone.then.name.quoted, *undone.table, undone.rows, around_.stop,
                  into_rows()));
    if (request_.change_files == nullptr) return success();
    return request_.change_files->add_was(before, undone.then, undone.rows, around_.stop);
  }

  Result<void> read_now(Connection& after, Undone& undone) {
    if (undone.truncated()) {
      wal::RelationLocator file = undone.found->file;
      file.number = TRY(file_of_table(after, undone.then.name.oid));
      undone.rows = request_.wal.changes.of(file);
    }
    TRY(stage_now(after, undone.then.name.quoted, *undone.table, undone.rows, around_.stop,
                  into_rows()));
    if (request_.change_files == nullptr) return success();
    return request_.change_files->add_now(after, undone.then, undone.rows, around_.stop);
  }

  Result<void> read_locked_rows(const ScratchServer& server) {
    const std::unique_ptr<Connection> before = TRY(session(server));
    TRY(roll_back_prepared(*before, static_cast<pg::Xid>(request_.xid)));
    if (!read_.tables.empty() && !read_.tables.front().table) TRY(read_shapes(*before));
    around_.progress.begin("reading the tables that were locked", 0);
    for (Undone& undone : read_.tables) {
      if (undone.truncated()) {
        TRY(read_all(*before, undone));
      } else if (undone.locked) {
        TRY(read_was(*before, undone));
      }
    }
    return any_dropped() ? recreate(server, *before) : success();
  }

  Result<void> read_all(Connection& before, Undone& undone) {
    if (request_.change_files != nullptr) {
      TRY(request_.change_files->add_all(before, undone.then, around_.stop));
    }
    undone.truncated_rows = TRY(stage_all(before, undone.then.name.quoted, *undone.table,
                                          undone.rows.size() + 1, around_.stop, into_rows()));
    return success();
  }

  // What was dropped.
  Result<void> recreate(const ScratchServer& server, Connection& then) {
    around_.progress.begin("reading what was dropped", 0);
    TRY(live_.wake());
    Recreation recreation(then, live_.get(), request_.recreate);
    Recreated found = TRY(recreation.look(TRY(read_dropped(then, request_.wal.changes))));
    read_.created = std::move(found.tables);
    read_.with_created = std::move(found.others);
    for (LeftOut& left : found.left_out) read_.left_out.push_back(std::move(left));
    for (std::string& note : found.notes) read_.notes.push_back(std::move(note));
    if (request_.change_files != nullptr) TRY(copy_created(then, found.with_rows));
    if (read_.created.empty() || !request_.makes_again) return success();
    read_.definitions.emplace(
        TRY(TextSpool::create(around_.files, spool_path(request_, "definitions"))));
    const std::string database = TRY(pgconn::query_text(then, "SELECT current_database()"));
    const Dump dump{request_.pg_dump, dump_conninfo(server, database),
                    join_path(server.root(), "dump.sql"), read_.encoding};
    return recreation.statements(
        dump, around_.files, around_.stop,
        [this](const std::string& statement) { return read_.definitions->add(statement); });
  }

  Result<void> copy_created(Connection& then, const std::vector<pg::Oid>& tables) {
    for (const pg::Oid oid : tables) {
      const std::optional<TableShape> shape = TRY(read_shape(then, oid));
      if (shape) TRY(request_.change_files->add_all(then, *shape, around_.stop));
    }
    return success();
  }

  StatementSink into_rows() {
    return [this](const std::string& statement) { return read_.rows.add(statement); };
  }

  Result<std::unique_ptr<Connection>> session(const ScratchServer& server) {
    std::unique_ptr<Connection> session = TRY(scratch_session(server, request_.choice.database));
    read_.encoding = TRY(pgconn::query_text(*session, "SHOW client_encoding"));
    return session;
  }

  Result<void> read_shapes(Connection& before) {
    // The restore took a while.
    TRY(live_.wake());
    for (size_t i = 0; i < read_.tables.size();) {
      Undone& undone = read_.tables[i];
      undone.then = TRY(shape_then(before, *undone.found));
      std::optional<TableShape> today = undone.then;
      if (live_) today = TRY(shape_today(*live_, *undone.found->name));
      std::string why = today ? why_unlike(undone.then, *today) : "it went meanwhile";
      if (!why.empty()) {
        read_.left_out.push_back({name_of(*undone.found), std::move(why)});
        read_.tables.erase(read_.tables.begin() + static_cast<std::ptrdiff_t>(i));
        continue;
      }
      for (std::string& note : differences(undone.then, *today)) {
        read_.notes.push_back(std::move(note));
      }
      undone.table = make_undo_table(i + 1, undone.then, *std::move(today));
      if (!undone.table->key) {
        read_.notes.push_back(fmt::format("{} has no key: undone twice, its rows are there twice",
                                          undone.table->shape.name.quoted));
      }
      ++i;
    }
    return success();
  }

  const OldRowsRequest& request_;
  UndoServers& servers_;
  LiveSession& live_;
  scratch::Surroundings& around_;
  OldRows& read_;
};

}  // namespace

bool Undone::any_now() const {
  if (truncated()) return found->rows.inserted > 0;
  return std::ranges::any_of(rows, [](const ChangedRow& row) { return row.now.has_value(); });
}

// Rows of known places are read while the server stands at the commit, before and after it. What
// the transaction truncated is locked by it there, so another is made on which it never happened.
Result<OldRows> read_old_rows(const OldRowsRequest& request, std::vector<Undone> tables,
                              UndoServers& servers, LiveSession& live,
                              scratch::Surroundings& around) {
  const bool any_placed = std::ranges::any_of(
      tables, [](const Undone& undone) { return !undone.truncated() || undone.any_now(); });
  const bool any_truncated = std::ranges::any_of(tables, &Undone::truncated);
  // What can be refused of either is refused before the first.
  if (any_placed) TRY(servers.check_paused());
  TRY(make_directories(around.files, request.directory, 0700));
  OldRows read{.tables = std::move(tables),
               .rows = TRY(TextSpool::create(around.files, spool_path(request, "rows")))};
  if (request.change_files != nullptr) {
    TRY(request.change_files->spool_to(spool_path(request, "images")));
  }
  Reader reader(request, servers, live, around, read);
  if (any_placed) TRY(reader.read_placed_rows());
  if (std::ranges::any_of(read.tables, &Undone::locked) ||
      (any_truncated && !read.tables.empty()) || !request.choice.dropped.empty()) {
    TRY(reader.read_locked_rows());
  }
  return read;
}

}  // namespace walkback::undo
