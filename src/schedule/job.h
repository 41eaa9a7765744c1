// What is run by a schedule.
#pragma once

#include <array>
#include <string_view>

namespace walkback::schedule {

enum class Job { kBackup, kPrune, kVerify, kDrill };

// In the order in which they run where several are due: what protects comes first, and prune before
// a verification reads what it would remove.
inline constexpr std::array kAllJobs{Job::kBackup, Job::kPrune, Job::kVerify, Job::kDrill};

// The command's name, which is also the kind of its events.
std::string_view job_name(Job job);

}  // namespace walkback::schedule
