// check against a real server: each thing that is wrong is found, and named with what to do.
#include "setup/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/control_file_reader.h"
#include "catalog/lineage.h"
#include "pgconn/testing/scratch_cluster.h"
#include "store/memory_store.h"

namespace walkback::setup {
namespace {

using pgconn::testing::ScratchCluster;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class CheckTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<ScratchCluster>();
    server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    const pg::ControlFile control =
        catalog::read_control_file(system_files(), server_->pgdata()).value().control;
    ASSERT_TRUE(catalog::register_lineage(*objects_, "main",
                                          {control.system_identifier, control.major,
                                           control.wal_segment_bytes, system_clock().now()})
                    .ok());
    asked_.pgdata = server_->pgdata();
    asked_.call = {"/opt/walkback", "/etc/walkback/walkback.toml", "main"};
    asked_.prove_archiving = false;
  }

  std::vector<Finding> check(const std::string& role = "postgres") {
    auto connection = pgconn::connect({.conninfo = server_->conninfo() + " user=" + role}).value();
    return check_server(
        asked_, {*connection, system_files(), *objects_, system_clock(), silent_progress()});
  }
  static Finding find(const std::vector<Finding>& findings, const std::string& what) {
    for (const Finding& finding : findings) {
      if (finding.what == what) return finding;
    }
    return {Level::kOk, what, "not looked at"};
  }

  static inline std::unique_ptr<ScratchCluster> server_;
  std::unique_ptr<store::ObjectStore> objects_ = store::make_memory_store();
  ServerToCheck asked_;
};

TEST_F(CheckTest, AServerThatArchivesNothingFails) {
  const auto findings = check();
  EXPECT_EQ(find(findings, "cluster").level, Level::kOk);
  EXPECT_EQ(find(findings, "archive_mode").level, Level::kFailed);
  EXPECT_THAT(find(findings, "archive_mode").hint, HasSubstr("walkback init --apply"));
  EXPECT_EQ(find(findings, "archive_timeout").level, Level::kWarning);
  EXPECT_EQ(find(findings, "rights").text, "the connection's user may take backups");
}

TEST_F(CheckTest, WhatIsSetAlreadyTakesARestartOnly) {
  server_->sql("ALTER SYSTEM SET archive_mode = on");
  server_->sql("SELECT pg_reload_conf()");
  const Finding finding = find(check(), "archive_mode");
  EXPECT_EQ(finding.level, Level::kFailed);
  EXPECT_EQ(finding.hint, "restart PostgreSQL");
  server_->sql("ALTER SYSTEM RESET archive_mode");
  server_->sql("SELECT pg_reload_conf()");
}

TEST_F(CheckTest, AnotherProgramsArchiveIsNamed) {
  server_->sql("ALTER SYSTEM SET archive_command = 'wal-g wal-push %p'");
  server_->sql("SELECT pg_reload_conf()");
  const Finding finding = find(check(), "archive_command");
  EXPECT_EQ(finding.level, Level::kFailed);
  EXPECT_THAT(finding.text, HasSubstr("wal-g wal-push"));
  EXPECT_THAT(finding.hint, HasSubstr("--replace-archive-command"));
  server_->sql("ALTER SYSTEM RESET archive_command");
  server_->sql("SELECT pg_reload_conf()");
}

TEST_F(CheckTest, AClusterThatTheRepositoryDoesNotKnowFails) {
  asked_.call.cluster = "other";
  const auto findings = check();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].level, Level::kFailed);
  EXPECT_FALSE(findings[0].hint.empty());
}

TEST_F(CheckTest, WhoMayNotTakeBackupsIsToldWhatToGrant) {
  server_->sql("CREATE ROLE weak LOGIN");
  const Finding finding = find(check("weak"), "rights");
  EXPECT_EQ(finding.level, Level::kFailed);
  EXPECT_THAT(finding.text, HasSubstr("weak in database postgres lacks pg_"));
  EXPECT_THAT(finding.hint, HasSubstr("`psql -d postgres -c 'GRANT EXECUTE ON FUNCTION pg_"));
  // The line as it stands, piece by piece: all of it is asked for, and nothing else.
  const size_t begin = finding.hint.find("GRANT");
  const std::string line = finding.hint.substr(begin, finding.hint.rfind('\'') - begin);
  const size_t second = line.find("; ");
  ASSERT_NE(second, std::string::npos) << line;
  server_->sql(line.substr(0, second));
  EXPECT_THAT(find(check("weak"), "rights").text,
              EndsWith("lacks the settings that pg_read_all_settings shows"));
  server_->sql(line.substr(second + 2));
  EXPECT_EQ(find(check("weak"), "rights").level, Level::kOk);
  server_->sql("DROP OWNED BY weak");
  server_->sql("DROP ROLE weak");
}

TEST_F(CheckTest, WhoMayOnlyBeginABackupMayNotTakeOne) {
  const bool anew = server_->sql("SHOW server_version_num").value() >= "150000";
  server_->sql("CREATE ROLE half LOGIN IN ROLE pg_monitor");
  server_->sql(anew ? "GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean) TO half"
                    : "GRANT EXECUTE ON FUNCTION pg_start_backup(text, boolean, boolean) TO half");
  const Finding finding = find(check("half"), "rights");
  EXPECT_EQ(finding.level, Level::kFailed);
  EXPECT_THAT(finding.text, HasSubstr(anew ? "lacks pg_backup_stop" : "lacks pg_stop_backup"));
  server_->sql("DROP OWNED BY half");
  server_->sql("DROP ROLE half");
}

TEST(CheckConformance, AGoodStorePassesAndIsLeftAsItWas) {
  const auto objects = store::make_memory_store();
  const auto findings = check_conformance(*objects, system_random());
  EXPECT_GT(findings.size(), 10u);
  for (const Finding& finding : findings) EXPECT_EQ(finding.level, Level::kOk) << finding.text;
  EXPECT_TRUE(objects
                  ->list("", "",
                         [](const store::ObjectInfo&) {
                           ADD_FAILURE() << "something is left";
                           return false;
                         })
                  .ok());
}

}  // namespace
}  // namespace walkback::setup
