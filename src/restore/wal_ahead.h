// WAL that replay is about to ask for, fetched before it does: a server asks its restore_command
// for one segment at a time, and stands still meanwhile.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "base/task_group.h"
#include "catalog/wal_archive.h"
#include "restore/plan.h"

namespace walkback::restore {

// From its making to its destruction a thread keeps the next segments in `directory`, whole and
// under their names, for a restore_command that takes them away (catalog::ProgramCall::at_hand).
// What it cannot have it leaves to wal-get, which says why. What is left in the directory when it
// ends is its owner's to remove. `files` and `clock`, and the store beneath `archive`, outlive it.
class WalAhead {
 public:
  // The segments from the beginning of `plan`'s backup to its end.
  static Result<std::unique_ptr<WalAhead>> start(const RecoveryPlan& plan,
                                                 const catalog::WalArchive& archive,
                                                 std::string directory, FileSystem& files,
                                                 Clock& clock, std::stop_token stop);
  // Ends it. An error: why it had to leave a segment to wal-get.
  Result<void> end();
  WalAhead(const WalAhead&) = delete;
  WalAhead& operator=(const WalAhead&) = delete;

 private:
  WalAhead(const catalog::WalArchive& archive, std::vector<std::string> names,
           std::string directory, FileSystem& files, Clock& clock, std::stop_token stop);
  Result<void> fetch_all(const std::stop_token& stop);
  Result<void> see_what_was_taken();

  const catalog::WalArchive archive_;
  const std::vector<std::string> names_;
  const std::string directory_;
  FileSystem& files_;
  Clock& clock_;
  std::deque<std::string> there_;  // paths, in the order of the log
  std::atomic<bool> ended_ = false;
  TaskGroup group_;  // last: it ends before what it uses
};

}  // namespace walkback::restore
