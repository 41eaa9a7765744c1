#include "cli/parse_target.h"

#include <fmt/format.h>

namespace walkback::cli {

void add_target(CLI::App& app, const char* group) {
  add_text(app, "--to", "TIME",
           "The moment: 2026-11-22T15:46:59Z, \"2026-11-22 15:46\", 15:46, \"10 minutes ago\"",
           group);
  add_text(app, "--xid", "N", "Up to and with this transaction's commit", group);
  add_text(app, "--before-xid", "N", "Up to just before this transaction's commit", group);
  add_text(app, "--lsn", "LSN", "Up to this position of the WAL", group);
  add_text(app, "--name", "TEXT", "A restore point made with pg_create_restore_point()", group);
  add_flag(app, "--latest", "The end of the archived WAL", group);
  add_flag(app, "--immediate", "As soon as the backup is consistent", group);
  add_timeline(app, "Follow this timeline (default: the newest that reaches the target)");
}

std::vector<std::string> targets_named(const CLI::App& app) {
  std::vector<std::string> named;
  for (const char* option :
       {"--to", "--xid", "--before-xid", "--lsn", "--name", "--latest", "--immediate"}) {
    if (given(app, option)) named.emplace_back(option);
  }
  return named;
}

Result<TargetOptions> target_typed(const CLI::App& app) {
  constexpr const char* kHint =
      "give one of --to TIME, --xid N, --before-xid N, --lsn LSN, --name TEXT, --latest, "
      "--immediate";
  const std::vector<std::string> named = targets_named(app);
  if (named.empty()) return usage_error("no target: which moment to recover to", kHint);
  if (named.size() > 1) {
    return usage_error(fmt::format("{} and {} are two targets", named[0], named[1]), kHint);
  }
  TargetOptions target;
  target.to = if_given(app, "--to");
  target.xid = if_given(app, "--xid");
  target.before_xid = if_given(app, "--before-xid");
  target.lsn = if_given(app, "--lsn");
  target.name = if_given(app, "--name");
  target.latest = flag(app, "--latest");
  target.immediate = flag(app, "--immediate");
  target.timeline = TRY(read_timeline(app));
  return target;
}

}  // namespace walkback::cli
