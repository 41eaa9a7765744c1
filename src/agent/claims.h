// Claims: which agent runs what is due, so that no other does the same.
//
//   clusters/NAME/claims/JOB/INSTANT-N.json    put if absent: one of two agents gets it
//
// INSTANT is the run of the schedule. A claim is there for the time from the decision to the
// event's beginning, which then says that the job runs; it is removed when the job has ended. One
// that was left behind stops nobody for longer than kClaimHeld, and on the host of its agent for no
// moment: then the next number is put. Where clocks differ by more than that, the worst is that
// work is done twice, which harms nothing: all of it holds leases.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "schedule/job.h"
#include "store/object_store.h"

namespace walkback::agent {

// As catalog::kLeaseTaken: what has begun is seen by then.
inline constexpr std::chrono::minutes kClaimHeld{10};

struct Work {
  schedule::Job job = schedule::Job::kBackup;
  Timestamp instant;
  int failures = 0;  // of attempts that had their claims
};

// Nothing where another agent has a claim to it.
Result<std::optional<store::ObjectKey>> take_claim(store::ObjectStore& objects,
                                                   const std::string& cluster, const Work& work,
                                                   Clock& clock);

}  // namespace walkback::agent
