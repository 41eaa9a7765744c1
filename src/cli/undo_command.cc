#include <fmt/format.h>

#include <chrono>

#include "base/bytes.h"
#include "cli/commands.h"
#include "cli/live_names.h"
#include "cli/recovery_options.h"
#include "cli/undo_text.h"
#include "find/table_pattern.h"
#include "undo/undo.h"

namespace walkback::cli {

namespace {

// The script, written as it comes and complete or not there: its rows may be many.
class ScriptFile {
 public:
  ScriptFile(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  ~ScriptFile() {
    if (file_) (void)files_.remove(path_);
  }
  ScriptFile(const ScriptFile&) = delete;
  ScriptFile& operator=(const ScriptFile&) = delete;

  const std::string& path() const { return path_; }

  Result<void> begin() {
    constexpr uint32_t kForItsOwnerAlone = 0600;
    file_ = TRY(files_.create(path_, kForItsOwnerAlone));
    return success();
  }
  Result<void> write(std::string_view text) {
    TRY(file_->write_at(end_, as_bytes(text)));
    end_ += text.size();
    return success();
  }
  Result<void> finish() {
    TRY(file_->sync());
    TRY(files_.sync_directory(parent_path(path_)));
    file_.reset();
    return success();
  }

 private:
  FileSystem& files_;
  const std::string path_;
  std::unique_ptr<File> file_;
  uint64_t end_ = 0;
};

// Where `drill` has its own, else beside the cluster: as large as that, on a disk that has room for
// it as a rule.
Result<std::string> scratch_directory(const UndoOptions& options, const config::Config& config,
                                      Session& session) {
  if (options.into) return session.absolute(*options.into);
  if (!config.drill_directory.empty()) return config.drill_directory;
  if (!config.pgdata.empty()) return parent_path(config.pgdata);
  return session.failing_with(
      ExitStatus::kBadUsage,
      Result<std::string>(make_error(ErrorKind::kInvalid,
                                     "nothing says where the scratch server is to lie",
                                     "--into DIR, with room for the cluster")));
}

Result<undo::UndoOptions> undo_options(const UndoOptions& options, const config::Config& config,
                                       Session& session) {
  undo::UndoOptions undo;
  undo.cluster = config.cluster;
  undo.xid = options.xid;
  for (const std::string& table : options.tables) {
    undo.only.push_back(
        TRY(session.failing_with(ExitStatus::kBadUsage, find::TablePattern::parse(table))));
  }
  undo.timeline = options.timeline;
  undo.scratch.directory = TRY(scratch_directory(options, config, session));
  undo.scratch.neighbours = neighbours_of(config);
  undo.scratch.workers = config.recovery_workers;
  undo.scratch.server_binaries = config.bin_dir;
  undo.scratch.program = session.env().program;
  undo.scratch.config_path = session.config_path();
  undo.connect_live = session.connect_to(config);
  undo.on_conflict = options.on_conflict;
  undo.apply = options.apply;
  undo.as = options.as;
  undo.unreadable = [&session](const Error& error) { session.warn(error); };
  return undo;
}

}  // namespace

Result<ExitStatus> run_undo(const UndoOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  undo::UndoOptions undo = TRY(undo_options(options, config, session));
  Env& env = session.env();
  TRY(check_not_root(config, session));
  TRY(session.check_repository_owner(config));
  TRY(scratch::check_directory(undo.scratch, env.files));
  std::optional<ScriptFile> script;
  if (!options.output.empty()) {
    script.emplace(env.files, session.absolute(options.output));
    TRY(script->begin());
    undo.script = [&](std::string_view text) { return script->write(text); };
  }
  undo.on_preview = [&](const undo::UndoReport& report) {
    session.show(undo_preview_text(report) + "\n");
  };
  const std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  auto store = TRY(session.open_repository(config, Access::kReadData));
  TRY(session.check_cluster(*store, config));
  undo.live_names = live_names(config, session);
  scratch::Surroundings around{env.files, *store, env.clock, env.random, session.progress(), stop};
  const undo::UndoReport report = TRY(undo::run_undo(undo, around));
  if (script) TRY(script->finish());
  const std::string path = script ? script->path() : std::string();
  session.result(undo_text(report, path), undo_json(report, path));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
