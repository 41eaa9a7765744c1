// Whole commands, as a caller sees them: what is printed where, and the exit status.
#include "cli/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/testing/manual_clock.h"
#include "cli/session.h"
#include "cli/testing/captured_output.h"
#include "repo/repository.h"
#include "store/memory_store.h"

namespace walkback::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class RunTest : public testing::Test {
 protected:
  RunTest() {
    char path[] = "/tmp/walkback-run-XXXXXX";
    directory_ = mkdtemp(path);
    config_path_ = directory_ + "/walkback.toml";
    env_.working_directory = directory_;
  }
  ~RunTest() override { std::filesystem::remove_all(directory_); }

  void write_config(std::string_view more = "") {
    std::ofstream(config_path_) << "[repository]\nurl = \"memory:\"\nencryption = \"none\"\n"
                                << more;
  }
  void make_repository() {
    ASSERT_TRUE(repo::create_repository(**opened_, clock_, system_random()).ok());
  }
  int walkback(std::vector<std::string> words) {
    words.insert(words.begin(), {"--config", config_path_});
    output_.out_text.clear();
    output_.err_text.clear();
    return static_cast<int>(run(words, env_));
  }
  std::string config_text() {
    std::stringstream text;
    text << std::ifstream(config_path_).rdbuf();
    return text.str();
  }

  CapturedOutput output_;
  ManualClock clock_;
  std::string directory_, config_path_;
  Result<std::unique_ptr<store::ObjectStore>> opened_ = store::make_memory_store();
  std::string asked_url_;
  std::string traffic_;
  pgconn::ConnectOptions asked_connection_;
  Env env_{
      .files = system_files(),
      .clock = clock_,
      .random = system_random(),
      .output = output_,
      .environment = {},
      .program = "/usr/bin/walkback",
      .working_directory = "/",
      .stderr_is_terminal = false,
      .terminal_columns = 0,
      .user_id = geteuid(),
      .user_name = [](uint32_t id) { return "u" + std::to_string(id); },
      .open_store =
          [this](const config::Config& config, Access, std::stop_token) {
            asked_url_ = config.repository_url;
            return std::move(opened_);
          },
      .open_beneath = [this](const config::Config&, std::stop_token) { return std::move(opened_); },
      .traffic = [this] { return traffic_; },
      .connect = [this](const pgconn::ConnectOptions& options)
          -> Result<std::unique_ptr<pgconn::Connection>> {
        asked_connection_ = options;
        return make_error(ErrorKind::kTransient, "connection refused");
      },
      .watch_interrupts = [](OnInterrupt) { return std::stop_token(); }};
};

TEST_F(RunTest, VersionAndHelpAreResults) {
  EXPECT_EQ(walkback({"--version"}), 0);
  EXPECT_THAT(output_.out_text, StartsWith("walkback "));
  EXPECT_EQ(walkback({"plan", "--help"}), 0);
  EXPECT_THAT(output_.out_text, HasSubstr("--before-xid"));
  EXPECT_EQ(output_.err_text, "");
}

TEST_F(RunTest, BadUsageIsTwoLinesAndStatus2) {
  EXPECT_EQ(walkback({"lst"}), 2);
  EXPECT_EQ(output_.err_text,
            "error: unknown command \"lst\"\nhint: did you mean `walkback list`?\n");
  EXPECT_EQ(output_.out_text, "");
}

TEST_F(RunTest, WithJsonTheErrorIsAlsoAnObject) {
  EXPECT_EQ(walkback({"lst", "--json"}), 2);
  EXPECT_THAT(output_.out_text, HasSubstr("\"kind\": \"invalid\""));
  EXPECT_THAT(output_.err_text, StartsWith("error: "));
  EXPECT_EQ(walkback({"list", "--json"}), 2);
  EXPECT_THAT(output_.out_text, HasSubstr("there is no configuration at"));
}

TEST_F(RunTest, AMissingConfigurationIsStatus2) {
  EXPECT_EQ(walkback({"list"}), 2);
  EXPECT_THAT(output_.err_text, HasSubstr("hint: `walkback init` makes one"));
}

TEST_F(RunTest, AWrongConfigurationIsStatus2) {
  write_config("[backup]\nworker = 1\n");
  EXPECT_EQ(walkback({"list"}), 2);
  EXPECT_THAT(output_.err_text, HasSubstr("walkback.toml:5: unknown key backup.worker"));
}

TEST_F(RunTest, AWrongClusterNameIsStatus2) {
  write_config();
  EXPECT_EQ(walkback({"--cluster", "../x", "list"}), 2);
  EXPECT_THAT(output_.err_text, StartsWith("error: --cluster is \"../x\", expected up to"));
}

TEST_F(RunTest, AUrlThatIsNotReadIsStatus2) {
  write_config();
  opened_ = make_error(ErrorKind::kUnsupported, "only file:///path is read");
  EXPECT_EQ(walkback({"list"}), 2);
  EXPECT_EQ(asked_url_, "memory:");
}

TEST_F(RunTest, ARepositoryThatDoesNotAnswerIsStatus1) {
  write_config();
  opened_ = make_error(ErrorKind::kDenied, "no permission", "chmod");
  EXPECT_EQ(walkback({"list"}), 1);
  EXPECT_EQ(output_.err_text, "error: no permission\nhint: chmod\n");
}

TEST_F(RunTest, NothingThatGoesWrongInWalGetIsBelow126) {
  EXPECT_EQ(walkback({"wal-get", "--bogus", "f", "p"}), 200);
  EXPECT_EQ(walkback({"wal-get", "f"}), 200);
  EXPECT_EQ(walkback({"wal-get", "f", "p"}), 200) << "no configuration";
  write_config("[backup]\nworkers = 0\n");
  EXPECT_EQ(walkback({"wal-get", "f", "p"}), 200) << "wrong configuration";
  write_config();
  opened_ = make_error(ErrorKind::kUnsupported, "no such scheme");
  EXPECT_EQ(walkback({"wal-get", "f", "p"}), 200) << "wrong URL";
  opened_ = make_error(ErrorKind::kMissing, "the repository is gone");
  EXPECT_EQ(walkback({"wal-get", "f", "p"}), 200) << "no repository";
}

TEST_F(RunTest, WrongTargetsAreStatus2) {
  write_config();
  EXPECT_EQ(walkback({"plan", "--to", "tomorrow-ish"}), 2);
  EXPECT_EQ(walkback({"plan", "--xid", "abc"}), 2);
  EXPECT_THAT(output_.err_text,
              StartsWith("error: --xid is \"abc\"\nhint: expected a transaction id"));
  EXPECT_EQ(walkback({"plan", "--lsn", "12"}), 2);
  EXPECT_THAT(output_.err_text, HasSubstr("A/FE000028"));
}

TEST_F(RunTest, WithoutARepositoryThereIsNothingToPlan) {
  write_config();
  EXPECT_EQ(walkback({"plan", "--latest"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("hint: "));
}

TEST_F(RunTest, ATargetThatCannotBeReachedIsStatus3) {
  write_config();
  make_repository();
  EXPECT_EQ(walkback({"plan", "--latest"}), 3) << output_.err_text;
  EXPECT_THAT(output_.err_text, StartsWith("error: "));
}

TEST_F(RunTest, BackupNeedsADataDirectory) {
  write_config();
  EXPECT_EQ(walkback({"backup"}), 2);
  EXPECT_THAT(output_.err_text, HasSubstr("postgresql.pgdata is missing"));
}

TEST_F(RunTest, AServerThatDoesNotAnswerNamesTheKey) {
  make_repository();
  write_config("[postgresql]\npgdata = \"/pg\"\nconninfo = \"port=1 password=hunter2\"\n");
  std::filesystem::permissions(config_path_, std::filesystem::perms::owner_read);
  EXPECT_EQ(walkback({"backup", "--json"}), 1);
  EXPECT_EQ(asked_connection_.conninfo, "port=1 password=hunter2");
  EXPECT_THAT(output_.err_text, HasSubstr("error: connecting to PostgreSQL: connection refused\n"
                                          "hint: postgresql.conninfo"));
  EXPECT_THAT(output_.err_text + output_.out_text, Not(HasSubstr("hunter2")));
}

TEST_F(RunTest, ALostResultIsAFailure) {
  output_.lost = true;
  EXPECT_EQ(walkback({"--version"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("standard output"));
}

TEST_F(RunTest, AnInterruptedCommandSaysSoAndWhatItLeaves) {
  std::stop_source source;
  env_.watch_interrupts = [&](OnInterrupt) { return source.get_token(); };
  Session session({}, env_);
  session.watch_interrupts(OnInterrupt::kAskToStop);
  Error cancelled = make_error(ErrorKind::kCancelled, "a worker was stopped", "remove /srv/copy");
  EXPECT_EQ(session.fail(cancelled), ExitStatus::kFailed) << "nobody interrupted";
  source.request_stop();
  output_.err_text.clear();
  EXPECT_EQ(session.fail(cancelled), ExitStatus::kInterrupted);
  EXPECT_EQ(output_.err_text, "error: interrupted\nhint: remove /srv/copy\n");
  EXPECT_EQ(session.fail(make_error(ErrorKind::kNoSpace, "disk full")), ExitStatus::kFailed);
}

TEST_F(RunTest, QuietHasNoProgressAndTerminalsHaveOneLine) {
  GlobalOptions global;
  global.quiet = true;
  Session quiet(global, env_);
  quiet.progress().begin("copying", 10);
  EXPECT_EQ(output_.err_text, "");
  env_.stderr_is_terminal = true;
  Session session({}, env_);
  session.progress().begin("copying", 10);
  EXPECT_THAT(output_.err_text, StartsWith("\r\x1b[Kcopying"));
}

class InitTest : public RunTest {
 protected:
  int init(std::vector<std::string> more) {
    std::vector<std::string> words{"init", "--repository", "memory:"};
    words.insert(words.end(), more.begin(), more.end());
    return walkback(words);
  }
};

TEST_F(InitTest, PlainTextMustBeSaid) {
  EXPECT_EQ(init({"--pgdata", directory_}), 2);
  EXPECT_THAT(output_.err_text,
              HasSubstr("hint: encryption with keys arrives with the next version"));
  EXPECT_FALSE(std::filesystem::exists(config_path_));
}

TEST_F(InitTest, OtherEncryptionIsNotThereYet) {
  EXPECT_EQ(init({"--pgdata", directory_, "--encryption", "age"}), 2);
  EXPECT_THAT(output_.err_text, StartsWith("error: --encryption age is not there yet"));
}

TEST_F(InitTest, ItNeedsADataDirectoryThatIsThereAndOurs) {
  EXPECT_EQ(init({"--encryption", "none"}), 2);
  EXPECT_THAT(output_.err_text, StartsWith("error: --pgdata is missing"));
  EXPECT_EQ(init({"--encryption", "none", "--pgdata", "absent"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("there is no data directory " + directory_ + "/absent"));
  env_.user_id += 1;
  EXPECT_EQ(init({"--encryption", "none", "--pgdata", directory_}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("sudo -u u" + std::to_string(geteuid())));
}

TEST_F(InitTest, WithoutAServerNothingIsWritten) {
  EXPECT_EQ(init({"--encryption", "none", "--pgdata", directory_}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("connecting to PostgreSQL"));
  EXPECT_FALSE(std::filesystem::exists(config_path_));
}

TEST_F(RunTest, WhatWentOverTheNetworkIsToldUnlessNobodyAsked) {
  write_config();
  make_repository();
  traffic_ = "2 GET, 4.1 kB received";
  walkback({"list"});
  EXPECT_THAT(output_.err_text, HasSubstr("network: 2 GET, 4.1 kB received\n"));
  for (std::vector<std::string> words : {std::vector<std::string>{"--quiet", "list"},
                                         {"wal-get", "000000010000000000000001", "/x"}}) {
    opened_ = store::make_memory_store();
    walkback(words);
    EXPECT_THAT(output_.err_text, Not(HasSubstr("network:")));
  }
}

}  // namespace
}  // namespace walkback::cli
