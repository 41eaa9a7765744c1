// Tables that a transaction dropped, with what went with them: which those were, what stands
// against their coming back, and the statements that make them again.
//
// All is read on a scratch server on which the transaction never happened. There the definitions
// are PostgreSQL's own pg_dump's; what must be otherwise by now (a name, a partition's place) is
// first changed there, so that pg_dump says it.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "find/relation_names.h"
#include "find/table_pattern.h"
#include "pgconn/connection.h"
#include "undo/choice.h"
#include "undo/extended_statistics.h"
#include "undo/live_run.h"
#include "undo/row_changes.h"
#include "undo/staging.h"

namespace walkback::undo {

// OIDs of the catalog's rows that the transaction deleted.
struct DroppedOids {
  std::vector<pg::Oid> relations;   // of every kind
  std::vector<pg::Oid> defaults;    // pg_attrdef
  std::vector<std::string> others;  // what undo does not give back, as pg_describe_object() says it
};
// `then` stands where the transaction never happened.
Result<DroppedOids> read_dropped(pgconn::Connection& then, const RowChanges& changes);

struct RecreateOptions {
  std::string database;                  // its name, for `only`
  std::vector<find::TablePattern> only;  // all where it is empty
  // The name of the one table that comes back; the schema is empty where it stays.
  std::optional<find::SchemaAndName> as;
  bool without_conflicts = false;  // what has one is not made
  bool keys_of_others = true;      // foreign keys to it from tables that were not dropped
};

struct Recreated {
  std::vector<TableOutcome> tables;
  std::vector<pg::Oid> with_rows;   // of those, that have rows of their own
  std::vector<std::string> others;  // "view public.v"
  std::vector<LeftOut> left_out;
  std::vector<std::string> notes;
};

// Which pg_dump, and where its output may lie.
struct Dump {
  std::string program;
  std::string conninfo;  // of `then`'s database
  std::string file;      // not there yet; as large as the tables' rows
  std::string encoding = "UTF8";
};

// One thread; both sessions outlive it.
class Recreation {
 public:
  // `live` may be nullptr: then nothing stands against anything.
  Recreation(pgconn::Connection& then, pgconn::Connection* live, RecreateOptions options)
      : then_(then), live_(live), options_(std::move(options)) {}

  // Changes nothing. kInvalid when options.as is for several tables.
  Result<Recreated> look(DroppedOids dropped);
  // After look(), once: changes `then`, and gives `take` the statements in their order. They are
  // for one transaction, in which search_path, row_security and session_replication_role are as
  // Script::settings() has them.
  Result<void> statements(const Dump& dump, FileSystem& files, const std::stop_token& stop,
                          const StatementSink& take);

 private:
  struct Relation {
    pg::Oid oid = 0;
    char kind = 0;
    std::string schema, name, quoted;
    pg::Oid partition_of = 0, owned_by = 0;
    bool unlogged = false, of_extension = false;
    std::string owner;
    uint64_t bytes = 0, rows = 0;
    std::string new_quoted;  // as it comes back
    bool is_table() const { return kind == 'r' || kind == 'p' || kind == 'f' || kind == 'm'; }
    std::string text() const;  // "table public.orders"
  };
  // A foreign key from a table that was not dropped, or a default there.
  struct Elsewhere {
    pg::Oid oid = 0;
    bool is_default = false;
    std::string table;   // as it is called today
    std::string column;  // quoted
  };

  Result<void> read_relations();
  void choose();
  Result<void> read_uses();
  bool wants(const Relation& relation) const;
  void drop_dependents(bool say);
  Result<void> find_obstacles();
  Result<std::string> obstacle(const Relation& relation);
  Result<void> look_at_foreign_keys();
  Result<void> look_at_defaults();
  Result<void> look_at_statistics();
  Result<void> count_rows();
  // By a relation or a type.
  static Result<bool> is_taken(pgconn::Connection& server, const pgconn::Value& schema,
                               const pgconn::Value& name);
  Result<bool> live_has(std::string_view sql, const std::vector<pgconn::Value>& parameters);
  void conflict(pg::Oid table, std::string what, std::string why);
  void leave_out(const Relation& relation, std::string why);
  bool comes(pg::Oid oid) const;
  bool was_dropped(pg::Oid oid) const;
  std::string oids() const;
  Result<void> rename_table();
  Result<void> detach_partitions();
  Result<void> rename_taken();
  Result<void> make_schemas(const StatementSink& take);
  Result<void> run_dump(const Dump& dump, FileSystem& files, const std::stop_token& stop,
                        const StatementSink& take);
  Result<void> make_statistics(const StatementSink& take);
  Result<void> bind_elsewhere(const StatementSink& take);

  pgconn::Connection& then_;
  pgconn::Connection* const live_;
  const RecreateOptions options_;
  std::vector<Relation> relations_;  // that come back
  DroppedOids dropped_;
  std::vector<std::pair<pg::Oid, pg::Oid>> uses_;        // a view and what it reads
  std::vector<std::pair<pg::Oid, Conflict>> conflicts_;  // by table
  std::vector<std::string> lost_constraints_;            // statements that take them away
  std::vector<std::string> attachments_;
  std::vector<Elsewhere> elsewhere_;
  std::vector<ExtendedStatistics> statistics_;
  std::set<std::string> dumped_statistics_;  // CREATE STATISTICS that pg_dump said itself
  Recreated result_;
};

}  // namespace walkback::undo
