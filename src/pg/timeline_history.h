// Timeline history files, "00000003.history": which timelines a timeline came from and where it
// left them (src/backend/access/transam/timeline.c, readTimeLineHistory and writeTimeLineHistory).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pg/types.h"

namespace walkback::pg {

struct TimelineSwitch {
  TimelineId parent;
  Lsn at;  // the parent's WAL counts up to here; the child's begins here
  std::string reason;
};

class TimelineHistory {
 public:
  // A timeline without ancestors: the first, which has no file.
  explicit TimelineHistory(TimelineId timeline) : timeline_(timeline) {}

  // `timeline` is the one the file is named after. Lines may follow blank lines and comments (#).
  // kInvalid when a line cannot be read, or timelines do not grow. Switch points need not: a
  // recovery along timeline 2 that stops before 2 had left 1 is written as "2" left at that LSN;
  // then 1 counts as left there too.
  static Result<TimelineHistory> parse(TimelineId timeline, std::string_view text);
  // As PostgreSQL writes it.
  std::string text() const;

  TimelineId timeline() const { return timeline_; }
  // Oldest first.
  const std::vector<TimelineSwitch>& switches() const { return switches_; }

  // `timeline` is this one or an ancestor.
  bool contains(TimelineId timeline) const;
  // Which timeline's WAL holds the byte at `lsn`.
  TimelineId timeline_of(Lsn lsn) const;
  // Where its child took over; nothing for this timeline itself and for strangers.
  std::optional<Lsn> end_of(TimelineId timeline) const;
  // Where it took over from its parent: 0/0 for the oldest; nothing for strangers.
  std::optional<Lsn> begin_of(TimelineId timeline) const;

 private:
  TimelineId timeline_;
  std::vector<TimelineSwitch> switches_;
};

std::string history_file_name(TimelineId timeline);
// "00000003.history"; kInvalid for any other name.
Result<TimelineId> parse_history_file_name(std::string_view name);

}  // namespace walkback::pg
