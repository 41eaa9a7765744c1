#include "schedule/job.h"

#include "base/check.h"

namespace walkback::schedule {

std::string_view job_name(Job job) {
  switch (job) {
    case Job::kBackup:
      return "backup";
    case Job::kPrune:
      return "prune";
    case Job::kVerify:
      return "verify";
    case Job::kDrill:
      return "drill";
  }
  CHECK(false);
}

}  // namespace walkback::schedule
