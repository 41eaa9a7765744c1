#include "restore/recovered_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "pg/configuration.h"
#include "pgconn/testing/scratch_cluster.h"
#include "restore/own_settings.h"

namespace walkback::restore {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kGiB = 1u << 30;

// A restored directory, and what the recovered copy in it would be set to.
class RecoveredSettings : public ::testing::Test {
 protected:
  void SetUp() override {
    copy_.data_directory = scratch_.path();
    copy_.port = 5555;
    copy_.socket_directory = "/tmp/socket";
    copy_.restore_command = "'/opt/walk back' wal-get %f %p";
    copy_.target_lsn = {0x1'2345'6780};
    copy_.target_timeline = {3};
    copy_.server_version_num = 150018;
    copy_.library_directory = scratch_ / "lib";
    copy_.host_memory_bytes = 8 * kGiB;
    fs::create_directories(scratch_ / "lib");
  }

  void has(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(scratch_ / name).parent_path());
    std::ofstream(scratch_ / name) << text;
  }
  std::string text(const std::string& name) {
    std::ifstream file(scratch_ / name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void make_copy() {
    Result<std::vector<SettingChange>> changes = write_copy_settings(system_files(), copy_);
    ASSERT_TRUE(changes.ok()) << changes.error().message;
    changes_ = *changes;
  }
  void adopt() {
    Result<void> adopted = remove_copy_settings(system_files(), scratch_.path());
    ASSERT_TRUE(adopted.ok()) << adopted.error().message;
  }
  // As a server would see it; "(not set)" when no file does.
  std::string setting(std::string_view name) {
    Result<OwnConfiguration> own = read_own_configuration(system_files(), scratch_.path());
    EXPECT_TRUE(own.ok() && own->unreadable.empty()) << "no server would start with this";
    return own->settings.value_or(name, "(not set)");
  }
  // Why it was changed; "" when it was not, or is not worth a word.
  std::string change(std::string_view name) {
    for (const SettingChange& change : changes_) {
      if (change.name == name) return change.why;
    }
    return "";
  }

  pgconn::testing::ScratchDirectory scratch_;
  CopySettings copy_;
  std::vector<SettingChange> changes_;
};

TEST_F(RecoveredSettings, NobodyReachesAScratchServerAndItReachesNobody) {
  has("postgresql.conf",
      "listen_addresses = '*'\nssl = on\narchive_mode = always\narchive_command = 'cp %p /srv'\n"
      "primary_conninfo = 'host=db1'\nautovacuum = on\nmax_wal_size = 50GB\nmin_wal_size = 8GB\n"
      "wal_keep_size = 100GB\nsession_preload_libraries = 'auto_explain'\n");
  has("lib/auto_explain.so", "");
  copy_.scratch = true;
  make_copy();
  EXPECT_EQ(setting("listen_addresses"), "");
  EXPECT_EQ(setting("ssl"), "off");
  EXPECT_EQ(setting("archive_mode"), "off");
  EXPECT_EQ(setting("archive_command"), "");
  EXPECT_EQ(setting("primary_conninfo"), "");
  EXPECT_EQ(setting("autovacuum"), "off");
  EXPECT_EQ(setting("max_wal_size"), "1024MB");
  EXPECT_EQ(setting("min_wal_size"), "1024MB");
  EXPECT_EQ(setting("wal_keep_size"), "0");
  EXPECT_EQ(setting("session_preload_libraries"), "");
  EXPECT_EQ(setting("unix_socket_permissions"), "0700");
}

TEST_F(RecoveredSettings, OfLargeSegmentsAScratchServerKeepsEnoughToStart) {
  has("postgresql.conf", "max_wal_size = 64GB\n");
  copy_.scratch = true;
  copy_.wal_segment_bytes = 1u << 30;
  make_copy();
  EXPECT_EQ(setting("max_wal_size"), "4096MB");
}

TEST_F(RecoveredSettings, AScratchServerLoadsWhatIsNeededToReadAndNothingElse) {
  has("postgresql.conf",
      "shared_preload_libraries = 'pg_stat_statements, own_rmgr, timescaledb, pgsodium'\n");
  using namespace std::string_literals;
  has("lib/pg_stat_statements.so", "ProcessUtility_hook\0"s);
  has("lib/pgsodium.so", "check_password_hook\0"s);
  has("lib/own_rmgr.so", "RegisterCustomRmgr\0"s);
  has("lib/timescaledb.so", "RegisterBackgroundWorker\0"s);
  make_copy();
  EXPECT_EQ(setting("shared_preload_libraries"),
            "pg_stat_statements, own_rmgr, timescaledb, pgsodium")
      << "a copy loads them";
  copy_.scratch = true;
  fs::remove(scratch_ / "postgresql.auto.conf");
  make_copy();
  EXPECT_EQ(setting("shared_preload_libraries"), "\"own_rmgr\", \"timescaledb\"");
}

TEST_F(RecoveredSettings, AStoppedCopyIsSentOnToALaterTarget) {
  has("postgresql.conf", "max_connections = 300\n");
  copy_.action = RecoveryAction::kPause;
  make_copy();
  LaterTarget later;
  later.target_lsn = {0x2'0000'0028};
  later.target_inclusive = true;
  later.target_timeline = {4};
  later.at_least = {100, 8, 10, 20, 64};
  ASSERT_TRUE(set_later_target(system_files(), scratch_.path(), later).ok());
  EXPECT_EQ(setting("recovery_target_lsn"), "2/28");
  EXPECT_EQ(setting("recovery_target_inclusive"), "on");
  EXPECT_EQ(setting("recovery_target_timeline"), "4");
  EXPECT_EQ(setting("recovery_target_action"), "promote");
  EXPECT_EQ(setting("max_connections"), "300") << "never less than it had";
  EXPECT_EQ(setting("max_prepared_transactions"), "20");
  EXPECT_EQ(setting("archive_mode"), "off");
}

TEST_F(RecoveredSettings, NothingOfTheCopyReachesTheOriginal) {
  has("postgresql.conf",
      "data_directory = '/live'\nhba_file = '/live/pg_hba.conf'\nexternal_pid_file = "
      "'/run/live.pid'\n"
      "archive_mode = on\nlogging_collector = on\nlisten_addresses = '*'\nport = 5432\n"
      "synchronous_standby_names = 'other'\nrecovery_end_command = 'rm -rf /live'\n"
      "promote_trigger_file = '/tmp/promote'\n");
  has("postgresql.auto.conf",
      "archive_command = 'walkback wal-push %p'\nprimary_conninfo = 'host=live'\nident_file = "
      "'/live/i'\n");
  has("standby.signal", "");
  make_copy();
  EXPECT_EQ(setting("data_directory"), scratch_.path());
  EXPECT_EQ(setting("hba_file"), scratch_ / "pg_hba.conf");
  EXPECT_EQ(setting("ident_file"), scratch_ / "pg_ident.conf");
  for (const char* name :
       {"external_pid_file", "archive_command", "archive_library", "primary_conninfo",
        "synchronous_standby_names", "recovery_end_command", "promote_trigger_file"}) {
    EXPECT_EQ(setting(name), "") << name;
  }
  EXPECT_EQ(setting("archive_mode"), "off");
  EXPECT_EQ(setting("logging_collector"), "off");
  EXPECT_EQ(setting("max_logical_replication_workers"), "0");
  EXPECT_EQ(setting("listen_addresses"), "localhost");
  EXPECT_EQ(setting("port"), "5555");
  EXPECT_FALSE(fs::exists(scratch_ / "standby.signal"));
  EXPECT_TRUE(fs::exists(scratch_ / "recovery.signal"));
  EXPECT_THAT(change("archive_mode"), HasSubstr("never archives"));
  EXPECT_EQ(change("max_logical_replication_workers"), "") << "nobody had set it";
}

TEST_F(RecoveredSettings, OfFilesThatNobodyMovedNothingIsSaid) {
  has("postgresql.conf", "hba_file = '/etc/postgresql/15/main/pg_hba.conf'\n");
  make_copy();
  EXPECT_EQ(setting("hba_file"), scratch_ / "pg_hba.conf");
  EXPECT_THAT(text("postgresql.auto.conf"), Not(HasSubstr("hba_file")))
      << "it would win over /etc's once the copy is the cluster";
  adopt();
  EXPECT_EQ(setting("hba_file"), scratch_ / "pg_hba.conf") << "the one beside it";
  EXPECT_EQ(setting("ident_file"), "(not set)");
  EXPECT_EQ(setting("data_directory"), "(not set)");
}

TEST_F(RecoveredSettings, AccessFilesThatAreNotHereAreLeftOut) {
  copy_.server_version_num = 160004;
  has("pg_hba.conf", "local all all peer\ninclude /etc/nowhere/more.conf\n");
  has("pg_ident.conf", "include_dir maps.d\n");
  make_copy();
  EXPECT_EQ(text("pg_hba.conf"),
            "local all all peer\n"
            "# walkback: left out of the copy: include /etc/nowhere/more.conf\n");
  EXPECT_THAT(change("pg_hba.conf: include /etc/nowhere/more.conf"), HasSubstr("not on this host"));
  EXPECT_THAT(change("pg_ident.conf: include_dir maps.d"), HasSubstr("not on this host"));
}

TEST_F(RecoveredSettings, TheTargetIsAssignedAfterAllOthersAreCleared) {
  has("postgresql.conf", "recovery_target_time = '2020-01-01'\nrecovery_min_apply_delay = '1h'\n");
  make_copy();
  EXPECT_EQ(setting("recovery_target_time"), "");
  EXPECT_EQ(setting("recovery_target_lsn"), "1/23456780");
  EXPECT_EQ(setting("recovery_target_inclusive"), "off");
  EXPECT_EQ(setting("recovery_target_timeline"), "3");
  EXPECT_EQ(setting("recovery_target_action"), "promote");
  EXPECT_EQ(setting("restore_command"), "'/opt/walk back' wal-get %f %p");
  EXPECT_EQ(setting("recovery_min_apply_delay"), "0");
  EXPECT_EQ(setting("recovery_prefetch"), "off") << "it reads what lies behind the target";
  std::string written = text("postgresql.auto.conf");
  for (const char* other : {"recovery_target ", "recovery_target_name", "recovery_target_xid"}) {
    EXPECT_LT(written.find(other), written.find("recovery_target_lsn")) << other;
  }
}

TEST_F(RecoveredSettings, OnlySettingsThatTheVersionKnowsAreWritten) {
  copy_.server_version_num = 130000;
  make_copy();
  EXPECT_EQ(setting("recovery_init_sync_method"), "(not set)");
  EXPECT_EQ(setting("archive_library"), "(not set)");
  EXPECT_EQ(setting("stats_temp_directory"), "pg_stat_tmp");
  copy_.server_version_num = 170002;
  fs::remove(scratch_ / "postgresql.auto.conf");
  make_copy();
  EXPECT_EQ(setting("recovery_init_sync_method"), "syncfs");
  EXPECT_EQ(setting("sync_replication_slots"), "off");
  EXPECT_EQ(setting("promote_trigger_file"), "(not set)");
  EXPECT_EQ(setting("stats_temp_directory"), "(not set)");
}

TEST_F(RecoveredSettings, WithoutAPostgresqlConfAMinimalOneIsMade) {
  make_copy();
  EXPECT_TRUE(fs::exists(scratch_ / "postgresql.conf"));
  EXPECT_THAT(text("pg_hba.conf"), HasSubstr("local all all peer"));
  EXPECT_TRUE(fs::exists(scratch_ / "pg_ident.conf"));
}

TEST_F(RecoveredSettings, WhatCannotBeReadHereIsLeftOutAndTheRestStays) {
  has("postgresql.conf",
      "work_mem = 5MB\n"
      "include '/etc/nowhere/extra.conf'\n"
      "include_dir 'conf.d'\n"
      "include_if_exists 'maybe.conf'\n"
      "include 'here.conf'\n"
      "this is no setting !\n");
  has("here.conf", "maintenance_work_mem = 77MB\n");
  make_copy();
  EXPECT_EQ(setting("work_mem"), "5MB");
  EXPECT_EQ(setting("maintenance_work_mem"), "77MB");
  EXPECT_THAT(text("postgresql.conf"),
              HasSubstr("# walkback: left out of the copy: include_dir 'conf.d'\n"));
  EXPECT_THAT(change("include '/etc/nowhere/extra.conf'"), HasSubstr("not on this host"));
  EXPECT_THAT(change("this is no setting !"), HasSubstr("not a setting"));
}

TEST_F(RecoveredSettings, AnIncludeThatIncludesWhatIsNotHereIsLeftOutWhole) {
  has("postgresql.conf", "include_dir 'conf.d'\n");
  has("conf.d/a.conf", "work_mem = 9MB\n");
  has("conf.d/b.conf", "include 'missing.conf'\n");
  has("conf.d/.hidden.conf", "!!!\n");
  make_copy();
  EXPECT_EQ(setting("work_mem"), "(not set)");
  EXPECT_THAT(change("include_dir 'conf.d'"), HasSubstr("missing.conf is not on this host"));
}

TEST_F(RecoveredSettings, MemoryLargerThanTheHostIsScaled) {
  has("postgresql.conf",
      "shared_buffers = 64GB\nhuge_pages = on\nmaintenance_work_mem = 4GB\nwork_mem = 4MB\n");
  make_copy();
  EXPECT_EQ(setting("shared_buffers"), "1024MB");
  EXPECT_EQ(setting("maintenance_work_mem"), "256MB");
  EXPECT_EQ(setting("work_mem"), "4MB");
  EXPECT_EQ(setting("huge_pages"), "try");
  EXPECT_THAT(change("shared_buffers"), HasSubstr("8192 MB"));
}

TEST_F(RecoveredSettings, MemoryThatFitsIsTheClustersOwn) {
  has("postgresql.conf", "shared_buffers = 2GB\n");
  make_copy();
  EXPECT_EQ(setting("shared_buffers"), "2GB");
}

TEST_F(RecoveredSettings, LimitsAreAtLeastWhatTheWalWasWrittenWith) {
  has("postgresql.conf", "max_connections = 50\nmax_wal_senders = 0x20\n");
  copy_.at_least = {.max_connections = 500,
                    .max_worker_processes = 8,
                    .max_wal_senders = 10,
                    .max_prepared_transactions = 7,
                    .max_locks_per_transaction = 64};
  make_copy();
  EXPECT_EQ(setting("max_connections"), "500");
  EXPECT_EQ(setting("max_wal_senders"), "0x20");
  EXPECT_EQ(setting("max_prepared_transactions"), "7");
  EXPECT_EQ(setting("max_worker_processes"), "(not set)");
  EXPECT_NE(change("max_prepared_transactions"), "");
}

TEST_F(RecoveredSettings, LibrariesThatAreMissingOrActAreNotLoaded) {
  has("lib/pg_stat_statements.so", "x");
  has("lib/pg_cron.so", std::string("\0RegisterBackgroundWorker\0", 26));
  has("postgresql.conf",
      "shared_preload_libraries = 'pg_stat_statements, pg_cron, gone'\n"
      "session_preload_libraries = 'gone_too'\n");
  make_copy();
  EXPECT_EQ(setting("shared_preload_libraries"), "\"pg_stat_statements\"");
  EXPECT_EQ(setting("session_preload_libraries"), "");
  EXPECT_EQ(change("shared_preload_libraries"),
            "not on this host: gone; would act by itself: pg_cron");
  adopt();
  EXPECT_EQ(setting("shared_preload_libraries"), "\"pg_stat_statements\", \"pg_cron\"")
      << "the cluster's own again, as far as it is here";
}

TEST_F(RecoveredSettings, TimescaledbIsLoadedAndItsJobsAreNot) {
  has("lib/timescaledb.so", std::string("\0RegisterBackgroundWorker\0", 26));
  has("postgresql.conf", "shared_preload_libraries = 'timescaledb'\n");
  make_copy();
  EXPECT_EQ(setting("shared_preload_libraries"), "timescaledb");
  EXPECT_EQ(setting("timescaledb.max_background_workers"), "0");
}

TEST_F(RecoveredSettings, WhatThisHostDoesNotHaveDoesNotStopTheServer) {
  has("postgresql.conf",
      "ssl = on\nssl_cert_file = '/nowhere/server.crt'\nlc_messages = 'xx_XX.UTF-8'\n"
      "lc_time = 'C'\nunix_socket_group = 'nobody-has-this'\n");
  make_copy();
  EXPECT_EQ(setting("ssl"), "off");
  EXPECT_EQ(setting("lc_messages"), "C");
  EXPECT_EQ(setting("unix_socket_group"), "");
  EXPECT_EQ(change("lc_time"), "");
}

TEST_F(RecoveredSettings, SslStaysWhereItsFilesAre) {
  has("postgresql.conf", "ssl = on\n");
  has("server.crt", "");
  has("server.key", "");
  make_copy();
  EXPECT_EQ(setting("ssl"), "on");
}

TEST_F(RecoveredSettings, TheOwnerGetsInWhereAPasswordWouldBeAsked) {
  has("pg_hba.conf", "# TYPE\nlocal all all md5\n");
  make_copy();
  std::string access = text("pg_hba.conf");
  EXPECT_THAT(access, HasSubstr("peer\n# TYPE\nlocal all all md5\n"));
  adopt();
  EXPECT_EQ(text("pg_hba.conf"), "# TYPE\nlocal all all md5\n");
}

TEST_F(RecoveredSettings, WhereTheOwnerGetsInAnywayNothingIsAdded) {
  has("pg_hba.conf", "local replication all peer\nlocal   all   all   trust # yes\n");
  std::string before = text("pg_hba.conf");
  make_copy();
  EXPECT_EQ(text("pg_hba.conf"), before);
}

TEST_F(RecoveredSettings, AdoptingBringsBackTheClustersOwn) {
  has("postgresql.conf", "archive_mode = on\nport = 5432\nexternal_pid_file = '/run/own.pid'\n");
  has("postgresql.auto.conf",
      "archive_command = 'own'\nlisten_addresses = 'localhost'\nshared_buffers = '64GB'\n");
  make_copy();
  EXPECT_TRUE(*is_recovered_copy(system_files(), scratch_.path()));
  adopt();
  EXPECT_FALSE(*is_recovered_copy(system_files(), scratch_.path()));
  EXPECT_EQ(setting("archive_mode"), "on");
  EXPECT_EQ(setting("archive_command"), "own");
  EXPECT_EQ(setting("port"), "5432");
  EXPECT_EQ(setting("listen_addresses"), "localhost");
  EXPECT_EQ(setting("external_pid_file"), "/run/own.pid");
  EXPECT_EQ(setting("recovery_target_lsn"), "(not set)");
  EXPECT_EQ(setting("cluster_name"), "(not set)");
  EXPECT_EQ(setting("data_directory"), "(not set)") << "it never was";
  EXPECT_EQ(setting("shared_buffers"), "1024MB") << "this host is no larger than before";
  EXPECT_THAT(text("postgresql.conf") + text("postgresql.auto.conf"), Not(HasSubstr("walkback: ")));
  std::string once = text("postgresql.auto.conf");
  adopt();
  EXPECT_EQ(text("postgresql.auto.conf"), once);
}

TEST_F(RecoveredSettings, AdoptingRespectsWhatAlterSystemDidSince) {
  has("postgresql.auto.conf", "archive_command = 'own'\nmax_connections = '100'\n");
  make_copy();
  // ALTER SYSTEM writes every setting anew, without comments, and the changed one at the end.
  pg::Configuration rewritten;
  const pg::Configuration before = pg::Configuration::parse(text("postgresql.auto.conf"));
  for (const pg::ConfigurationLine& line : before.lines()) {
    if (line.kind == pg::ConfigurationLineKind::kSetting && line.name != "cluster_name") {
      rewritten.append(line.name, line.value);
    }
  }
  rewritten.append("cluster_name", "mine");
  has("postgresql.auto.conf", rewritten.text());
  adopt();
  EXPECT_EQ(setting("cluster_name"), "mine");
  EXPECT_EQ(setting("archive_command"), "own");
  EXPECT_EQ(setting("archive_mode"), "(not set)");
}

TEST_F(RecoveredSettings, AnAdoptionThatWasCutOffIsDoneAgain) {
  has("postgresql.auto.conf", "archive_command = 'own'\nlisten_addresses = 'localhost'\n");
  make_copy();
  std::string record = text("walkback.copy.conf");
  adopt();
  std::string once = text("postgresql.auto.conf");
  has("walkback.copy.conf", record);  // power went before it was removed
  adopt();
  EXPECT_EQ(text("postgresql.auto.conf"), once);
}

}  // namespace
}  // namespace walkback::restore
