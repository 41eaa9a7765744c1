// A live cluster and a recovered copy of it beside it, for tests that start real servers.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include "pgconn/testing/scratch_cluster.h"
#include "restore/recovered_settings.h"
#include "restore/server.h"

namespace walkback::restore::testing {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using pgconn::Value;
using pgconn::testing::ScratchCluster;
using pgconn::testing::ScratchDirectory;

inline std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::set<std::string> names_in(const std::string& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.insert(entry.path().filename());
  return names;
}

// The live cluster, with an archive and 100 payments; then they are all deleted. A base backup was
// taken in between.
class CopyBesideLive : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (geteuid() == 0) {
      Result<std::unique_ptr<CopyServer>> refused = start_copy({});
      ASSERT_FALSE(refused.ok());
      EXPECT_EQ(refused.error().kind, ErrorKind::kDenied);
      EXPECT_THAT(refused.error().hint, ::testing::HasSubstr("sudo -u postgres"));
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
    settings_.port = reserve_free_port()->port;
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

}  // namespace walkback::restore::testing
