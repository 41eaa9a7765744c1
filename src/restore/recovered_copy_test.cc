// A recovered copy on a real server, beside the cluster it came from and with settings that would
// harm it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "pgconn/testing/scratch_cluster.h"
#include "restore/recovered_settings.h"
#include "restore/server.h"
#include "restore/target_directory.h"

namespace walkback::restore {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using pgconn::Value;
using pgconn::testing::ScratchCluster;
using pgconn::testing::ScratchDirectory;
using ::testing::AnyOf;
using ::testing::HasSubstr;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::set<std::string> names_in(const std::string& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.insert(entry.path().filename());
  return names;
}

// The live cluster, with an archive and 100 payments; then they are all deleted. A base backup was
// taken in between.
class RecoveredCopy : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (geteuid() == 0) {
      Result<std::unique_ptr<CopyServer>> refused = start_copy({});
      ASSERT_FALSE(refused.ok());
      EXPECT_EQ(refused.error().kind, ErrorKind::kDenied);
      EXPECT_THAT(refused.error().hint, HasSubstr("sudo -u postgres"));
      // PostgreSQL must not be started by root: from here on this is what a user would run.
      pgconn::testing::become_owner();
    }
    live_ = std::make_unique<ScratchCluster>();
    place_ = std::make_unique<ScratchDirectory>();
    for (const char* name : {"archive", "log"}) fs::create_directory(path(name));
    live_->configure("data_directory = '" + live_->pgdata() + "'\nhba_file = '" + live_->pgdata() +
                     "/pg_hba.conf'\nexternal_pid_file = '" + path("live.pid") +
                     "'\nwal_level = logical\nmax_connections = 150\narchive_mode = on\n"
                     "logging_collector = on\nlog_directory = '" +
                     path("log") + "'\nprimary_conninfo = '" + live_->conninfo() +
                     "'\nrecovery_end_command = 'touch " + path("recovery_ended") + "'\n");
    live_->start();
    // As `walkback init --apply` would: in postgresql.auto.conf.
    live_->sql("ALTER SYSTEM SET archive_command = 'cp %p " + path("archive") + "/%f'");
    live_->sql("SELECT pg_reload_conf()");
    subscribe_to_itself();
    live_->sql("CREATE TABLE public.payments AS SELECT generate_series(1, 100) AS id");
    pgconn::testing::run_as_owner_or_throw({ScratchCluster::binaries() + "/pg_basebackup", "-d",
                                            live_->conninfo(), "-D", path("backup"), "-X", "none",
                                            "-c", "fast", "--no-sync"});
    live_->sql("INSERT INTO public.payments VALUES (101)");
    before_delete_ = pg::Lsn::parse(*live_->sql("SELECT pg_current_wal_insert_lsn()")).value();
    live_->sql("DELETE FROM public.payments");
    archive_all(*live_);
  }
  static void TearDownTestSuite() {
    live_.reset();
    place_.reset();
  }

  // A subscription that is enabled, to a slot of this very cluster.
  static void subscribe_to_itself() {
    live_->sql("CREATE DATABASE source");
    live_->sql("CREATE TABLE public.events (id int PRIMARY KEY)", "source");
    live_->sql("CREATE PUBLICATION events FOR ALL TABLES", "source");
    live_->sql("SELECT pg_create_logical_replication_slot('events', 'pgoutput')", "source");
    live_->sql("CREATE TABLE public.events (id int PRIMARY KEY)");
    live_->sql("CREATE SUBSCRIPTION events CONNECTION '" + live_->conninfo("source") +
               "' PUBLICATION events WITH (create_slot = false, slot_name = 'events')");
  }

  static void archive_all(ScratchCluster& cluster) {
    Value segment = cluster.sql("SELECT pg_walfile_name(pg_switch_wal())");
    for (int i = 0; i < 3000 && !fs::exists(path("archive/" + *segment)); ++i)
      std::this_thread::sleep_for(10ms);
  }

  static std::string path(const std::string& name) { return *place_ / name; }

  void SetUp() override {
    fs::copy(path("backup"), path("copy"),
             fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    settings_.data_directory = path("copy");
    settings_.port = *choose_free_port();
    settings_.socket_directory = path("copy");
    settings_.restore_command = "cp " + path("archive") + "/%f %p";
    settings_.target_lsn = before_delete_;
    settings_.target_timeline = {1};
    settings_.server_version_num = 150000;
    settings_.library_directory = *find_library_directory(ScratchCluster::binaries());
    settings_.host_memory_bytes = uint64_t{2} << 30;
    settings_.at_least.max_connections = 150;
  }
  void TearDown() override {
    if (server_ != nullptr) {
      EXPECT_TRUE(server_->stop().ok());
    }
    fs::remove_all(path("copy"));
  }

  void copy_has(const std::string& name, const std::string& lines) {
    std::ofstream(path("copy/" + name), std::ios::app) << lines;
  }
  void start() {
    ASSERT_TRUE(write_copy_settings(system_files(), settings_).ok());
    ServerOptions options;
    options.binaries = ScratchCluster::binaries();
    options.data_directory = settings_.data_directory;
    options.port = settings_.port;
    options.socket_directory = settings_.socket_directory;
    options.log_file = path("copy/walkback-recovery.log");
    options.server_version_num = settings_.server_version_num;
    options.patience = 1s;
    Result<std::unique_ptr<CopyServer>> server = start_copy(options);
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(server).value();
  }
  // Until the server is where `done` says, or has something to complain about.
  template <typename Done>
  Result<ReplayState> follow(Done done) {
    for (int i = 0; i < 3000; ++i) {
      Result<ReplayState> state = server_->state();
      if (!state.ok() || (state->accepting_connections && done(*state))) return state;
      std::this_thread::sleep_for(20ms);
    }
    return make_error(ErrorKind::kTransient,
                      "it never came: " + text_of(path("copy/walkback-recovery.log")));
  }
  Value ask(const std::string& sql) {
    pgconn::ConnectOptions how;
    how.conninfo = "host=" + settings_.socket_directory +
                   " port=" + std::to_string(settings_.port) + " user=postgres dbname=postgres";
    auto session = pgconn::connect(how);
    if (!session.ok()) return session.error().message;
    auto answer = (*session)->query(sql);
    return answer.ok() ? answer->rows.at(0).at(0) : Value(answer.error().message);
  }

  static inline std::unique_ptr<ScratchCluster> live_;
  static inline std::unique_ptr<ScratchDirectory> place_;
  static inline pg::Lsn before_delete_;
  CopySettings settings_;
  std::unique_ptr<CopyServer> server_;
};

TEST_F(RecoveredCopy, ReachesItsTargetAndTouchesNothingLive) {
  copy_has("postgresql.conf",
           "shared_buffers = 64GB\nhuge_pages = on\nmax_connections = 20\n"
           "shared_preload_libraries = 'no_such_library, pg_stat_statements'\n"
           "include '/no/such/file.conf'\ninclude_dir 'no.such.d'\nlc_messages = 'xx_XX.UTF-8'\n"
           "unix_socket_group = 'no-such-group'\nssl = on\nssl_cert_file = '/no/such.crt'\n");
  const std::set<std::string> archived = names_in(path("archive"));
  const std::set<std::string> logs = names_in(path("log"));
  const std::string live_pid = text_of(path("live.pid"));
  ASSERT_FALSE(live_pid.empty());
  start();
  auto promoted = follow([](const ReplayState& state) { return !state.in_recovery; });
  ASSERT_TRUE(promoted.ok()) << promoted.error().message;
  EXPECT_LE(promoted->replayed, before_delete_);
  EXPECT_TRUE(promoted->last_commit.has_value());
  EXPECT_EQ(ask("SELECT count(*) FROM public.payments"), Value("101"));
  EXPECT_EQ(ask("SHOW cluster_name"), Value("recovered copy"));
  EXPECT_EQ(ask("SHOW shared_preload_libraries"), Value("\"pg_stat_statements\""));
  EXPECT_EQ(
      ask("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'logical replication%'"),
      Value("0"));
  EXPECT_EQ(ask("SELECT subenabled FROM pg_subscription"), Value("t")) << "or nothing was shown";
  EXPECT_EQ(ask("SELECT pg_switch_wal() IS NOT NULL"), Value("t"));
  EXPECT_EQ(ask("SHOW archive_mode"), Value("off"));
  ASSERT_TRUE(server_->stop().ok());
  EXPECT_EQ(names_in(path("archive")), archived);
  EXPECT_EQ(names_in(path("log")), logs);
  EXPECT_EQ(text_of(path("live.pid")), live_pid);
  EXPECT_FALSE(fs::exists(path("recovery_ended")));
  EXPECT_EQ(live_->sql("SELECT count(*) FROM public.payments"), Value("0"));
  EXPECT_EQ(live_->sql("SELECT active::text FROM pg_replication_slots"), Value("true"));
}

TEST_F(RecoveredCopy, StandsAtItsTargetWhenItIsToPause) {
  settings_.action = RecoveryAction::kPause;
  start();
  auto paused = follow([](const ReplayState& state) { return state.paused; });
  ASSERT_TRUE(paused.ok()) << paused.error().message;
  EXPECT_TRUE(paused->in_recovery);
  EXPECT_EQ(ask("SELECT count(*) FROM public.payments"), Value("101"));
}

TEST_F(RecoveredCopy, IsEnteredOverTheSocketThoughPasswordsAreAsked) {
  std::ofstream(path("copy/pg_hba.conf")) << "local all all scram-sha-256\n";
  start();
  auto promoted = follow([](const ReplayState& state) { return !state.in_recovery; });
  EXPECT_TRUE(promoted.ok()) << promoted.error().message;
}

TEST_F(RecoveredCopy, ThatHasExitedTellsItsLastWords) {
  copy_has("postgresql.conf", "no_such_setting = 1\n");
  start();
  auto state = follow([](const ReplayState&) { return true; });
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.error().kind, ErrorKind::kIo);
  EXPECT_THAT(state.error().message, HasSubstr("FATAL:  configuration file"));
  EXPECT_THAT(state.error().hint, HasSubstr("walkback-recovery.log"));
  EXPECT_TRUE(server_->stop().ok()) << "stopping what is gone is no failure";
}

TEST_F(RecoveredCopy, WithTooSmallLimitsSaysWhichOne) {
  copy_has("postgresql.conf", "max_connections = 20\n");
  settings_.at_least.max_connections = 0;  // as if nobody had looked
  start();
  auto state = follow([](const ReplayState& s) { return !s.in_recovery || s.paused; });
  // PostgreSQL ends recovery at once or pauses it, as it has become consistent or not.
  if (!state.ok()) {
    EXPECT_THAT(state.error().message, HasSubstr("max_connections = 20"));
  }
  EXPECT_TRUE(!state.ok() || state->paused);
}

TEST_F(RecoveredCopy, ThatLetsNobodyInIsDenied) {
  start();
  server_->stop().value();
  std::ofstream(path("copy/pg_hba.conf")) << "local all all reject\n";
  settings_.target_lsn = {};
  ServerOptions options{.binaries = ScratchCluster::binaries(),
                        .data_directory = settings_.data_directory,
                        .port = settings_.port,
                        .socket_directory = settings_.socket_directory,
                        .log_file = path("copy/walkback-recovery.log"),
                        .server_version_num = 150000,
                        .patience = 300ms};
  server_ = start_copy(options).value();
  auto state = follow([](const ReplayState&) { return true; });
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.error().kind, ErrorKind::kDenied);
  EXPECT_THAT(state.error().hint, HasSubstr("psql"));
}

}  // namespace
}  // namespace walkback::restore
