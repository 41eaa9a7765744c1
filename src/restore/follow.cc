#include "restore/follow.h"

#include "restore/target.h"

namespace walkback::restore {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{50};

bool is_done(const ReplayState& state, RecoveryAction action) {
  return !state.in_recovery || (action == RecoveryAction::kPause && state.paused);
}

}  // namespace

Result<Reached> follow_replay(CopyServer& server, RecoveryAction action, pg::Lsn from, Clock& clock,
                              Progress& progress, const std::stop_token& stop) {
  pg::Lsn shown = from;
  for (;;) {
    if (stop.stop_requested()) {
      (void)server.stop();
      return make_error(ErrorKind::kCancelled, "interrupted while the copy was replaying WAL",
                        "the copy was stopped");
    }
    const ReplayState state = TRY(server.state());
    if (state.replayed > shown) {
      progress.add_bytes(state.replayed - shown);
      shown = state.replayed;
    }
    if (state.last_commit) progress.detail("at " + show_time(*state.last_commit));
    if (state.accepting_connections && is_done(state, action)) {
      return Reached{state.replayed, state.last_commit};
    }
    clock.sleep(kBetweenLooks);
  }
}

}  // namespace walkback::restore
