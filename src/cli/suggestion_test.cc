#include "cli/suggestion.h"

#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "cli/testing/captured_output.h"

namespace walkback::cli {
namespace {

class Suggestions : public testing::Test {
 protected:
  Suggestion suggestion() { return Suggestion::for_caller(global_, global_.config_path, env_); }

  CapturedOutput output_;
  ManualClock clock_;
  GlobalOptions global_{.config_path = "/etc/walkback/walkback.toml"};
  Env env_{.files = system_files(),
           .clock = clock_,
           .random = system_random(),
           .output = output_,
           .environment = {},
           .program = "/usr/bin/walkback",
           .working_directory = "/",
           .user_id = 26,
           .user_name = [](uint32_t) { return std::string("postgres"); }};
};

TEST_F(Suggestions, WithNothingSpecialAreShort) {
  EXPECT_EQ(suggestion().walkback("backup"), "walkback backup");
  EXPECT_EQ(suggestion().other("psql -p 5433"), "psql -p 5433");
}

TEST_F(Suggestions, NameTheConfigurationTheClusterAndAProgramThatNoShellWouldFind) {
  global_.config_path = "/srv/my wb.toml";
  global_.cluster = "prod";
  env_.program = "/opt/wb/walkback";
  EXPECT_EQ(suggestion().walkback("list"),
            "/opt/wb/walkback --config '/srv/my wb.toml' --cluster prod list");
}

TEST_F(Suggestions, GoThroughSudoWhereTheCallerDid) {
  env_.sudo_user = "alice";
  EXPECT_EQ(suggestion().walkback("backup"), "sudo -u postgres walkback backup");
  EXPECT_EQ(suggestion().other("pg_ctl stop"), "sudo -u postgres pg_ctl stop");
  env_.sudo_user = "postgres";
  EXPECT_EQ(suggestion().walkback("backup"), "walkback backup");
}

TEST_F(Suggestions, StartAServerWithTheVariablesThatItsRestoreCommandNeeds) {
  env_.environment = {{"WALKBACK_ENCRYPTION_IDENTITY_FILE", "/mnt/my key"},
                      {"WALKBACK_CONFIG", "/x"},
                      {"WALKBACK_POSTGRESQL_CONNINFO", "password=hunter2"},
                      {"HOME", "/root"}};
  EXPECT_EQ(suggestion().server_start("pg_ctl start"),
            "env WALKBACK_ENCRYPTION_IDENTITY_FILE='/mnt/my key' pg_ctl start");
  env_.sudo_user = "alice";
  EXPECT_EQ(suggestion().server_start("pg_ctl start"),
            "sudo -u postgres env WALKBACK_ENCRYPTION_IDENTITY_FILE='/mnt/my key' pg_ctl start");
}

TEST_F(Suggestions, CompleteWhatServicesSay) {
  Suggestion complete("/opt/walkback --config /x", "sudo -u postgres ");
  EXPECT_EQ(complete.complete("run `walkback init --apply` or `/usr/lib/pg_ctl start`; `id` stays"),
            "run `sudo -u postgres /opt/walkback --config /x init --apply` or `sudo -u postgres "
            "/usr/lib/pg_ctl start`; `id` stays");
  EXPECT_EQ(complete.complete("`WALKBACK_ENCRYPTION_IDENTITY_FILE=K walkback recover ...`"),
            "`sudo -u postgres env WALKBACK_ENCRYPTION_IDENTITY_FILE=K /opt/walkback --config /x "
            "recover ...`");
  EXPECT_EQ(Suggestion("walkback", "").complete("`WALKBACK_X=K walkback list`"),
            "`WALKBACK_X=K walkback list`");
  EXPECT_EQ(complete.complete("walkback backup, and one ` alone"),
            "walkback backup, and one ` alone");
}

TEST_F(Suggestions, AnotherUserTypesTheSameAgain) {
  global_.typed = {"--config", "/x y", "backup"};
  EXPECT_EQ(as_user("postgres", env_, global_), "sudo -u postgres walkback --config '/x y' backup");
  global_.typed = {"init", "--conninfo", "host=x password=hunter2"};
  EXPECT_EQ(as_user("postgres", env_, global_), "sudo -u postgres walkback init --conninfo …");
  env_.environment = {{"WALKBACK_CONFIG", "/from/variable"}};
  global_.config_path = "/from/variable";
  global_.typed = {"list"};
  EXPECT_EQ(as_user("pg", env_, global_), "sudo -u pg walkback --config /from/variable list");
  env_.environment.emplace_back("WALKBACK_ENCRYPTION_IDENTITY_FILE", "/k");
  EXPECT_EQ(as_user("pg", env_, global_),
            "sudo -u pg env WALKBACK_ENCRYPTION_IDENTITY_FILE=/k walkback --config /from/variable "
            "list");
}

}  // namespace
}  // namespace walkback::cli
