// A recovered copy on a real server, beside the cluster it came from and with settings that would
// harm it.
#include "restore/testing/copy_beside_live.h"

namespace walkback::restore {
namespace {

using namespace testing;
using ::testing::HasSubstr;

class RecoveredCopy : public CopyBesideLive {};

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
