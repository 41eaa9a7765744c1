// Which stretches of the past can be recovered, and where a hole is.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "pg/types.h"

namespace walkback::catalog {

struct RecoveryWindow {
  pg::SystemIdentifier system_identifier;
  pg::TimelineId timeline;
  pg::Lsn from_lsn;  // the first backup's stop
  pg::Lsn to_lsn;    // the end of the last record in a row
  Timestamp from;
  Timestamp to;  // of the last commit
};

struct WalGap {
  pg::SystemIdentifier system_identifier;
  pg::TimelineId timeline;
  pg::Lsn from_lsn;               // the first byte missing
  pg::Lsn to_lsn;                 // the first byte there again
  std::optional<Timestamp> from;  // the last commit before
  std::optional<Timestamp> to;    // the first commit after
};

}  // namespace walkback::catalog
