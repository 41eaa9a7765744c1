// init against a real server that archives nothing yet.
#include "setup/init.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "catalog/events.h"
#include "pgconn/testing/scratch_cluster.h"
#include "repo/repository.h"
#include "setup/repository_place.h"
#include "store/memory_store.h"

namespace walkback::setup {
namespace {

namespace fs = std::filesystem;
using pgconn::testing::ScratchCluster;
using pgconn::testing::ScratchDirectory;
using ::testing::HasSubstr;

class NotedFile final : public ConfigurationFile {
 public:
  Result<void> write() override {
    written = true;
    return success();
  }
  void take_back() override { written = false; }
  bool written = false;
};

// Opened at once: there are no keys.
class PlainRepository final : public RepositoryToBe {
 public:
  explicit PlainRepository(store::ObjectStore& objects) : objects_(objects) {}
  store::ObjectStore& seen() override { return objects_; }
  Result<store::ObjectStore*> open(bool) override {
    ++opened;
    return &objects_;
  }
  int opened = 0;

 private:
  store::ObjectStore& objects_;
};

class Init : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<ScratchCluster>();
    server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    options_.pgdata = server_->pgdata();
    options_.repository_urls = {"memory:"};
    options_.program = "/opt/walkback";
    options_.config_path = "/etc/walkback/walkback.toml";
  }
  void TearDown() override {
    server_->sql("ALTER SYSTEM RESET ALL");
    server_->sql("SELECT pg_reload_conf()");
  }

  Result<InitReport> init(const std::string& role = "postgres") {
    pgconn::ConnectOptions how{.conninfo = server_->conninfo() + " user=" + role};
    auto connection = pgconn::connect(how).value();
    return run_init(options_, {*connection, system_files(), repository_, configuration_,
                               system_clock(), system_random(), silent_progress()});
  }
  static const ServerSetting& setting(const InitReport& report, const std::string& name) {
    for (const ServerSetting& setting : report.settings) {
      if (setting.name == name) return setting;
    }
    ADD_FAILURE() << "no " << name;
    return report.settings.front();
  }
  bool there_is_a_repository() { return repo::open_repository(*objects_).ok(); }

  static inline std::unique_ptr<ScratchCluster> server_;
  std::unique_ptr<store::ObjectStore> objects_ = store::make_memory_store();
  PlainRepository repository_{*objects_};
  NotedFile configuration_;
  InitOptions options_;
};

TEST_F(Init, ACopyOfTheClusterIsNotTheClusterThatAnswers) {
  ScratchDirectory copy;
  fs::create_directory(copy / "global");
  fs::copy(server_->pgdata() + "/global/pg_control", copy / "global/pg_control");
  options_.pgdata = copy.path();
  auto report = init();
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message, HasSubstr(server_->pgdata()));
  EXPECT_THAT(report.error().message, HasSubstr(copy.path()));
  EXPECT_FALSE(there_is_a_repository());
  EXPECT_FALSE(configuration_.written);
  EXPECT_EQ(repository_.opened, 0) << "no key is made for what is refused";
}

TEST_F(Init, TheSameDirectoryByAnotherNameIsTheSame) {
  ScratchDirectory place;
  fs::create_directory_symlink(server_->pgdata(), place / "link");
  options_.pgdata = place / "link";
  auto report = init();
  EXPECT_TRUE(report.ok()) << report.error().message;
  EXPECT_TRUE(configuration_.written);
}

TEST_F(Init, ARepositoryThatWasThereIsNotMadeAnewUnlessThatIsSaid) {
  options_.was_set_up_before = true;
  auto report = init();
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message, HasSubstr("no repository at memory:"));
  EXPECT_THAT(report.error().hint, HasSubstr("--new-repository"));
  EXPECT_FALSE(there_is_a_repository());
  options_.new_repository = true;
  EXPECT_TRUE(init()->repository_created);
  options_.new_repository = false;
  EXPECT_FALSE(init()->repository_created) << "one that is there needs no word";
}

TEST_F(Init, AServerThatArchivesWithThisConfigurationHadARepository) {
  server_->sql(
      "ALTER SYSTEM SET archive_command = '/opt/walkback --config /etc/walkback/walkback.toml x'");
  server_->sql("ALTER SYSTEM SET archive_mode = on");
  server_->stop();
  server_->start();
  auto report = init();
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message, HasSubstr("what the server archives with"));
  server_->sql("ALTER SYSTEM RESET ALL");
  server_->stop();
  server_->start();
  EXPECT_TRUE(init().ok());
}

TEST_F(Init, AnEmptyDirectoryIsAMountPointWithoutItsDisk) {
  ScratchDirectory place;
  options_.repository_urls = {"file://" + place.path()};
  options_.was_set_up_before = true;
  auto report = init();
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message, HasSubstr(place.path() + " is an empty directory"));
  EXPECT_THAT(report.error().message, HasSubstr("mounted?"));
  EXPECT_TRUE(check_is_mounted(system_files(), "s3://bucket/x").ok());
  EXPECT_TRUE(check_is_mounted(system_files(), "file:///nowhere/at/all").ok());
}

TEST_F(Init, ADirectoryThatIsGoneIsSaidToBeGone) {
  ScratchDirectory place;
  options_.repository_urls = {"file://" + place.path() + "/gone"};
  options_.was_set_up_before = true;
  auto report = init();
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().message,
            fmt::format("{0}/gone, where the repository should be, does not exist, and {0} is "
                        "empty: is its disk mounted?",
                        place.path()));
  EXPECT_THAT(report.error().hint, HasSubstr("was there already, so there was a repository"));
  EXPECT_THAT(report.error().hint, HasSubstr("--new-repository"));
}

TEST_F(Init, WhatTheServerHasIsRight) {
  server_->sql("ALTER SYSTEM SET archive_timeout = 30");
  server_->sql("SELECT pg_reload_conf()");
  for (int i = 0; i < 500 && *server_->sql("SHOW archive_timeout") != "30s"; ++i) usleep(10'000);
  EXPECT_EQ(setting(*init(), "archive_timeout").wanted, "30");
  options_.archive_timeout_s = 90;
  EXPECT_EQ(setting(*init(), "archive_timeout").wanted, "90");
}

TEST_F(Init, WhatAnotherProgramArchivesIsNotTakenFromItUnasked) {
  server_->sql("ALTER SYSTEM SET archive_command = 'pgbackrest archive-push %p'");
  server_->sql("SELECT pg_reload_conf()");
  ASSERT_TRUE(init().ok()) << "without --apply nothing is taken";
  options_.apply = true;
  auto report = init();
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message, HasSubstr("pgbackrest archive-push"));
  EXPECT_THAT(report.error().hint, HasSubstr("--replace-archive-command"));
  options_.replace_archive_command = true;
  EXPECT_TRUE(init()->applied);
}

TEST_F(Init, NorWhatWalkbackArchivesWithAnotherConfiguration) {
  server_->sql(
      "ALTER SYSTEM SET archive_command = "
      "'/opt/walkback --config /etc/other.toml --cluster main wal-push %p'");
  server_->sql("SELECT pg_reload_conf()");
  options_.apply = true;
  auto report = init();
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message, HasSubstr("/etc/other.toml"));
  EXPECT_THAT(report.error().hint, HasSubstr("--replace-archive-command"));
}

TEST_F(Init, WithoutAnArchiveTimeoutItIsAMinute) {
  EXPECT_EQ(setting(*init(), "archive_timeout").wanted, "60");
}

TEST_F(Init, WhatIsSetAndWaitsForARestartIsNotSetAgain) {
  options_.apply = true;
  ASSERT_TRUE(init()->restart_required);
  options_.apply = false;
  auto again = init();
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(again->restart_required);
  EXPECT_TRUE(setting(*again, "archive_mode").pending);
  EXPECT_FALSE(setting(*again, "archive_command").pending);
}

TEST_F(Init, WhereNoSettingCouldBeMadeTheConfigurationGoesAgain) {
  server_->sql("CREATE ROLE weak LOGIN");
  options_.apply = true;
  auto report = init("weak");
  ASSERT_FALSE(report.ok());
  EXPECT_FALSE(configuration_.written) << report.error().message;
  server_->sql("DROP ROLE weak");
}

TEST_F(Init, ItIsInTheHistory) {
  ASSERT_TRUE(init().ok());
  auto events = catalog::list_events(*objects_, "main").value();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, "init");
  EXPECT_TRUE(events[0].succeeded);
  EXPECT_THAT(events[0].detail, HasSubstr("a new repository"));
}

}  // namespace
}  // namespace walkback::setup
