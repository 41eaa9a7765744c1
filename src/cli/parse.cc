// The only file that includes CLI11: it costs seconds to compile.
#include "cli/parse.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <memory>

#include "base/result.h"
#include "cli/version.h"
#include "config/closest.h"
#include "config/secrets.h"

namespace walkback::cli {

namespace {

constexpr int kHighestPort = 65535;
// archive_timeout's own limit (guc.c: INT_MAX / 2 seconds).
constexpr int kLongestArchiveTimeout_s = 0x3FFFFFFF;

// What CLI11 writes into. Numbers stay text here, so that a wrong one gets our message and not
// CLI11's.
struct Raw {
  std::string config, cluster;
  bool json = false, quiet = false, verbose = false, version = false;

  std::string pgdata, repository, second_repository, conninfo, encryption, archive_timeout;
  bool apply = false, new_lineage = false, new_repository = false;
  bool replace_archive_command = false;
  std::string path, name, reserved_timeline;
  std::string label;
  bool full = false;
  bool conformance = false, no_proof = false;
  std::string to, xid, before_xid, lsn, restore_point, timeline;
  bool latest = false, immediate = false;
  std::string into, port, action;
  std::vector<std::string> tablespaces, recipients;
  bool no_start = false, dry_run = false, delta = false;
  std::string output, recipient, retire;
  bool host = false;
  std::string since, until, table, kind, min_rows, limit, order;
  std::vector<std::string> tables;
  std::string on_conflict;
  bool rebuild = false, all = false;
  bool deep = false;
  bool alert = false, test_alert = false;
  bool once = false;
  std::string listen;
  bool random = false, keep = false;
  std::string seed, database;
  std::vector<std::string> checks;
  std::string textfile;
  std::string backup;
  bool release = false;
};

void add_timeline(CLI::App& app, Raw& raw, const char* what) {
  app.add_option("--timeline", raw.timeline, what)->type_name("N");
}

void add_target(CLI::App& app, Raw& raw, const char* group = "TARGET (exactly one)") {
  app.add_option(
         "--to", raw.to,
         "The moment: 2026-11-22T15:46:59Z, \"2026-11-22 15:46\", 15:46, \"10 minutes ago\"")
      ->type_name("TIME")
      ->group(group);
  app.add_option("--xid", raw.xid, "Up to and with this transaction's commit")
      ->type_name("N")
      ->group(group);
  app.add_option("--before-xid", raw.before_xid, "Up to just before this transaction's commit")
      ->type_name("N")
      ->group(group);
  app.add_option("--lsn", raw.lsn, "Up to this position of the WAL")
      ->type_name("LSN")
      ->group(group);
  app.add_option("--name", raw.restore_point, "A restore point made with pg_create_restore_point()")
      ->type_name("TEXT")
      ->group(group);
  app.add_flag("--latest", raw.latest, "The end of the archived WAL")->group(group);
  app.add_flag("--immediate", raw.immediate, "As soon as the backup is consistent")->group(group);
  add_timeline(app, raw, "Follow this timeline (default: the newest that reaches the target)");
}

constexpr const char* kInitExample =
    "Example, once root has made the places for the server's user:\n"
    "  sudo install -d -o postgres -m 0750 /srv/walkback\n"
    "  sudo install -d -o postgres -m 0750 /etc/walkback\n"
    "  sudo -u postgres walkback init --pgdata /var/lib/postgresql/15/main \\\n"
    "    --repository file:///srv/walkback --apply\n";

void describe_init(CLI::App& app, Raw& raw) {
  app.add_option("--pgdata", raw.pgdata, "The cluster's data directory")->type_name("DIR");
  app.add_option("--repository", raw.repository,
                 "Where backups and WAL are kept: file:///path or s3://bucket/prefix")
      ->type_name("URL");
  app.add_option("--second-repository", raw.second_repository,
                 "The same repository in a second place: file:///path or s3://bucket/prefix")
      ->type_name("URL");
  app.add_option("--conninfo", raw.conninfo, "How to reach the server, in libpq's form")
      ->type_name("STR");
  app.add_option("--recipient", raw.recipients,
                 "Who can read: age1… or gpg:KEYID (repeatable; default: a new key, made here)")
      ->type_name("KEY")
      ->allow_extra_args(false);
  app.add_option("--encryption", raw.encryption, "age (default), or none: store in plain text")
      ->type_name("KIND");
  app.add_option("--archive-timeout", raw.archive_timeout,
                 "Seconds after which an idle cluster's WAL is archived too (default: what the "
                 "server has, else 60)")
      ->type_name("S");
  app.add_flag("--new-lineage", raw.new_lineage,
               "The cluster takes the place of another of this name (pg_upgrade, initdb)");
  app.add_flag("--new-repository", raw.new_repository,
               "Begin a new repository though this configuration had one before");
  app.add_flag("--replace-archive-command", raw.replace_archive_command,
               "With --apply: another program archives this cluster's WAL; end that");
  app.add_flag("--apply", raw.apply, "Set PostgreSQL's settings (ALTER SYSTEM) and reload");
  app.footer(kInitExample);
}

void describe_prune(CLI::App& app, Raw& raw) {
  app.add_flag("--dry-run", raw.dry_run, "Show what would go, and why; remove nothing");
}

void describe_history(CLI::App& app, Raw& raw) {
  app.add_option("--into", raw.into, "Write it to the table backup_history of this database")
      ->type_name("CONNINFO");
}

void describe_keep(CLI::App& app, Raw& raw) {
  app.add_option("ID", raw.backup, "The backup, as `list` shows it")->type_name("")->required();
  app.add_option("--until", raw.until, "Until then; without it, until it is released")
      ->type_name("TIME");
  app.add_flag("--release", raw.release, "Keep it no longer than the rules say");
}

void describe_check(CLI::App& app, Raw& raw) {
  app.add_flag("--conformance", raw.conformance,
               "Try everything that a repository's store must do, with objects of its own");
  app.add_flag("--no-proof", raw.no_proof, "Do not have the server archive a segment");
}

void describe_wal_push(CLI::App& app, Raw& raw) {
  app.add_option("PATH", raw.path, "The WAL file, as %p gives it")->type_name("")->required();
}

void describe_wal_get(CLI::App& app, Raw& raw) {
  app.add_option("NAME", raw.name, "The WAL file's name, as %f gives it")
      ->type_name("")
      ->required();
  app.add_option("PATH", raw.path, "Where to put it, as %p gives it")->type_name("")->required();
  // Written into the restore_command of a recovered copy, not for people: in no help and group.
  app.add_option("--reserved-timeline", raw.reserved_timeline)->type_name("N")->group("");
}

void describe_backup(CLI::App& app, Raw& raw) {
  app.add_flag("--full", raw.full, "Read everything, also what earlier backups have");
  app.add_option("--label", raw.label, "A word to find it by in `walkback list`")
      ->type_name("TEXT");
}

constexpr const char* kFindExample =
    "Examples:\n"
    "  sudo -u postgres walkback find --since \"1 hour ago\"\n"
    "  sudo -u postgres walkback find --since \"2026-11-22 15:00\" --until 16:00 --table payments "
    "--kind delete\n"
    "  sudo -u postgres walkback find --table 'public.\"Orders\"'   capital letters need double "
    "quotes\n"
    "A partition is found by its partitioned table's name, too. VACUUM FULL and the like take "
    "nothing;\n"
    "an ALTER TABLE that rewrites all rows is an update. What was rolled back is shown last.\n"
    "What the server has not archived yet cannot be seen: the first lines say since when.\n";

void describe_find(CLI::App& app, Raw& raw) {
  app.footer(kFindExample);
  app.add_option(
         "--since", raw.since,
         "Transactions that ended then or later: \"2026-11-22 15:46\", 15:46, \"1 hour ago\" "
         "(default: 24 hours before --until)")
      ->type_name("TIME");
  app.add_option("--until", raw.until, "That ended then or earlier (default: now)")
      ->type_name("TIME");
  app.add_option("--xid", raw.xid, "Only this transaction, whenever it ended")->type_name("N");
  app.add_option("--table", raw.table, "That touched NAME, SCHEMA.NAME or DATABASE.SCHEMA.NAME")
      ->type_name("NAME");
  app.add_option("--kind", raw.kind, "That did this: delete, update, insert, truncate or drop")
      ->type_name("KIND");
  app.add_option("--min-rows", raw.min_rows, "That changed so many rows, or more")->type_name("N");
  app.add_option("--limit", raw.limit, "Show so many (default: 10)")->type_name("N");
  app.add_option("--order", raw.order,
                 "size: the largest first (default); time: the earliest first")
      ->type_name("ORDER");
  add_timeline(app, raw, "On this timeline (default: the newest)");
}

void describe_index(CLI::App& app, Raw& raw) {
  app.add_flag("--rebuild", raw.rebuild, "Make those again that do not say all of their segments");
  app.add_flag("--all", raw.all, "With --rebuild: make every one again");
}

void describe_plan(CLI::App& app, Raw& raw) { add_target(app, raw); }

void describe_recover(CLI::App& app, Raw& raw) {
  add_target(app, raw);
  app.add_option("--into", raw.into, "The new data directory: empty, or not there yet")
      ->type_name("DIR");
  app.add_option("--port", raw.port, "The copy's port (default: a free one)")->type_name("N");
  app.add_option("--action", raw.action, "At the target: promote (default), pause or shutdown")
      ->type_name("WHAT");
  app.add_option("--tablespace", raw.tablespaces,
                 "Put the tablespace that was at OLD at NEW (repeatable; default: beside DIR)")
      ->type_name("OLD=NEW")
      ->allow_extra_args(false);
  app.add_flag("--delta", raw.delta,
               "DIR may be a stopped data directory of this cluster: only what differs is fetched");
  app.add_flag("--no-start", raw.no_start, "Restore and write the settings, start no server");
  app.add_flag("--dry-run", raw.dry_run, "Show the plan, check the directory, write nothing");
}

void describe_adopt(CLI::App& app, Raw& raw) {
  app.add_option("--pgdata", raw.pgdata, "The recovered copy's data directory")->type_name("DIR");
}

void describe_status(CLI::App& app, Raw& raw) {
  app.add_flag("--alert", raw.alert, "Tell those in [alert] what is due to them; for cron");
  app.add_flag("--test-alert", raw.test_alert, "Send a test to each of them, and say what arrived");
}

void describe_metrics(CLI::App& app, Raw& raw) {
  app.add_option("--textfile", raw.textfile,
                 "Write DIR/walkback.prom instead, for node_exporter's textfile collector")
      ->type_name("DIR");
  app.add_option("--listen", raw.listen, "Answer Prometheus over HTTP instead, until interrupted")
      ->type_name("ADDRESS:PORT");
}

void describe_agent(CLI::App& app, Raw& raw) {
  app.add_flag("--once", raw.once, "Run what is due now, say what is next, and end; for cron");
}

void describe_drill(CLI::App& app, Raw& raw) {
  constexpr const char* kTarget = "TARGET (default: --latest)";
  add_target(app, raw, kTarget);
  app.add_flag("--random", raw.random, "A moment of the recovery windows, chosen by chance")
      ->group(kTarget);
  app.add_option("--seed", raw.seed, "With --random: the same choice again")->type_name("N");
  app.add_option("--into", raw.into,
                 "Where the scratch server gets a directory of its own (default: drill.directory)")
      ->type_name("DIR");
  app.add_option("--check", raw.checks,
                 "A question whose answer has to be true, beside those configured (repeatable)")
      ->type_name("SQL")
      ->allow_extra_args(false);
  app.add_option("--database", raw.database, "Where --check is asked (default: postgres)")
      ->type_name("NAME");
  app.add_flag("--keep", raw.keep,
               "Leave the server of a drill that fails, stopped, to be looked at");
}

void describe_undo(CLI::App& app, Raw& raw) {
  app.add_option("--xid", raw.xid, "The transaction to undo, as `find` names it")->type_name("N");
  app.add_option("--table", raw.tables, "Only this table, as --table of find (repeatable)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_option("--output", raw.output, "Write the SQL to this new file")->type_name("FILE");
  app.add_flag("--apply", raw.apply, "Give the rows back, after the preview");
  app.add_option(
         "--on-conflict", raw.on_conflict,
         "Rows that are not as the transaction left them: fail (default), skip or overwrite")
      ->type_name("WHAT");
  app.add_option(
         "--into", raw.into,
         "Where the scratch server gets a directory of its own (default: drill.directory, or "
         "beside the data directory)")
      ->type_name("DIR");
  add_timeline(app, raw, "On this timeline (default: the newest)");
}

void describe_verify(CLI::App& app, Raw& raw) {
  app.add_flag("--deep", raw.deep, "Read every byte again, also what was verified before");
}

void describe_nothing(CLI::App&, Raw&) {}

void add_label(CLI::App& app, Raw& raw) {
  app.add_option("--label", raw.label, "Whose key it is, for people: it is public")
      ->type_name("TEXT");
}

void describe_key_generate(CLI::App& app, Raw& raw) {
  app.add_option("--output", raw.output, "The new file with the private key, mode 0600")
      ->type_name("FILE");
}

void describe_key_add(CLI::App& app, Raw& raw) {
  app.add_option("RECIPIENT", raw.recipient, "age1…, or gpg:FINGERPRINT")
      ->type_name("")
      ->required();
  add_label(app, raw);
}

void describe_key_rotate(CLI::App& app, Raw& raw) {
  app.add_option("--recipient", raw.recipient, "The new key: age1…, or gpg:FINGERPRINT")
      ->type_name("KEY");
  app.add_option("--output", raw.output, "Make the new key, in this new file")->type_name("FILE");
  add_label(app, raw);
  app.add_option("--retire", raw.retire,
                 "Which key it replaces (default: the only one, or the one at hand)")
      ->type_name("RECIPIENT");
  app.add_flag("--host", raw.host, "Replace this host's own key instead");
}

struct CommandShape {
  const char* name;
  const char* what;
  void (*describe)(CLI::App&, Raw&);
};

CLI::App* add_command(CLI::App& parent, const CommandShape& shape, Raw& raw) {
  CLI::App* sub = parent.add_subcommand(shape.name, shape.what);
  sub->set_help_flag("-h,--help", "Show this and exit");
  sub->fallthrough();
  shape.describe(*sub, raw);
  return sub;
}

constexpr CommandShape kKeyCommands[] = {
    {"generate", "Make a private key for an owner", describe_key_generate},
    {"list", "Show the repository's keys, and which are at hand", describe_nothing},
    {"add", "Add an owner's key, which then reads what was stored before too", describe_key_add},
    {"rotate", "Put a new key in the place of an old one", describe_key_rotate},
};

void describe_key(CLI::App& app, Raw& raw) {
  for (const CommandShape& shape : kKeyCommands) add_command(app, shape, raw);
  app.require_subcommand(0, 1);
}

constexpr CommandShape kCommands[] = {
    {"init",
     "Make the repository and the configuration, set PostgreSQL's settings, prove they work",
     describe_init},
    {"check", "Look whether everything is as it must be, and say what to do", describe_check},
    {"wal-push", "Archive one WAL file; for archive_command", describe_wal_push},
    {"wal-get", "Fetch one WAL file; for restore_command", describe_wal_get},
    {"backup", "Take a backup", describe_backup},
    {"list", "Show backups, recovery windows and gaps", describe_nothing},
    {"find", "Show which transactions took or changed the most", describe_find},
    {"undo", "Give back only the rows that one transaction took", describe_undo},
    {"plan", "Show what recover would do", describe_plan},
    {"recover", "Recover to an exact moment, into a new data directory", describe_recover},
    {"drill", "Recover to a scratch server, prove that all is there, and remove it",
     describe_drill},
    {"adopt", "Make a recovered copy the cluster", describe_adopt},
    {"prune", "Remove the backups and WAL that no rule in [retention] keeps", describe_prune},
    {"keep", "Keep a backup whatever the rules in [retention] say", describe_keep},
    {"index", "Show whether every WAL segment has its index, and make those again that have not",
     describe_index},
    {"verify", "Prove that every object that a recovery needs is there and undamaged",
     describe_verify},
    {"status", "Say whether all is well, and what to do where it is not; exits 0, 1 or 2",
     describe_status},
    {"agent", "Keep the schedule: run what is due, watch, tell; until it is asked to end",
     describe_agent},
    {"metrics", "Print what status sees, as figures for Prometheus", describe_metrics},
    {"history", "Show what was tried and how it ended", describe_history},
    {"key", "Make, list, add and rotate the keys of an encrypted repository", describe_key},
};

constexpr const char* kExamples =
    "Examples:\n"
    "  walkback init --pgdata DIR --repository file:///srv/walkback --apply\n"
    "  walkback backup\n"
    "  walkback recover --before-xid 748 --into /srv/pg-1547 --port 5433\n";

std::unique_ptr<CLI::App> make_app(Raw& raw) {
  auto app = std::make_unique<CLI::App>(
      "Keeps a PostgreSQL cluster recoverable to any second, and gives back what a mistake took.",
      "walkback");
  app->set_help_flag("-h,--help", "Show this and exit");
  app->add_flag("--version", raw.version, "Show the version and exit");
  app->add_option("--config", raw.config,
                  "The configuration (default: $WALKBACK_CONFIG, else /etc/walkback/walkback.toml)")
      ->type_name("FILE");
  app->add_option("--cluster", raw.cluster,
                  "Which cluster of the repository (default: cluster.name)")
      ->type_name("NAME");
  app->add_flag("--json", raw.json, "Results and errors as JSON on standard output");
  app->add_flag("--quiet", raw.quiet, "No progress");
  app->add_flag("--verbose", raw.verbose, "More detail");
  for (const CommandShape& shape : kCommands) add_command(*app, shape, raw);
  // After the commands, which would take it over.
  app->footer(kExamples);
  app->require_subcommand(0, 1);
  return app;
}

// ---- From text to values ----

Error usage_error(std::string message, std::string hint) {
  return make_error(ErrorKind::kInvalid, std::move(message), std::move(hint));
}

template <typename T>
Result<T> number(std::string_view option, const std::string& text, T min, T max) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return usage_error(fmt::format("{} is \"{}\", which is no such number", option, text),
                       fmt::format("expected a number from {} to {}", min, max));
  }
  return value;
}

bool given(const CLI::App& app, const std::string& option) { return app.count(option) > 0; }

std::optional<std::string> if_given(const CLI::App& app, const std::string& option,
                                    const std::string& value) {
  return given(app, option) ? std::optional(value) : std::nullopt;
}

Result<CommandOptions> read_init(const CLI::App& app, const Raw& raw) {
  InitOptions options;
  options.pgdata = if_given(app, "--pgdata", raw.pgdata);
  options.repository = if_given(app, "--repository", raw.repository);
  options.second_repository = if_given(app, "--second-repository", raw.second_repository);
  options.conninfo = if_given(app, "--conninfo", raw.conninfo);
  options.encryption = if_given(app, "--encryption", raw.encryption);
  options.recipients = raw.recipients;
  options.apply = raw.apply;
  options.new_lineage = raw.new_lineage;
  options.new_repository = raw.new_repository;
  options.replace_archive_command = raw.replace_archive_command;
  if (given(app, "--archive-timeout")) {
    options.archive_timeout_s =
        TRY(number<int>("--archive-timeout", raw.archive_timeout, 1, kLongestArchiveTimeout_s));
  }
  return CommandOptions(std::move(options));
}

Result<CommandOptions> read_wal_get(const CLI::App& app, const Raw& raw) {
  WalGetOptions options{raw.name, raw.path, std::nullopt};
  if (given(app, "--reserved-timeline")) {
    options.reserved_timeline =
        TRY(number<uint32_t>("--reserved-timeline", raw.reserved_timeline, 1, UINT32_MAX));
  }
  return CommandOptions(std::move(options));
}

Result<std::optional<pg::TimelineId>> read_timeline(const CLI::App& app, const Raw& raw) {
  if (!given(app, "--timeline")) return std::optional<pg::TimelineId>();
  return std::optional(
      pg::TimelineId{TRY(number<uint32_t>("--timeline", raw.timeline, 1, UINT32_MAX))});
}

std::vector<std::string> targets_named(const CLI::App& app) {
  std::vector<std::string> named;
  for (const char* option :
       {"--to", "--xid", "--before-xid", "--lsn", "--name", "--latest", "--immediate"}) {
    if (given(app, option)) named.emplace_back(option);
  }
  return named;
}

Result<TargetOptions> read_target(const CLI::App& app, const Raw& raw) {
  constexpr std::string_view kHint =
      "give one of --to TIME, --xid N, --before-xid N, --lsn LSN, --name TEXT, --latest, "
      "--immediate";
  const std::vector<std::string> named = targets_named(app);
  if (named.empty())
    return usage_error("no target: which moment to recover to", std::string(kHint));
  if (named.size() > 1) {
    return usage_error(fmt::format("{} and {} are two targets", named[0], named[1]),
                       std::string(kHint));
  }
  TargetOptions target;
  target.to = if_given(app, "--to", raw.to);
  target.xid = if_given(app, "--xid", raw.xid);
  target.before_xid = if_given(app, "--before-xid", raw.before_xid);
  target.lsn = if_given(app, "--lsn", raw.lsn);
  target.name = if_given(app, "--name", raw.restore_point);
  target.latest = raw.latest;
  target.immediate = raw.immediate;
  target.timeline = TRY(read_timeline(app, raw));
  return target;
}

Result<CommandOptions> read_history(const CLI::App& app, const Raw& raw) {
  if (app.count("--into") > 0 && raw.into.empty()) {
    return usage_error("--into is empty: which database to write the history to",
                       "--into postgres://HOST/DATABASE, or libpq's \"host=… dbname=…\"");
  }
  if (config::holds_password(raw.into)) {
    return usage_error("--into holds a password, which every user of this host can read in `ps`",
                       "give it in ~/.pgpass or PGPASSWORD");
  }
  return CommandOptions(HistoryOptions{raw.into});
}

Result<CommandOptions> read_keep(const CLI::App& app, const Raw& raw) {
  KeepOptions options{raw.backup, if_given(app, "--until", raw.until), raw.release};
  if (options.until && options.release) {
    return usage_error("--until and --release exclude each other", "give one of them");
  }
  return CommandOptions(options);
}

Result<CommandOptions> read_find(const CLI::App& app, const Raw& raw) {
  constexpr uint32_t kMostShown = 100'000;
  FindOptions options;
  options.since = if_given(app, "--since", raw.since);
  options.until = if_given(app, "--until", raw.until);
  options.table = raw.table;
  if (given(app, "--table") && raw.table.empty()) {
    return usage_error("--table is empty: which table",
                       "payments, public.payments or shop.public.payments; without --table all are "
                       "shown");
  }
  if (given(app, "--xid")) {
    for (const char* other : {"--since", "--until", "--table", "--kind", "--min-rows"}) {
      if (given(app, other)) {
        return usage_error(
            fmt::format("--xid with {}", other),
            "--xid finds that one transaction, whenever it ended and whatever it did");
      }
    }
    options.xid = TRY(number<uint64_t>("--xid", raw.xid, 1, INT64_MAX));
  }
  if (given(app, "--kind")) {
    options.kind = find::parse_kind(raw.kind);
    if (!options.kind) {
      return usage_error(fmt::format("--kind is \"{}\", which is none", raw.kind),
                         "one of delete, update, insert, truncate, drop; ALTER TABLE that rewrites "
                         "all rows is an update");
    }
  }
  if (given(app, "--min-rows")) {
    options.min_rows = TRY(number<uint64_t>("--min-rows", raw.min_rows, 0, INT64_MAX));
  }
  if (given(app, "--limit")) {
    options.limit = TRY(number<uint32_t>("--limit", raw.limit, 1, kMostShown));
  }
  if (given(app, "--order")) {
    options.earliest_first = raw.order == "time";
    if (!options.earliest_first && raw.order != "size") {
      return usage_error(fmt::format("--order \"{}\" is none", raw.order), "one of size, time");
    }
  }
  options.timeline = TRY(read_timeline(app, raw));
  return CommandOptions(std::move(options));
}

Result<CommandOptions> read_status(const Raw& raw) {
  if (raw.alert && raw.test_alert) {
    return usage_error("--alert and --test-alert exclude each other", "give one of them");
  }
  return CommandOptions(StatusOptions{raw.alert, raw.test_alert});
}

Result<CommandOptions> read_metrics(const CLI::App& app, const Raw& raw) {
  if (raw.json) {
    return usage_error("metrics has one format, and it is not JSON",
                       "`walkback status --json` says the same to other programs");
  }
  if (given(app, "--listen")) {
    if (!given(app, "--textfile")) return CommandOptions(MetricsOptions{{}, raw.listen});
    return usage_error("--listen and --textfile exclude each other", "give one of them");
  }
  if (!given(app, "--textfile")) return CommandOptions(MetricsOptions{});
  if (raw.textfile.empty()) {
    return usage_error("--textfile is empty", "name the directory that node_exporter reads");
  }
  return CommandOptions(MetricsOptions{raw.textfile, {}});
}

Result<CommandOptions> read_index(const Raw& raw) {
  if (raw.all && !raw.rebuild) {
    return usage_error("--all without --rebuild", "--rebuild --all makes every index again");
  }
  return CommandOptions(IndexOptions{raw.rebuild, raw.all});
}

Result<CommandOptions> read_plan(const CLI::App& app, const Raw& raw) {
  return CommandOptions(PlanOptions{TRY(read_target(app, raw))});
}

Result<restore::RecoveryAction> read_action(const std::string& text) {
  using restore::RecoveryAction;
  for (auto action :
       {RecoveryAction::kPromote, RecoveryAction::kPause, RecoveryAction::kShutdown}) {
    if (restore::recovery_action_name(action) == text) return action;
  }
  return usage_error(fmt::format("--action is \"{}\"", text), "one of promote, pause, shutdown");
}

Result<restore::TablespaceMapping> read_mapping(const std::string& text) {
  size_t equals = text.find('=');
  bool complete = equals != std::string::npos && equals > 0 && equals + 1 < text.size();
  if (!complete || text[0] != '/' || text[equals + 1] != '/') {
    return usage_error(fmt::format("--tablespace is \"{}\"", text),
                       "OLD=NEW, both absolute: --tablespace /srv/fast=/srv/copy/fast");
  }
  return restore::TablespaceMapping{text.substr(0, equals), text.substr(equals + 1)};
}

Result<CommandOptions> read_recover(const CLI::App& app, const Raw& raw) {
  RecoverOptions options;
  options.target = TRY(read_target(app, raw));
  if (raw.into.empty()) {
    return usage_error("--into is missing: where to recover to",
                       "--into DIR, a directory that is empty or not there yet");
  }
  options.into = raw.into;
  if (given(app, "--port")) options.port = TRY(number<int>("--port", raw.port, 1, kHighestPort));
  if (given(app, "--action")) options.action = TRY(read_action(raw.action));
  for (const std::string& mapping : raw.tablespaces) {
    options.tablespaces.push_back(TRY(read_mapping(mapping)));
  }
  options.start = !raw.no_start;
  options.delta = raw.delta;
  options.dry_run = raw.dry_run;
  return CommandOptions(std::move(options));
}

Result<CommandOptions> read_drill(const CLI::App& app, const Raw& raw) {
  DrillOptions options;
  options.random = raw.random;
  const std::vector<std::string> named = targets_named(app);
  if (raw.random && !named.empty()) {
    return usage_error(fmt::format("--random and {} are two targets", named[0]),
                       "give one of them");
  }
  if (raw.random && given(app, "--timeline")) {
    return usage_error("--timeline with --random",
                       "--random takes any timeline that can be reached");
  }
  if (given(app, "--seed")) {
    if (!raw.random) return usage_error("--seed without --random", "--random --seed N");
    options.seed = TRY(number<uint64_t>("--seed", raw.seed, 0, UINT64_MAX));
  }
  if (named.empty()) {
    options.target.latest = true;
    options.target.timeline = TRY(read_timeline(app, raw));
  } else {
    options.target = TRY(read_target(app, raw));
  }
  options.into = if_given(app, "--into", raw.into);
  if (options.into && options.into->empty()) {
    return usage_error("--into is empty: where the scratch server is to lie", "--into DIR");
  }
  options.checks = raw.checks;
  if (given(app, "--database")) {
    if (raw.checks.empty()) {
      return usage_error("--database without --check", "configured checks name their own");
    }
    options.database = raw.database;
  }
  options.keep = raw.keep;
  return CommandOptions(std::move(options));
}

Result<CommandOptions> read_undo(const CLI::App& app, const Raw& raw) {
  UndoOptions options;
  if (!given(app, "--xid")) {
    return usage_error("--xid is missing: which transaction to undo",
                       "--xid N; `walkback find` names those that took the most");
  }
  options.xid = TRY(number<uint64_t>("--xid", raw.xid, 1, INT64_MAX));
  options.tables = raw.tables;
  options.timeline = TRY(read_timeline(app, raw));
  options.into = if_given(app, "--into", raw.into);
  if (options.into && options.into->empty()) {
    return usage_error("--into is empty: where the scratch server is to lie", "--into DIR");
  }
  if (given(app, "--output") && raw.output.empty()) {
    return usage_error("--output is empty: where the SQL is to be written", "--output FILE");
  }
  options.output = raw.output;
  options.apply = raw.apply;
  if (!given(app, "--on-conflict")) return CommandOptions(std::move(options));
  const auto mode = undo::parse_on_conflict(raw.on_conflict);
  if (!mode) {
    return usage_error(fmt::format("--on-conflict is \"{}\"", raw.on_conflict),
                       "one of fail, skip, overwrite");
  }
  if (!options.apply && options.output.empty()) {
    return usage_error("--on-conflict without --apply or --output",
                       "it says what is done about conflicts: the preview shows them all");
  }
  options.on_conflict = *mode;
  return CommandOptions(std::move(options));
}

Result<CommandOptions> read_adopt(const Raw& raw) {
  if (raw.pgdata.empty()) {
    return usage_error("--pgdata is missing: which copy becomes the cluster",
                       "--pgdata DIR, the directory given to `recover --into`");
  }
  return CommandOptions(AdoptOptions{raw.pgdata});
}

Result<CommandOptions> read_key_generate(const Raw& raw) {
  if (raw.output.empty()) {
    return usage_error("--output is missing: where to write the private key",
                       "--output FILE, a new file; it should not stay on the database host");
  }
  return CommandOptions(KeyGenerateOptions{raw.output});
}

Result<CommandOptions> read_key_rotate(const Raw& raw) {
  KeyRotateOptions options{raw.host, raw.recipient, raw.output, raw.label, raw.retire};
  if (raw.host) {
    if (raw.recipient.empty() && raw.label.empty() && raw.retire.empty()) {
      return CommandOptions(std::move(options));
    }
    return usage_error("--host replaces this host's own key, the other options an owner's",
                       "walkback key rotate --host [--output FILE]");
  }
  if (raw.recipient.empty() == raw.output.empty()) {
    return usage_error("where the new key comes from was not said, or twice",
                       "--recipient KEY takes one that is there, --output FILE makes one");
  }
  return CommandOptions(std::move(options));
}

// "key add": the names from the program's own down.
std::string full_name(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  if (parent == nullptr) return "";
  const std::string above = full_name(*parent);
  return above.empty() ? app.get_name() : above + " " + app.get_name();
}

template <size_t kSize>
std::vector<std::string> names_of(const CommandShape (&shapes)[kSize]) {
  std::vector<std::string> names;
  for (const CommandShape& shape : shapes) names.emplace_back(shape.name);
  return names;
}

Error no_key_command() {
  return usage_error("no command after \"key\"",
                     fmt::format("one of {}; `walkback key --help` describes them",
                                 fmt::join(names_of(kKeyCommands), ", ")));
}

Result<CommandOptions> read_command(const CLI::App& app, const Raw& raw) {
  const std::string name = full_name(app);
  if (name == "key") return no_key_command();
  if (name == "key generate") return read_key_generate(raw);
  if (name == "key list") return CommandOptions(KeyListOptions{});
  if (name == "key add") return CommandOptions(KeyAddOptions{raw.recipient, raw.label});
  if (name == "key rotate") return read_key_rotate(raw);
  if (name == "init") return read_init(app, raw);
  if (name == "wal-push") return CommandOptions(WalPushOptions{raw.path});
  if (name == "wal-get") return read_wal_get(app, raw);
  if (name == "backup") return CommandOptions(BackupOptions{raw.full, raw.label});
  if (name == "check") return CommandOptions(CheckOptions{raw.conformance, !raw.no_proof});
  if (name == "list") return CommandOptions(ListOptions{});
  if (name == "find") return read_find(app, raw);
  if (name == "index") return read_index(raw);
  if (name == "undo") return read_undo(app, raw);
  if (name == "plan") return read_plan(app, raw);
  if (name == "recover") return read_recover(app, raw);
  if (name == "drill") return read_drill(app, raw);
  if (name == "adopt") return read_adopt(raw);
  if (name == "verify") return CommandOptions(VerifyOptions{raw.deep});
  if (name == "status") return read_status(raw);
  if (name == "agent") return CommandOptions(AgentOptions{raw.once});
  if (name == "metrics") return read_metrics(app, raw);
  if (name == "prune") return CommandOptions(PruneOptions{raw.dry_run});
  if (name == "keep") return read_keep(app, raw);
  CHECK(name == "history");
  return read_history(app, raw);
}

std::string config_path(const CLI::App& app, const Raw& raw,
                        const config::Environment& environment) {
  if (given(app, "--config")) return raw.config;
  for (const auto& [name, value] : environment) {
    if (name == "WALKBACK_CONFIG" && !value.empty()) return value;
  }
  return std::string(config::kDefaultPath);
}

Result<GlobalOptions> read_global(const CLI::App& app, const Raw& raw,
                                  const config::Environment& environment) {
  GlobalOptions global;
  global.config_path = config_path(app, raw, environment);
  global.cluster = if_given(app, "--cluster", raw.cluster);
  global.json = raw.json;
  global.quiet = raw.quiet;
  global.verbose = raw.verbose;
  if (raw.quiet && raw.verbose) {
    return usage_error("--quiet and --verbose exclude each other", "give one of them");
  }
  return global;
}

// ---- What was wrong with the line ----

std::vector<std::string> visible_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// What other programs call it, or what people expect it to be called.
using Synonym = std::pair<std::string_view, std::string_view>;
constexpr Synonym kSynonyms[] = {
    {"--from", "--since"},
    {"--after", "--since"},
    {"--begin", "--since"},
    {"--start", "--since"},
    {"--before", "--until"},
    {"--end", "--until"},
    {"--time", "--to"},
    {"--time", "--since"},
    {"--at", "--to"},
    {"--target", "--into"},
    {"--dir", "--into"},
    {"--directory", "--into"},
    {"--output", "--into"},
    {"--dest", "--into"},
    {"--destination", "--into"},
    {"--transaction", "--xid"},
    {"--txid", "--xid"},
    {"--type", "--kind"},
    {"--relation", "--table"},
    {"--sort", "--order"},
    {"restore", "recover"},
    {"dump", "backup"},
    {"search", "find"},
    {"info", "list"},
    {"show", "list"},
    {"ls", "list"},
    {"status", "check"},
    {"expire", "prune"},
    {"forget", "prune"},
    {"delete", "prune"},
    {"archive-push", "wal-push"},
    {"archive-get", "wal-get"},
    {"log", "history"},
};

std::optional<std::string> meant(const std::string& typed, const std::vector<std::string>& known) {
  for (const auto& [synonym, word] : kSynonyms) {
    const bool is_known = std::ranges::find(known, word) != known.end();
    if (synonym == typed && is_known) return std::string(word);
  }
  return config::closest(typed, known);
}

Error no_command() {
  return usage_error("no command", fmt::format("one of {}; `walkback --help` describes them",
                                               fmt::join(names_of(kCommands), ", ")));
}

// `group` is "" or "key "; `otherwise` says which commands there are.
Error unknown_command(const std::string& group, const std::string& word, const Error& otherwise) {
  auto near = meant(word, group.empty() ? names_of(kCommands) : names_of(kKeyCommands));
  return usage_error(
      fmt::format("unknown command \"{}{}\"", group, word),
      near ? fmt::format("did you mean `walkback {}{}`?", group, *near) : otherwise.hint);
}

// "--to --config /x": the parser took the next option for the value.
std::optional<std::string> option_without_value(std::span<const std::string> typed,
                                                const std::string& word) {
  const auto stray = std::ranges::find(typed, word);
  if (stray - typed.begin() < 2 || stray == typed.end()) return std::nullopt;
  const bool both = (stray - 1)->starts_with("--") && (stray - 2)->starts_with("--");
  return both ? std::optional(*(stray - 2)) : std::nullopt;
}

// "--to 10 minutes ago": the shell made three words of what was meant as one.
std::optional<std::string> unquoted(std::span<const std::string> typed, const std::string& word) {
  constexpr std::string_view kTakeText[] = {"--to", "--label", "--name", "--conninfo"};
  auto stray = std::find(typed.begin(), typed.end(), word);
  if (stray - typed.begin() < 2 || stray == typed.end()) return std::nullopt;
  const std::string& option = *(stray - 2);
  if (std::ranges::find(kTakeText, option) == std::ranges::end(kTakeText)) return std::nullopt;
  if (option == "--conninfo") return "quote it: --conninfo \"…\"";  // it may hold a password
  std::string text = *(stray - 1);
  for (; stray != typed.end() && !stray->starts_with('-'); ++stray) text += " " + *stray;
  return fmt::format("quote it: {} \"{}\"", option, text);
}

Error unexpected(const CLI::App& app, const CLI::App* sub, std::span<const std::string> typed) {
  std::vector<std::string> rest = app.remaining(true);
  std::string word = rest.empty() ? "" : rest.front();
  if (word.starts_with('-')) {
    std::string option = word.substr(0, word.find('='));
    std::vector<std::string> known = visible_options(app);
    if (sub) {
      std::vector<std::string> own = visible_options(*sub);
      known.insert(known.end(), own.begin(), own.end());
    }
    if (sub && std::ranges::find(known, option) != known.end()) {
      return usage_error(
          fmt::format("{} is an option of \"{}\"", option, full_name(*sub)),
          fmt::format("it stands behind that word: walkback {} {}", full_name(*sub), option));
    }
    auto near = meant(option, known);
    std::string help = sub ? "walkback " + full_name(*sub) + " --help" : "walkback --help";
    return usage_error(fmt::format("unknown option {}", option),
                       near ? fmt::format("did you mean {}?", *near)
                            : fmt::format("`{}` lists the options", help));
  }
  if (sub && full_name(*sub) == "key") return unknown_command("key ", word, no_key_command());
  if (sub) {
    std::string help = fmt::format("`walkback {} --help` says what it takes", full_name(*sub));
    if (const auto option = option_without_value(typed, word)) {
      return usage_error(*option + " needs a value", std::move(help));
    }
    const std::string shown = config::holds_password(word) ? "…" : word;
    return usage_error(fmt::format("unexpected argument \"{}\"", shown),
                       unquoted(typed, word).value_or(std::move(help)));
  }
  return unknown_command("", word, no_command());
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  return text;
}

// The innermost command that was named.
const CLI::App* chosen(const CLI::App& app) {
  const CLI::App* innermost = nullptr;
  for (auto subcommands = app.get_subcommands(); !subcommands.empty();
       subcommands = innermost->get_subcommands()) {
    innermost = subcommands.front();
  }
  return innermost;
}

// CLI11 says "--to: 1 required TIME missing", and much the same of one that was given twice.
std::string without_value(const std::string& what, std::span<const std::string> typed) {
  const size_t colon = what.find(':');
  const bool named = what.starts_with("--") && colon != std::string::npos;
  if (!named) return one_line(what);
  const std::string option = what.substr(0, colon);
  const auto times = std::ranges::count_if(typed, [&](const std::string& word) {
    return word == option || word.starts_with(option + "=");
  });
  return option + (times > 1 ? " is given twice" : " needs a value");
}

Error parse_failure(const CLI::App& app, const CLI::ParseError& error,
                    std::span<const std::string> typed) {
  const CLI::App* sub = chosen(app);
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) return unexpected(app, sub, typed);
  const bool no_value = dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr;
  return usage_error(
      no_value ? without_value(error.what(), typed) : one_line(error.what()),
      fmt::format("`walkback {}--help` says what it takes", sub ? full_name(*sub) + " " : ""));
}

// "walkback key" for "key add": what help() puts in front of a command's name.
std::string words_before(const CLI::App& app) {
  const std::string above = full_name(*app.get_parent());
  return above.empty() ? "walkback" : "walkback " + above;
}

std::string help_of(const CLI::App& app) {
  const CLI::App* sub = chosen(app);
  return sub ? sub->help(words_before(*sub)) : app.help();
}

void collect_help(const CLI::App& app, std::vector<CommandHelp>& all) {
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    all.push_back({full_name(*sub), sub->help(words_before(*sub)), visible_options(*sub)});
    collect_help(*sub, all);
  }
}

}  // namespace

Result<Parsed> parse(std::span<const std::string> arguments,
                     const config::Environment& environment) {
  Raw raw;
  auto app = make_app(raw);
  try {
    // CLI11 takes a vector from its end.
    app->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return Parsed(Answer{help_of(*app)});
  } catch (const CLI::ParseError& error) {
    return parse_failure(*app, error, arguments);
  }
  if (raw.version) return Parsed(Answer{version_line()});
  const CLI::App* sub = chosen(*app);
  if (!sub) return no_command();
  // One by one: g++ 12 forgets to destroy an aggregate's first members when TRY returns from its
  // braces.
  Invocation invocation;
  invocation.global = TRY(read_global(*app, raw, environment));
  invocation.global.typed.assign(arguments.begin(), arguments.end());
  invocation.command = TRY(read_command(*sub, raw));
  return Parsed(std::move(invocation));
}

std::vector<CommandHelp> all_help() {
  Raw raw;
  auto app = make_app(raw);
  std::vector<CommandHelp> all{{"", app->help(), visible_options(*app)}};
  collect_help(*app, all);
  return all;
}

}  // namespace walkback::cli
