// What a recovered copy sets, decided from what the cluster itself has set: one list, with the
// reasons.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "restore/own_settings.h"
#include "restore/recovered_settings.h"

namespace walkback::restore {

enum class Lasts {
  kUntilAdopted,  // it keeps the copy apart from the original, or steers its recovery
  kAsLongAsHere,  // the server would not start on this host without it
};

struct CopyRule {
  std::string name;
  std::string value;
  std::string why;  // empty for what steers the recovery: nobody had another value
  Lasts lasts = Lasts::kUntilAdopted;
};

// In the order in which they must stand in the file: PostgreSQL refuses a recovery target that is
// assigned while another one is, cleared or not (assign_recovery_target_lsn and its like,
// xlogrecovery.c), so all others come first. Later ones win.
std::vector<CopyRule> copy_rules(FileSystem& files, const CopySettings& copy,
                                 const OwnSettings& own);

// "shared_preload_libraries" without those that are missing here: what it is once the copy is
// adopted.
std::string libraries_after_adoption(FileSystem& files, const CopySettings& copy,
                                     const OwnSettings& own);

}  // namespace walkback::restore
