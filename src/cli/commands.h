// The commands: each loads the configuration, calls one service, prints its report.
#pragma once

#include "base/result.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/session.h"

namespace walkback::cli {

Result<ExitStatus> run_init(const InitOptions& options, Session& session);
Result<ExitStatus> run_check(const CheckOptions& options, Session& session);
Result<ExitStatus> run_wal_push(const WalPushOptions& options, Session& session);
Result<ExitStatus> run_wal_get(const WalGetOptions& options, Session& session);
Result<ExitStatus> run_backup(const BackupOptions& options, Session& session);
Result<ExitStatus> run_list(const ListOptions& options, Session& session);
Result<ExitStatus> run_index(const IndexOptions& options, Session& session);
Result<ExitStatus> run_find(const FindOptions& options, Session& session);
Result<ExitStatus> run_plan(const PlanOptions& options, Session& session);
Result<ExitStatus> run_recover(const RecoverOptions& options, Session& session);
Result<ExitStatus> run_undo(const UndoOptions& options, Session& session);
Result<ExitStatus> run_rescue(const RescueOptions& options, Session& session);
Result<ExitStatus> run_drill(const DrillOptions& options, Session& session);
Result<ExitStatus> run_adopt(const AdoptOptions& options, Session& session);
Result<ExitStatus> run_agent(const AgentOptions& options, Session& session);
Result<ExitStatus> run_status(const StatusOptions& options, Session& session);
Result<ExitStatus> run_metrics(const MetricsOptions& options, Session& session);
Result<ExitStatus> run_cost(const CostOptions& options, Session& session);
Result<ExitStatus> run_verify(const VerifyOptions& options, Session& session);
Result<ExitStatus> run_history(const HistoryOptions& options, Session& session);
Result<ExitStatus> run_prune(const PruneOptions& options, Session& session);
Result<ExitStatus> run_keep(const KeepOptions& options, Session& session);
Result<ExitStatus> run_key_generate(const KeyGenerateOptions& options, Session& session);
Result<ExitStatus> run_key_list(const KeyListOptions& options, Session& session);
Result<ExitStatus> run_key_add(const KeyAddOptions& options, Session& session);
Result<ExitStatus> run_key_rotate(const KeyRotateOptions& options, Session& session);

}  // namespace walkback::cli
