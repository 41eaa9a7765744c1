#include "setup/init.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/control_file_reader.h"
#include "catalog/events.h"
#include "catalog/layout.h"
#include "catalog/lineage.h"
#include "catalog/server_directory.h"
#include "catalog/wal_archive.h"
#include "pg/sql_text.h"
#include "repo/repository.h"
#include "setup/archiving_proof.h"
#include "setup/repository_place.h"
#include "setup/server_settings.h"

namespace walkback::setup {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{100};
constexpr std::chrono::seconds kReloadTimeout{10};

// A copy of the cluster has its system identifier too: only the directory tells them apart.
Result<void> check_same_directory(const InitOptions& options, pgconn::Connection& connection,
                                  FileSystem& files) {
  Result<std::string> answered = current_setting(connection, "data_directory");
  // Who may not see it is told so by `backup`, which needs more of this kind.
  if (!answered.ok() && answered.error().kind == ErrorKind::kDenied) return success();
  const std::string servers = TRY(std::move(answered));
  if (servers.empty() || TRY(catalog::is_server_directory(files, servers, options.pgdata))) {
    return success();
  }
  return make_error(ErrorKind::kInvalid,
                    fmt::format("the data directory of the server that answers is {}, not {}",
                                servers, options.pgdata),
                    "give --conninfo and --pgdata of the same cluster");
}

// The server that answers must be the one whose files we were told of, or the archive would mix two
// clusters.
Result<pg::ControlFile> check_same_cluster(const InitOptions& options,
                                           pgconn::Connection& connection, FileSystem& files) {
  const pg::ControlFile control = TRY(catalog::read_control_file(files, options.pgdata)).control;
  const std::string answered = TRY(
      pgconn::query_text(connection, "SELECT system_identifier::text FROM pg_control_system()"));
  const auto signed_identifier = static_cast<int64_t>(control.system_identifier.value);
  if (answered != fmt::format("{}", signed_identifier)) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("the server that answers has system identifier {}, the files in {} have {}",
                    answered, options.pgdata, control.system_identifier.value),
        "give --conninfo and --pgdata of the same cluster");
  }
  TRY(check_same_directory(options, connection, files));
  return control;
}

Result<bool> repository_exists(store::ObjectStore& seen) {
  const Result<repo::RepositoryInfo> there = repo::open_repository(seen);
  if (there.ok()) return true;
  if (there.error().kind == ErrorKind::kMissing) return false;
  return there.error();
}

// A repository that was there and is not is a disk that is not mounted; a second one, begun in its
// place, would hide the first's backups and take the WAL that belongs to it.
Result<void> check_may_be_new(const InitOptions& options, pgconn::Connection& connection,
                              FileSystem& files) {
  if (options.new_repository) return success();
  const bool server_knows =
      TRY(current_setting(connection, "archive_command")).find(options.config_path) !=
      std::string::npos;
  if (!server_knows && !options.was_set_up_before) return success();
  const std::string known =
      fmt::format("{} {}", options.config_path,
                  server_knows ? "is what the server archives with" : "was there already");
  const std::string hint =
      known +
      ", so there was a repository: mount it, or correct repository.url; if a new one is to begin "
      "there, say so with --new-repository";
  for (const std::string& url : options.repository_urls) {
    Result<void> there = check_is_there(files, url);
    if (there.ok()) continue;
    Error error = std::move(there).error();
    error.hint = hint;
    return error;
  }
  return make_error(ErrorKind::kMissing,
                    fmt::format("there is no repository at {}, though {}",
                                fmt::join(options.repository_urls, " or "), known),
                    hint);
}

// A name that another cluster uses is a mistake, unless that one was upgraded or made anew.
Result<void> check_name_is_free(const InitOptions& options, store::ObjectStore& objects,
                                pg::SystemIdentifier id) {
  const std::vector<catalog::Lineage> lineages =
      TRY(catalog::list_lineages(objects, options.cluster));
  const bool known =
      std::ranges::find(lineages, id, &catalog::Lineage::system_identifier) != lineages.end();
  if (lineages.empty() || known || options.new_lineage) return success();
  return make_error(
      ErrorKind::kConflict,
      fmt::format("'{}' in {} is the cluster with system identifier {}, this one has {}",
                  options.cluster, objects.description(), lineages.back().system_identifier.value,
                  id.value),
      "give this one a name of its own with --cluster; or, if it takes the other's place "
      "(pg_upgrade, "
      "a new initdb), say so with --new-lineage");
}

bool all_satisfied(const std::vector<ServerSetting>& settings) {
  return std::all_of(settings.begin(), settings.end(),
                     [](const ServerSetting& setting) { return setting.satisfied(); });
}

// `set`: the names of those that the server has now, though a later one may have failed.
Result<void> alter_system(pgconn::Connection& connection,
                          const std::vector<ServerSetting>& settings,
                          std::vector<std::string>& set) {
  for (const ServerSetting& setting : settings) {
    if (setting.satisfied() || setting.pending) continue;
    TRY(connection.query(
        fmt::format("ALTER SYSTEM SET {} = {}", setting.name, pg::quote_literal(setting.wanted))));
    set.push_back(setting.name);
  }
  return success();
}

Result<void> reload(pgconn::Connection& connection, std::vector<ServerSetting>& settings,
                    Clock& clock) {
  TRY(connection.query("SELECT pg_reload_conf()"));
  // The reload reaches our session's process a moment later.
  const auto deadline = clock.monotonic() + kReloadTimeout;
  auto reloaded = [&] {
    return std::all_of(settings.begin(), settings.end(), [](const ServerSetting& setting) {
      return setting.satisfied() || setting.needs_restart;
    });
  };
  do {
    clock.sleep(kBetweenLooks);
    TRY(read_current(connection, settings));
  } while (!reloaded() && clock.monotonic() < deadline);
  if (reloaded()) return success();
  return make_error(
      ErrorKind::kInvalid, "the server did not take the new settings over",
      "a setting given on the server's command line wins over ALTER SYSTEM; take it out there");
}

class Init {
 public:
  Init(const InitOptions& options, const InitParts& parts) : options_(options), parts_(parts) {}

  Result<InitReport> run() {
    TRY(catalog::check_cluster_name(options_.cluster));
    const pg::ControlFile control =
        TRY(check_same_cluster(options_, parts_.connection, parts_.files));
    for (const std::string& url : options_.repository_urls) {
      TRY(check_outside_of_cluster(parts_.files, url, options_.pgdata));
    }
    store::ObjectStore& seen = parts_.repository.seen();
    report_.repository_created = !TRY(repository_exists(seen));
    if (report_.repository_created) {
      TRY(check_may_be_new(options_, parts_.connection, parts_.files));
    }
    TRY(check_name_is_free(options_, seen, control.system_identifier));
    report_.system_identifier = control.system_identifier;
    report_.server_version_num = parts_.connection.server_version();
    report_.settings = TRY(wanted_settings(call(), options_.archive_timeout_s, parts_.connection));
    TRY(read_current(parts_.connection, report_.settings));
    TRY(check_archive_command());

    objects_ = TRY(parts_.repository.open(report_.repository_created));
    if (!report_.repository_created) TRY(check_no_place_is_away());
    // Before anything is put: the marker must come to a new place last.
    if (!report_.repository_created) {
      constexpr auto kNoDeadline = std::chrono::nanoseconds::max();
      report_.copied = TRY(objects_->catch_up(store::CatchUpExtent::kAll, kNoDeadline)).copied;
    }
    report_.repository_id = TRY(repo::create_repository(*objects_, parts_.clock, parts_.random)).id;
    const catalog::Lineage lineage{control.system_identifier, control.major,
                                   control.wal_segment_bytes, parts_.clock.now()};
    TRY(catalog::register_lineage(*objects_, options_.cluster, lineage));
    TRY(on_record(lineage));
    return std::move(report_);
  }

 private:
  Result<void> on_record(const catalog::Lineage& lineage) {
    catalog::Event event = catalog::new_event("init", parts_.clock, parts_.random);
    event.detail = fmt::format("{}{}", options_.pgdata,
                               report_.repository_created ? ", a new repository" : "");
    catalog::EventRecorder recorder(*objects_, options_.cluster, parts_.clock);
    if (Result<void> begun = recorder.begin(event); !begun.ok()) {
      parts_.progress.note("this is not in the history: " + begun.error().message);
    }
    const Result<void> done = make_settings_and_prove(lineage);
    if (!report_.proved_segment.empty()) {
      event.detail += fmt::format(", proved by segment {}", report_.proved_segment);
    } else if (report_.restart_required) {
      event.detail += ", waiting for a restart";
    }
    (void)recorder.end(event, done.ok() ? nullptr : &done.error());
    return done;
  }

  Result<void> make_settings_and_prove(const catalog::Lineage& lineage) {
    TRY(parts_.configuration.write());
    if (options_.apply && !all_satisfied(report_.settings)) TRY(apply());
    report_.restart_required = std::any_of(
        report_.settings.begin(), report_.settings.end(),
        [](const ServerSetting& setting) { return setting.needs_restart && !setting.satisfied(); });
    if (!all_satisfied(report_.settings)) return success();
    const catalog::WalArchive archive(*objects_, options_.cluster, lineage);
    report_.proved_segment =
        TRY(prove_archiving({.pgdata = options_.pgdata, .timeout = options_.proof_timeout}, archive,
                            parts_.connection, parts_.files, parts_.clock, parts_.progress));
    return success();
  }

  // An empty directory beside a place that has the repository: the mount point of the other one's
  // disk, or a new place.
  Result<void> check_no_place_is_away() const {
    if (options_.new_repository || options_.repository_urls.size() < 2) return success();
    for (const std::string& url : options_.repository_urls) {
      Result<void> mounted = check_is_mounted(parts_.files, url);
      if (mounted.ok()) continue;
      Error error = std::move(mounted).error();
      error.hint =
          "mount it; if it is a new place, say so with --new-repository, and the repository is "
          "copied to it";
      return error;
    }
    return success();
  }

  catalog::ProgramCall call() const {
    return {options_.program, options_.config_path, options_.cluster};
  }

  // Whoever relies on the other archive must hear that it would end.
  Result<void> check_archive_command() const {
    if (!options_.apply || options_.replace_archive_command) return success();
    for (const ServerSetting& setting : report_.settings) {
      if (!archives_elsewhere(setting)) continue;
      return make_error(ErrorKind::kConflict,
                        fmt::format("the server's WAL goes elsewhere: {} is \"{}\"", setting.name,
                                    setting.current),
                        "its archive would get no more WAL; if that is meant, say so with "
                        "--replace-archive-command");
    }
    return success();
  }

  Result<void> apply() {
    const Result<void> altered = alter_system(parts_.connection, report_.settings, report_.set);
    if (!altered.ok()) {
      if (report_.set.empty()) parts_.configuration.take_back();
      return altered;
    }
    report_.applied = true;
    return reload(parts_.connection, report_.settings, parts_.clock);
  }

  const InitOptions& options_;
  const InitParts& parts_;
  store::ObjectStore* objects_ = nullptr;
  InitReport report_;
};

}  // namespace

Result<InitReport> run_init(const InitOptions& options, const InitParts& parts) {
  return Init(options, parts).run();
}

}  // namespace walkback::setup
