// A cron expression in a time zone: which instants it means.
#pragma once

#include <optional>

#include "base/clock.h"
#include "schedule/cron_expression.h"
#include "schedule/zone.h"

namespace walkback::schedule {

// Where clocks change:
// - an expression for every hour of the day goes by the minutes that there are: its runs stay as
//   far apart as ever, in an hour that comes twice it runs twice;
// - any other runs once, at the end of the gap, for all that it would have run in the gap, and in
//   an hour that comes twice only the first time.
class CronSchedule {
 public:
  CronSchedule(CronExpression expression, Zone zone)
      : expression_(std::move(expression)), zone_(std::move(zone)) {}

  // The first run after `instant`, which is none itself. Nothing beyond the year 9999.
  std::optional<Timestamp> next_after(Timestamp instant) const;
  // The last run before `instant`, which is none itself. Nothing before the year 1900.
  std::optional<Timestamp> last_before(Timestamp instant) const;

  const CronExpression& expression() const { return expression_; }
  const Zone& zone() const { return zone_; }

 private:
  CronExpression expression_;
  Zone zone_;
};

}  // namespace walkback::schedule
