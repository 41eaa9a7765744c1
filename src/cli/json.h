// The JSON of every command: a documented contract (docs/cli.md), made here and nowhere else.
//
// snake_case; bytes and seconds are numbers; times ISO 8601 in UTC; LSNs as PostgreSQL prints them;
// xids numbers of 64 bits; a system identifier is text, for it does not fit a JavaScript number.
// What is not known is null.
#pragma once

#include <string>
#include <vector>

#include "archive/wal_get.h"
#include "archive/wal_indexes.h"
#include "archive/wal_push.h"
#include "backup/backup.h"
#include "base/result.h"
#include "catalog/events.h"
#include "catalog/listing.h"
#include "cli/text.h"
#include "restore/adopt.h"
#include "restore/plan.h"
#include "restore/recover.h"

namespace walkback::cli {

// One object, two spaces deep, and a newline.
std::string error_json(const Error& error);
std::string init_json(const InitView& view);
std::string check_json(const CheckView& view);
std::string wal_push_json(const archive::WalPushReport& report);
std::string wal_get_json(const std::string& name, archive::WalGetOutcome outcome);
std::string wal_index_json(const archive::WalIndexReport& report);
// With an error beside it when pages are bad.
std::string backup_json(const backup::BackupReport& report, const Error* error);
// `unreadable`: why what is left out is.
std::string list_json(const catalog::Listing& listing, const std::vector<std::string>& unreadable);
std::string plan_json(const restore::RecoveryPlan& plan);
// A dry run also says where everything would lie.
std::string dry_run_json(const restore::RecoveryPlan& plan, const restore::CheckedTarget& target);
// With an error beside it when the target was not reached.
std::string recover_json(const restore::RecoverReport& report, const Error* error);
std::string adopt_json(const restore::AdoptReport& report);
std::string history_export_json(size_t rows);
std::string history_json(const std::vector<catalog::Event>& events,
                         const std::vector<std::string>& unreadable);

}  // namespace walkback::cli
