// Results as text for people: what happened, in the order in which it matters, times local with
// their zone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/wal_get.h"
#include "archive/wal_indexes.h"
#include "archive/wal_push.h"
#include "backup/backup.h"
#include "base/file_system.h"
#include "catalog/events.h"
#include "catalog/listing.h"
#include "cli/env.h"
#include "cli/suggestion.h"
#include "config/config.h"
#include "restore/adopt.h"
#include "restore/plan.h"
#include "restore/recover.h"
#include "setup/check.h"
#include "setup/init.h"

namespace walkback::cli {

struct InitView {
  const setup::InitReport& report;
  const config::Config& config;
  std::string config_path;
  bool config_written = false;
};
std::string init_text(const InitView& view);

struct CheckView {
  std::vector<setup::Finding> findings;
  std::vector<StoreTrait> traits;
};
std::string check_text(const CheckView& view);

std::string wal_push_text(const archive::WalPushReport& report);
std::string wal_get_text(const std::string& name, archive::WalGetOutcome outcome);
std::string wal_index_text(const archive::WalIndexReport& report, bool rebuilt);
std::string backup_text(const backup::BackupReport& report);
// What --quiet does not silence: which pages are bad, or have changed unexplained.
Error damaged_cluster_error(const backup::BackupReport& report);
std::string list_text(const catalog::Listing& listing, const std::string& cluster,
                      const std::string& repository);
std::string history_export_text(size_t rows);
std::string history_text(const std::vector<catalog::Event>& events);

// "to 2026-11-22 15:46:59 CET", "to just before transaction 748"
std::string target_phrase(const restore::RecoveryPlan& plan);

// Where the copy would lie and what is free there; only recover knows.
struct Destination {
  restore::CheckedTarget target;
  std::optional<DiskSpace> disk;
};
std::string plan_text(const restore::RecoveryPlan& plan,
                      const std::optional<Destination>& destination = std::nullopt);

std::string recover_text(const restore::RecoverReport& report, restore::RecoveryAction action,
                         const Suggestion& suggestion);
// The server stands elsewhere than it was sent.
Error not_reached_error(const restore::RecoverReport& report);

struct AdoptView {
  const restore::AdoptReport& report;
  std::string pgdata;
  std::string config_path;
  std::string configured_pgdata;  // before: may be another directory
  const Suggestion& suggestion;
};
std::string adopt_text(const AdoptView& view);

}  // namespace walkback::cli
