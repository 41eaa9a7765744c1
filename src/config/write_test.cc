#include "config/write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace walkback::config {
namespace {

using testing::HasSubstr;
using testing::Not;

class WriteTest : public testing::Test {
 protected:
  WriteTest() {
    char path[] = "/tmp/walkback-config-XXXXXX";
    directory_ = mkdtemp(path);
    path_ = directory_ + "/walkback.toml";
    config_.cluster = "main";
    config_.pgdata = "/srv/pg";
    config_.repository_url = "file:///srv/walkback";
    config_.encryption = "none";
  }
  ~WriteTest() override { std::filesystem::remove_all(directory_); }

  Result<WriteOutcome> write() { return write_if_absent(system_files(), path_, config_); }
  std::string text() {
    std::stringstream whole;
    whole << std::ifstream(path_).rdbuf();
    return whole.str();
  }
  mode_t mode() {
    struct stat status {};
    EXPECT_EQ(stat(path_.c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  std::string directory_, path_;
  Config config_;
};

TEST_F(WriteTest, WhatIsWrittenReadsBack) {
  config_.conninfo = "host='/tmp/a b' user=\"x\\y\"\tport=1";
  ASSERT_EQ(write().value(), WriteOutcome::kCreated);
  auto read = load(system_files(), path_, {});
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->pgdata, config_.pgdata);
  EXPECT_EQ(read->conninfo, config_.conninfo);
  EXPECT_EQ(read->repository_url, config_.repository_url);
  EXPECT_EQ(read->backup_workers, Config{}.backup_workers);
}

TEST_F(WriteTest, WhatOnlyTheEnvironmentSaidIsWrittenForTheServersSake) {
  config_.repository_url = "s3://backups/main";
  config_.s3_endpoint = "https://s3.example.org";
  config_.backup_workers = 4;
  EXPECT_THAT(render(config_), HasSubstr("\nendpoint = \"https://s3.example.org\"\n"));
  EXPECT_THAT(render(config_), HasSubstr("\nworkers = 4\n"));
  EXPECT_THAT(render(config_), HasSubstr("\n# region = \"\"\n"));
}

TEST_F(WriteTest, TheFileIsAPleasureToRead) {
  EXPECT_EQ(
      render(config_),
      R"(# walkback's configuration, written by `walkback init`. docs/cli.md says what each key means;
# each is also an environment variable: backup.workers is WALKBACK_BACKUP_WORKERS, and wins over this file.

[cluster]
name = "main"

[postgresql]
pgdata = "/srv/pg"
# conninfo = ""
# primary_conninfo = ""
# bin_dir = ""

[repository]
url = "file:///srv/walkback"
encryption = "none"
# required = true

[second_repository]
# url = ""
# required = true

[backup]
# workers = 2
# compression_level = 3
# reread_days = 30

[archive]
# workers = 2
# compression_level = 3
# timeout_s = 300

[recovery]
# workers = 2
# action = "promote"
# on_demand = true

[verify]
# workers = 2
# limit_mib_per_s = 0

[drill]
# directory = ""
# heap_all_indexed = true
# check_timeout_s = 300

[retention]
# window = ""
# count = 0
# hourly = 0
# daily = 0
# weekly = 0
# monthly = 0
# yearly = 0

[status]
# backup_age = "25 hours"
# wal_lag = "10 minutes"
# disk_time_left = "24 hours"
# slot_wal_mib = 1024
# verify_age = "8 days"
# drill_age = "35 days"
# recovery_time_objective = ""
# mass_delete_rows = 100000
# repository_time_left = "3 days"
# clock_skew = "5 seconds"

[schedule]
# zone = ""
# backup = "@hourly"
# prune = "30 2 * * *"
# verify = "0 3 * * *"
# drill = "0 4 1 * *"
# recovery_time_objective = ""

[metrics]
# listen = ""

[alert]
# slack_url = ""
# webhook_url = ""
# pagerduty_key = ""
# dead_mans_switch_url = ""
# pagerduty_url = "https://events.pagerduty.com/v2/enqueue"
# command = ""
# smtp_url = ""
# smtp_security = "auto"
# smtp_user = ""
# smtp_password = ""
# smtp_ca_file = ""
# email_from = ""
# email_to = []
# repeat = "4 hours"
# state_file = ""
)");
}

TEST_F(WriteTest, TheServersUserMayReadIt) {
  umask(022);
  ASSERT_TRUE(write().ok());
  EXPECT_EQ(mode(), 0644u);
}

TEST_F(WriteTest, APasswordIsForTheOwnerOnly) {
  config_.conninfo = "password=hunter2";
  ASSERT_TRUE(write().ok());
  EXPECT_EQ(mode(), 0600u);
}

TEST_F(WriteTest, ThePrimarysPasswordIsToo) {
  config_.primary_conninfo = "password=hunter2";
  ASSERT_TRUE(write().ok());
  EXPECT_EQ(mode(), 0600u);
}

TEST_F(WriteTest, TheSameAgainKeepsTheFileAndWhatTheUserAdded) {
  ASSERT_TRUE(write().ok());
  std::ofstream(path_, std::ios::app) << "# mine\n";
  std::string before = text();
  EXPECT_EQ(write().value(), WriteOutcome::kKept);
  EXPECT_EQ(text(), before);
}

TEST_F(WriteTest, AFileThatSaysOtherwiseIsLeftAlone) {
  ASSERT_TRUE(write().ok());
  std::string before = text();
  config_.repository_url = "file:///elsewhere";
  auto again = write();
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(again.error().message, HasSubstr("repository.url = \"file:///srv/walkback\""));
  EXPECT_EQ(text(), before);
}

TEST_F(WriteTest, AConflictOverAPasswordShowsNeither) {
  config_.conninfo = "password=hunter2";
  ASSERT_TRUE(write().ok());
  config_.conninfo = "password=hunter3";
  auto again = write();
  ASSERT_FALSE(again.ok());
  EXPECT_THAT(again.error().message, Not(HasSubstr("hunter")));
}

TEST_F(WriteTest, AnUnreadableFileIsNotReplaced) {
  std::ofstream(path_) << "[nonsense\n";
  auto outcome = write();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(text(), "[nonsense\n");
}

TEST_F(WriteTest, ALeftoverOfAKilledRunIsInNobodysWay) {
  std::ofstream(path_ + ".new") << "half";
  EXPECT_EQ(write().value(), WriteOutcome::kCreated);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(WriteTest, WithoutAPlaceTheHintNamesTheOption) {
  path_ = directory_ + "/absent/walkback.toml";
  auto outcome = write();
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.error().hint, HasSubstr("--config"));
}

}  // namespace
}  // namespace walkback::config
