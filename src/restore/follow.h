// Watching a copy's server until it stands where it was sent.
#pragma once

#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "base/progress.h"
#include "base/result.h"
#include "pg/types.h"
#include "restore/recovered_settings.h"
#include "restore/server.h"

namespace walkback::restore {

struct Reached {
  pg::Lsn lsn;                    // end of the last record replayed
  std::optional<Timestamp> time;  // of the last commit replayed
};

// Returns once the server is paused or has promoted, as `action` says, with what it says of itself;
// that is for the caller to compare with what was planned. `from` is where its replay began, for
// the progress. Asked to stop, it stops the server: kCancelled. A server that exits is an error,
// one that was to shut down too.
Result<Reached> follow_replay(CopyServer& server, RecoveryAction action, pg::Lsn from, Clock& clock,
                              Progress& progress, const std::stop_token& stop);

}  // namespace walkback::restore
