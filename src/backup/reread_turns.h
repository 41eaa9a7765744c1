// Which blocks an incremental backup reads again although the WAL names no change of theirs.
//
// Every block has its turn once in a period, whatever the rhythm of backups, and nothing is kept to
// know that: a turn's place in the period follows from the file's name and the turn's number, and a
// backup takes those whose place lies between its parent's start and its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "catalog/manifest.h"

namespace walkback::backup {

class RereadTurns {
 public:
  static RereadTurns none() { return {}; }
  static RereadTurns all();
  // A parent from the future, by a clock that was set back since, is followed by no turn; after
  // more than a period all have theirs.
  static RereadTurns between(Timestamp parent_started_at, Timestamp started_at,
                             std::chrono::microseconds period);

  bool is_all() const { return all_; }
  // Ascending. Cheap: for each of millions of files.
  std::vector<uint32_t> of(catalog::Place place, std::string_view name, uint32_t count) const;

 private:
  bool all_ = false;
  // In 2^-64 of a period.
  uint64_t from_ = 0;
  uint64_t length_ = 0;
};

}  // namespace walkback::backup
