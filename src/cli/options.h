// What was typed, parsed and nothing more: no file was read, no default of the configuration
// applied.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "find/kind.h"
#include "find/relation_names.h"
#include "pg/types.h"
#include "restore/recovered_settings.h"
#include "restore/target_directory.h"
#include "undo/on_conflict.h"
#include "undo/row_format.h"

namespace walkback::cli {

struct GlobalOptions {
  std::string config_path;             // --config, else WALKBACK_CONFIG, else the default
  std::optional<std::string> cluster;  // --cluster
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  std::vector<std::string> typed = {};  // the whole command line, as it was
};

struct InitOptions {
  std::optional<std::string> pgdata;
  std::optional<std::string> repository;
  std::optional<std::string> conninfo;
  std::optional<std::string> encryption;
  std::vector<std::string> recipients;
  std::optional<int> archive_timeout_s;
  bool new_lineage = false;
  std::optional<std::string> second_repository;
  bool new_repository = false;
  bool replace_archive_command = false;
  bool apply = false;
};

struct WalPushOptions {
  std::string path;
};

struct WalGetOptions {
  std::string name;
  std::string path;
  std::optional<uint32_t> reserved_timeline;
};

struct BackupOptions {
  bool full = false;
  std::string label;
};

struct CheckOptions {
  bool conformance = false;
  bool prove = true;
};

struct ListOptions {};

struct IndexOptions {
  bool rebuild = false;
  bool all = false;
};

struct FindOptions {
  std::optional<std::string> since;
  std::optional<std::string> until;
  std::optional<uint64_t> xid;
  std::string table;
  std::optional<find::Kind> kind;
  uint64_t min_rows = 0;
  uint32_t limit = 10;
  bool earliest_first = false;  // not the largest
  std::optional<pg::TimelineId> timeline;
};

// Exactly one of the first seven is set.
struct TargetOptions {
  std::optional<std::string> to;
  std::optional<std::string> xid;
  std::optional<std::string> before_xid;
  std::optional<std::string> lsn;
  std::optional<std::string> name;
  bool latest = false;
  bool immediate = false;
  std::optional<pg::TimelineId> timeline;
};

struct PlanOptions {
  TargetOptions target;
};

struct RecoverOptions {
  TargetOptions target;
  std::string into;
  std::optional<int> port;
  std::optional<restore::RecoveryAction> action;
  std::vector<restore::TablespaceMapping> tablespaces;
  bool start = true;
  bool delta = false;
  bool dry_run = false;
};

struct DrillOptions {
  TargetOptions target;  // the latest where none was named
  bool random = false;
  std::optional<uint64_t> seed;
  std::optional<std::string> into;
  std::vector<std::string> checks;  // SQL
  std::string database = "postgres";
  bool keep = false;
};

struct UndoOptions {
  bool keep = false;
  uint64_t xid = 0;
  std::vector<std::string> tables;
  std::optional<pg::TimelineId> timeline;
  std::optional<std::string> into;
  std::string output;
  undo::RowFormat format = undo::RowFormat::kSql;
  bool apply = false;
  undo::OnConflict on_conflict = undo::OnConflict::kFail;
  std::optional<find::SchemaAndName> as;
};

struct RescueOptions {
  std::vector<std::string> table;  // the parts of its name
  TargetOptions target;
  std::string where;
  std::string output;
  undo::RowFormat format = undo::RowFormat::kSql;
  undo::OnConflict on_conflict = undo::OnConflict::kSkip;
  std::optional<find::SchemaAndName> as;
  std::optional<std::string> into;
  bool keep = false;
};

struct AdoptOptions {
  std::string pgdata;
};

struct VerifyOptions {
  bool deep = false;
};

struct StatusOptions {
  bool alert = false;
  bool test_alert = false;
};

struct AgentOptions {
  bool once = false;
};

struct CostOptions {};

struct MetricsOptions {
  std::optional<std::string> textfile;  // a directory; nothing: standard output
  std::optional<std::string> listen;    // "127.0.0.1:9717"
};

struct HistoryOptions {
  std::string into;  // libpq's form or a URI: a database to write the history to; empty: none
};

struct PruneOptions {
  bool dry_run = false;
};

struct KeepOptions {
  std::string backup;
  std::optional<std::string> until;
  bool release = false;
};

struct KeyGenerateOptions {
  std::string output;
};

struct KeyListOptions {};

struct KeyAddOptions {
  std::string recipient;
  std::string label;
};

// An owner's key with exactly one of `recipient` and `output`, or this host's.
struct KeyRotateOptions {
  bool host = false;
  std::string recipient;
  std::string output;
  std::string label;
  std::string retire;
};

using CommandOptions =
    std::variant<InitOptions, CheckOptions, WalPushOptions, WalGetOptions, BackupOptions,
                 ListOptions, FindOptions, IndexOptions, PlanOptions, RecoverOptions, AdoptOptions,
                 DrillOptions, UndoOptions, RescueOptions, VerifyOptions, StatusOptions,
                 MetricsOptions, CostOptions, AgentOptions, HistoryOptions, PruneOptions,
                 KeepOptions, KeyGenerateOptions, KeyListOptions, KeyAddOptions, KeyRotateOptions>;

struct Invocation {
  GlobalOptions global;
  CommandOptions command;
};

}  // namespace walkback::cli
