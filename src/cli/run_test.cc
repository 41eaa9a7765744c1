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
#include "catalog/events.h"
#include "cli/session.h"
#include "cli/testing/captured_output.h"
#include "repo/repository.h"
#include "store/memory_store.h"
#include "store/testing/forwarding_store.h"

namespace walkback::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// One store for several commands: each opens it anew.
class SharedStore final : public store::ForwardingStore {
 public:
  explicit SharedStore(std::shared_ptr<store::ObjectStore> store)
      : ForwardingStore(*store), store_(std::move(store)) {}

 private:
  std::shared_ptr<store::ObjectStore> store_;
};

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
  Env env_{.files = system_files(),
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
           .open_beneath = [this](const config::Config&, Access,
                                  std::stop_token) { return std::move(opened_); },
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
  EXPECT_THAT(output_.err_text,
              HasSubstr("hint: `walkback --config " + config_path_ + " init` makes one"));
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

// Objects as they lie in a repository, written by hand.
TEST_F(RunTest, WhatCannotBeReadIsAWarningAndTheRestIsShown) {
  write_config();
  make_repository();
  auto put = [&](const std::string& name, std::string_view text) {
    ASSERT_TRUE((*opened_)->put(store::ObjectKey("clusters/main/" + name), as_bytes(text)).ok());
  };
  catalog::Event event = catalog::new_event("backup", clock_, system_random());
  catalog::EventRecorder recorder(**opened_, "main", clock_);
  ASSERT_TRUE(recorder.begin(event).ok());
  ASSERT_TRUE(recorder.end(event, nullptr).ok());
  put("events/20200101T000000Z-0000.begin.json", "no JSON");
  put("7/lineage.json",
      R"({"postgresql_major": 15, "wal_segment_bytes": 16777216, "first_seen": "2026-11-22T00:00:00Z"})");
  put("7/backups/20200101T000000Z-0001/manifest.zst", "x");
  put("7/backups/20200101T000000Z-0001/summary.json", "no JSON");
  auto shared = std::shared_ptr<store::ObjectStore>(std::move(opened_).value());
  env_.open_store = [&](const config::Config&, Access,
                        std::stop_token) -> Result<std::unique_ptr<store::ObjectStore>> {
    return std::unique_ptr<store::ObjectStore>(std::make_unique<SharedStore>(shared));
  };
  EXPECT_EQ(walkback({"history"}), 0) << output_.err_text;
  EXPECT_THAT(output_.out_text, HasSubstr(event.id));
  EXPECT_THAT(output_.err_text, HasSubstr("warning: clusters/main/events/20200101T000000Z-0000"));
  EXPECT_EQ(walkback({"list", "--json"}), 0) << output_.err_text;
  EXPECT_THAT(output_.err_text, HasSubstr("warning: clusters/main/7/backups/"));
  EXPECT_THAT(output_.out_text, HasSubstr("\"unreadable\": [\n    \"clusters/main/7/backups/"));
  EXPECT_EQ(walkback({"--cluster", "prod", "list"}), 2);
  EXPECT_THAT(output_.err_text, HasSubstr("no cluster 'prod' in"));
  EXPECT_THAT(output_.err_text, HasSubstr("there is: main"));
  EXPECT_EQ(walkback({"--cluster", "prod", "plan", "--latest"}), 2);
}

TEST_F(RunTest, ABackupThatCannotConnectIsInTheHistory) {
  make_repository();
  write_config("[postgresql]\npgdata = \"/nowhere/pg\"\n");
  auto shared = std::shared_ptr<store::ObjectStore>(std::move(opened_).value());
  env_.open_store = [&](const config::Config&, Access,
                        std::stop_token) -> Result<std::unique_ptr<store::ObjectStore>> {
    return std::unique_ptr<store::ObjectStore>(std::make_unique<SharedStore>(shared));
  };
  EXPECT_EQ(walkback({"backup", "--label", "nightly"}), 1);
  EXPECT_EQ(walkback({"history", "--json"}), 0);
  EXPECT_THAT(output_.out_text, HasSubstr("\"outcome\": \"failed\""));
  EXPECT_THAT(output_.out_text, HasSubstr("connection refused"));
}

TEST_F(RunTest, WhoeverIsNotTheOwnerWritesNothing) {
  std::filesystem::create_directory(directory_ + "/repo");
  std::ofstream(config_path_) << "[postgresql]\npgdata = \"" << directory_
                              << "\"\n[repository]\nurl = \"file://" << directory_
                              << "/repo\"\nencryption = \"none\"\n";
  const uint32_t owner = env_.user_id;
  const std::string sudo =
      "`sudo -u u" + std::to_string(owner) + " walkback --config " + config_path_ + " ";
  env_.open_store = [&](const config::Config&, Access,
                        std::stop_token) -> Result<std::unique_ptr<store::ObjectStore>> {
    ADD_FAILURE() << "it went on to the repository";
    return make_error(ErrorKind::kIo, "no");
  };
  env_.user_id = owner + 1;
  EXPECT_EQ(walkback({"backup"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr(sudo + "backup`"));
  EXPECT_EQ(walkback({"adopt", "--pgdata", directory_}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr(sudo + "adopt --pgdata " + directory_ + "`"));
  std::filesystem::permissions(directory_ + "/repo", std::filesystem::perms::all);
  EXPECT_EQ(walkback({"recover", "--latest", "--into", directory_ + "/copy"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("/repo belongs to u" + std::to_string(owner)));
  std::filesystem::permissions(directory_ + "/repo", std::filesystem::perms::owner_all);
  env_.user_id = 0;
  EXPECT_EQ(walkback({"recover", "--latest", "--into", directory_ + "/copy"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("PostgreSQL does not run as root"));
}

TEST_F(RunTest, RootLeavesNothingInAnothersRepository) {
  if (chown(directory_.c_str(), 26, 26) != 0) GTEST_SKIP() << "takes root";
  std::ofstream(config_path_) << "[repository]\nurl = \"file://" << directory_
                              << "\"\nencryption = \"none\"\n";
  EXPECT_EQ(walkback({"wal-push", "/pg/pg_wal/000000010000000000000001"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("belongs to u26, and this is u0"));
  EXPECT_EQ(walkback({"recover", "--latest", "--no-start", "--into", "/tmp/x"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("belongs to u26, and this is u0"));
}

TEST_F(RunTest, AKeyStaysWithItsOwner) {
  const std::string key = directory_ + "/host.key";
  std::ofstream(key) << "a key";
  ASSERT_TRUE(geteuid() != 0 || chown(key.c_str(), 26, 26) == 0);
  const std::string owner = "u" + std::to_string(geteuid() == 0 ? 26 : geteuid());
  std::ofstream(config_path_)
      << "[repository]\nurl = \"memory:\"\nencryption = \"age\"\n[encryption]\n"
         "recipients = "
         "[\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]\nhost_key_file = \""
      << key << "\"\n";
  env_.user_id = 0;
  env_.environment = {{"WALKBACK_ENCRYPTION_IDENTITY_FILE", directory_ + "/owner.key"}};
  for (const std::string command : {"find", "list", "history", "check"}) {
    EXPECT_NE(walkback({command}), 0);
    const std::string all = output_.out_text + output_.err_text;
    EXPECT_THAT(all, HasSubstr(key + " belongs to " + owner + ", and this is u0"));
    EXPECT_THAT(all, HasSubstr("`sudo -u " + owner +
                               " env WALKBACK_ENCRYPTION_IDENTITY_FILE=" + directory_ +
                               "/owner.key walkback --config " + config_path_ + " " + command));
    EXPECT_THAT(all, Not(HasSubstr("chown")));
  }
}

TEST_F(RunTest, AnOwnersKeyOfAnotherUserIsCopiedNotGivenAway) {
  const std::string key = directory_ + "/owner.key";
  std::ofstream(key) << "a key";
  ASSERT_TRUE(geteuid() != 0 || chown(key.c_str(), 26, 26) == 0);
  std::ofstream(config_path_)
      << "[repository]\nurl = \"memory:\"\nencryption = \"age\"\n[encryption]\n"
         "recipients = "
         "[\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]\nidentity_file = \""
      << key << "\"\n";
  env_.user_id = 4711;
  EXPECT_EQ(walkback({"list"}), 1);
  EXPECT_THAT(output_.err_text,
              HasSubstr("`sudo install -m 600 -o u4711 " + key + " /dev/shm/owner.key`"));
  EXPECT_THAT(output_.err_text, Not(HasSubstr("chown")));
}

TEST_F(RunTest, AnEmptyDirectoryIsARepositoryWhoseDiskIsNotMounted) {
  std::filesystem::create_directory(directory_ + "/repo");
  std::ofstream(config_path_) << "[repository]\nurl = \"file://" << directory_
                              << "/repo\"\nencryption = \"none\"\n";
  EXPECT_EQ(walkback({"list"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("/repo is an empty directory: is its disk mounted?"));
  EXPECT_THAT(output_.err_text, Not(HasSubstr("init")));
  opened_ = store::make_memory_store();
  EXPECT_EQ(walkback({"wal-get", "000000010000000000000001", directory_ + "/x"}), 200);
  EXPECT_THAT(output_.err_text, HasSubstr("is its disk mounted?"));
}

TEST_F(RunTest, ADirectoryThatIsGoneIsSaidToBeGoneAndNotToBeMadeAnew) {
  std::filesystem::create_directory(directory_ + "/disk");
  std::ofstream(config_path_) << "[repository]\nurl = \"file://" << directory_
                              << "/disk/repo\"\nencryption = \"none\"\n";
  for (const std::string command : {"list", "verify", "history", "find"}) {
    opened_ = store::make_memory_store();
    EXPECT_NE(walkback({command}), 0);
    const std::string all = output_.out_text + output_.err_text;
    EXPECT_THAT(all, HasSubstr(directory_ +
                               "/disk/repo, where the repository should be, does not "
                               "exist, and " +
                               directory_ + "/disk is empty: is its disk mounted?"))
        << command;
    EXPECT_THAT(all, Not(HasSubstr("init"))) << command;
  }
  opened_ = store::make_memory_store();
  EXPECT_EQ(walkback({"wal-get", "000000010000000000000001", directory_ + "/x"}), 200);
  EXPECT_THAT(output_.err_text, HasSubstr("does not exist"));
  EXPECT_THAT(output_.err_text, Not(HasSubstr("init")));
}

// Another disk, or the directory above: it has files, and none of them is a repository's.
TEST_F(RunTest, WalOfAPlaceThatIsNoRepositoryIsNotAnUnknownClusters) {
  std::filesystem::create_directories(directory_ + "/repo/photographs");
  std::ofstream(config_path_) << "[repository]\nurl = \"file://" << directory_
                              << "/repo\"\nencryption = \"none\"\n";
  opened_ = store::make_memory_store();
  EXPECT_EQ(walkback({"wal-get", "000000010000000000000001", directory_ + "/x"}), 200);
  EXPECT_THAT(output_.err_text, HasSubstr("is no walkback repository"));
}

TEST_F(RunTest, ADestinationThatWillNotDoIsRefusedBeforeAnythingIsRead) {
  write_config();
  if (env_.user_id == 0) env_.user_id = 26;  // else root is what is refused
  env_.open_store = [&](const config::Config&, Access,
                        std::stop_token) -> Result<std::unique_ptr<store::ObjectStore>> {
    ADD_FAILURE() << "it went on to the repository";
    return make_error(ErrorKind::kIo, "no");
  };
  std::ofstream(directory_ + "/taken") << "a file";
  EXPECT_EQ(walkback({"recover", "--latest", "--no-start", "--into", "taken"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("/taken is not a directory"));
}

TEST_F(RunTest, HintsAreCompleteCommands) {
  write_config();
  opened_ = make_error(ErrorKind::kMissing, "no WAL", "`walkback list` shows every gap");
  env_.program = "/opt/walkback";
  EXPECT_EQ(walkback({"--cluster", "c", "list"}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("hint: `/opt/walkback --config " + config_path_ +
                                          " --cluster c list` shows every gap"));
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

TEST_F(InitTest, WhatEncryptionIsAskedForIsClear) {
  EXPECT_EQ(init({"--pgdata", directory_, "--encryption", "gpg"}), 2);
  EXPECT_THAT(output_.err_text, StartsWith("error: --encryption is \"gpg\""));
  EXPECT_EQ(init({"--pgdata", directory_, "--encryption", "none", "--recipient", "age1x"}), 2);
  EXPECT_THAT(output_.err_text, HasSubstr("error: --recipient is for an encrypted repository"));
  EXPECT_FALSE(std::filesystem::exists(config_path_));
}

TEST_F(InitTest, WithoutAServerNoKeyIsMade) {
  EXPECT_EQ(init({"--pgdata", directory_}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("connecting to PostgreSQL"));
  EXPECT_THAT(output_.err_text, HasSubstr("hint: no server runs on " + directory_ + ": start it"));
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    EXPECT_NE(entry.path().extension(), ".key");
  }
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

TEST_F(InitTest, AnotherConfigurationIsRefusedBeforeTheServerIsAsked) {
  std::ofstream(config_path_) << "[repository]\nurl = \"file:///other\"\nencryption = \"none\"\n";
  asked_connection_.conninfo = "nobody asked";
  EXPECT_EQ(init({"--encryption", "none", "--pgdata", directory_}), 1);
  EXPECT_THAT(output_.err_text, HasSubstr("is there already and says"));
  EXPECT_EQ(asked_connection_.conninfo, "nobody asked");
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
