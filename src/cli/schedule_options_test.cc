#include "cli/schedule_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/forwarding_files.h"

namespace walkback::cli {
namespace {

using schedule::Job;
using testing::HasSubstr;

// A host whose zone is what the test says.
class Host final : public ForwardingFiles {
 public:
  Host() : ForwardingFiles(system_files()) {}
  Result<std::string> read_symlink(const std::string& path) override {
    if (path != "/etc/localtime") return ForwardingFiles::read_symlink(path);
    if (localtime.empty()) return make_error(ErrorKind::kMissing, path);
    return localtime;
  }
  Result<std::unique_ptr<File>> open_read(const std::string& path) override {
    if (path == "/etc/timezone") return make_error(ErrorKind::kMissing, path);
    return ForwardingFiles::open_read(path);
  }
  std::string localtime;
};

TEST(ScheduleOptions, TheZoneIsTheSystemsUnlessOneIsNamed) {
  Host host;
  EXPECT_EQ(system_zone(host), "UTC");
  host.localtime = "/usr/share/zoneinfo/Europe/Berlin";
  config::Config config;
  EXPECT_EQ(schedule_of(config, host)->runs.at(Job::kBackup).zone().name(), "Europe/Berlin");
  config.schedule_zone = "Asia/Tokyo";
  EXPECT_EQ(schedule_of(config, host)->runs.at(Job::kBackup).zone().name(), "Asia/Tokyo");
  config.schedule_zone = "Middle/Earth";
  EXPECT_THAT(schedule_of(config, host).error().message, HasSubstr("schedule.zone"));
}

TEST(ScheduleOptions, ASystemsZoneThatThereIsNotIsUtc) {
  Host host;
  host.localtime = "/usr/share/zoneinfo/Middle/Earth";
  EXPECT_EQ(schedule_of({}, host)->runs.at(Job::kBackup).zone().name(), "UTC");
}

TEST(ScheduleOptions, NeverAndADrillWithoutAPlaceAreNotRun) {
  config::Config config;
  config.schedule_zone = "UTC";
  config.schedule_prune = "never";
  EXPECT_EQ(schedule_text(schedule_of(config, system_files()).value()),
            "backup @hourly, verify 0 3 * * * (UTC)");
  config.drill_directory = "/srv/drill";
  EXPECT_EQ(schedule_of(config, system_files())->runs.count(Job::kDrill), 1u);
  config.schedule_backup = config.schedule_verify = config.schedule_drill = "never";
  EXPECT_EQ(schedule_text(schedule_of(config, system_files()).value()),
            "the agent runs nothing by the clock");
}

TEST(ScheduleOptions, AnObjectiveIsALengthOfTime) {
  config::Config config;
  EXPECT_FALSE(schedule_of(config, system_files())->recovery_time_objective);
  config.schedule_recovery_time_objective = "10min";
  EXPECT_EQ(schedule_of(config, system_files())->recovery_time_objective, std::chrono::minutes(10));
}

}  // namespace
}  // namespace walkback::cli
