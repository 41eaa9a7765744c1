#include <fmt/format.h>

#include "base/json.h"
#include "base/time_text.h"
#include "catalog/backups.h"
#include "catalog/leases.h"
#include "catalog/lineage.h"
#include "catalog/pins.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/prune_text.h"
#include "cli/retention_options.h"
#include "restore/target.h"
#include "retention/prune.h"

namespace walkback::cli {

namespace {

// A bucket away for a while is no reason to hold up the next prune.
constexpr std::chrono::minutes kCatchUpTime{10};

// In whichever lineage.
Result<catalog::LineageLayout> layout_of(store::ObjectStore& store, const std::string& cluster,
                                         const catalog::BackupId& id) {
  std::string newest;
  for (const catalog::Lineage& lineage : TRY(catalog::list_lineages(store, cluster))) {
    const catalog::LineageLayout layout(cluster, lineage.system_identifier);
    for (const auto& backup : TRY(catalog::list_backups(store, layout, [](const Error&) {}))) {
      if (backup.id == id) return layout;
      newest = backup.id.text;
    }
  }
  return make_error(ErrorKind::kMissing, fmt::format("there is no backup '{}'", id.text),
                    newest.empty()
                        ? "`walkback list` shows those there are"
                        : "`walkback list` shows those there are; the newest is " + newest);
}

}  // namespace

Result<ExitStatus> run_prune(const PruneOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  if (!options.dry_run) TRY(session.check_repository_owner(config));
  std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  TRY(session.check_cluster(*store, config));
  Env& env = session.env();
  retention::PruneOptions prune{config.cluster, policy_of(config), options.dry_run};
  const retention::PruneReport report =
      TRY(retention::run_prune(prune, *store, env.clock, env.random, session.progress(), stop));
  if (!options.dry_run) {
    TRY(session.catch_up(*store, store::CatchUpExtent::kNoted, kCatchUpTime));
  }
  session.result(prune_text(report, prune.policy.keeps_everything()), prune_json(report));
  return ExitStatus::kDone;
}

Result<ExitStatus> run_keep(const KeepOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  TRY(session.check_repository_owner(config));
  Env& env = session.env();
  catalog::Pin pin;
  if (options.until) {
    pin.until = TRY(session.failing_with(
        ExitStatus::kBadUsage, restore::parse_target_time(*options.until, env.clock.now())));
  }
  std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  TRY(session.check_cluster(*store, config));
  const catalog::BackupId id{options.backup};
  const catalog::LineageLayout layout = TRY(layout_of(*store, config.cluster, id));
  bool is_pinned = true;
  if (options.release) {
    TRY(catalog::remove_pin(*store, layout, id));
    is_pinned = false;
  } else {
    TRY(catalog::put_pin(*store, layout, id, pin, env.random));
    // A prune that had decided before the pin was there does not know of it.
    TRY(catalog::check_not_condemned(*store, config.cluster, layout, id, env.clock, stop));
  }
  const std::string until = pin.until ? "until " + local_time(*pin.until) : "until it is released";
  session.result(is_pinned ? fmt::format("Backup {} is kept {}.\n", id.text, until)
                           : fmt::format("Backup {} is kept no longer than the rules in "
                                         "[retention] say.\n",
                                         id.text),
                 to_text({{"backup", id.text},
                          {"pinned", is_pinned},
                          {"until", pin.until ? Json(to_iso_utc(*pin.until)) : Json()}}));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
