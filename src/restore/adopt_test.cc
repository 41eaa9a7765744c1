#include "restore/adopt.h"

#include <fstream>

#include "catalog/control_file_reader.h"
#include "catalog/events.h"
#include "catalog/lineage.h"
#include "catalog/wal_archive.h"
#include "restore/own_settings.h"
#include "restore/testing/copy_beside_live.h"
#include "store/memory_store.h"

namespace walkback::restore {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Notes final : public Progress {
 public:
  void begin(std::string_view, uint64_t) override {}
  void add_bytes(uint64_t) override {}
  void detail(std::string_view) override {}
  void note(std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

// An empty repository that knows the cluster, and a copy of it that is to become it.
class Adopt : public CopyBesideLive {
 protected:
  void SetUp() override {
    CopyBesideLive::SetUp();
    const pg::ControlFile control =
        catalog::read_control_file(system_files(), live_->pgdata()).value().control;
    lineage_ = {control.system_identifier, control.major, control.wal_segment_bytes, {}};
    ASSERT_TRUE(catalog::register_lineage(*objects_, "main", lineage_).ok());
  }

  void promote() {
    start();
    auto promoted = follow([](const ReplayState& state) { return !state.in_recovery; });
    ASSERT_TRUE(promoted.ok()) << promoted.error().message;
  }
  // Writes WAL to the end of a segment, whose name is returned.
  std::string finish_segment() {
    ask("SELECT pg_logical_emit_message(false, 'test', 'x')");
    return *ask("SELECT pg_walfile_name(pg_switch_wal())");
  }
  Result<AdoptReport> adopt() {
    return run_adopt({.cluster = "main",
                      .pgdata = path("copy"),
                      .configured_pgdata = live_->pgdata(),
                      .program = "/opt/walkback",
                      .config_path = "/etc/walkback/walkback.toml",
                      .server_binaries = ScratchCluster::binaries()},
                     {system_files(), *objects_, system_clock(), system_random(), notes_});
  }
  bool archived(const std::string& name) {
    return catalog::WalArchive(*objects_, "main", lineage_).has(name).value();
  }
  std::string setting(std::string_view name) {
    return read_own_configuration(system_files(), path("copy")).value().settings.value_or(name, "");
  }

  std::unique_ptr<store::ObjectStore> objects_ = store::make_memory_store();
  catalog::Lineage lineage_;
  Notes notes_;
};

TEST_F(Adopt, ARunningCopyBecomesTheClusterWithItsWal) {
  promote();
  const std::string first = finish_segment();
  const std::string second = finish_segment();
  ask("SELECT pg_logical_emit_message(true, 'test', 'x')");
  const std::string current = *ask("SELECT pg_walfile_name(pg_current_wal_lsn())");
  auto report = adopt();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->timeline.value, 2u);
  EXPECT_TRUE(report->restart_required);
  EXPECT_TRUE(archived("00000002.history"));
  EXPECT_TRUE(archived(first));
  EXPECT_TRUE(archived(second));
  EXPECT_FALSE(archived(current)) << "one that is still written";
  EXPECT_THAT(notes_.lines, IsEmpty());
  EXPECT_EQ(setting("archive_mode"), "on");
  EXPECT_THAT(setting("archive_command"), HasSubstr("wal-push"));
  EXPECT_EQ(setting("recovery_target_lsn"), "");
  EXPECT_EQ(setting("port"), std::to_string(live_->port()));
  EXPECT_EQ(report->port, live_->port());
  ASSERT_TRUE(report->old_server.has_value()) << "it still archives";
  EXPECT_EQ(report->old_server->port, live_->port());
  ASSERT_TRUE(adopt().ok()) << "doing it again is no harm";
  auto events = catalog::list_events(*objects_, "main").value();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind, "adopt");
  EXPECT_EQ(events[0].detail, path("copy") + " on timeline 2");
}

// As a promotion leaves it: the parent's segment of this number, under its own timeline's name.
TEST_F(Adopt, ARecycledFileIsNoSegment) {
  promote();
  const std::string finished = finish_segment();
  ask("SELECT pg_logical_emit_message(true, 'test', 'x')");
  const std::string current = *ask("SELECT pg_walfile_name(pg_current_wal_lsn())");
  const auto name = pg::SegmentName::parse(current, lineage_.wal_segment_bytes).value();
  const pg::SegmentName next{name.timeline, name.number + 1};
  const std::string recycled = path("copy/pg_wal/" + next.text(lineage_.wal_segment_bytes));
  fs::copy_file(path("copy/pg_wal/" + finished), recycled, fs::copy_options::overwrite_existing);
  std::fstream file(recycled, std::ios::in | std::ios::out | std::ios::binary);
  const uint32_t parent = 1;                                              // xlp_tli
  const uint64_t address = next.start(lineage_.wal_segment_bytes).value;  // xlp_pageaddr
  file.seekp(4).write(reinterpret_cast<const char*>(&parent), sizeof parent);
  file.write(reinterpret_cast<const char*>(&address), sizeof address);
  file.close();

  auto report = adopt();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_TRUE(archived(finished));
  EXPECT_FALSE(archived(current)) << "one that is still written";
  EXPECT_FALSE(archived(fs::path(recycled).filename()));
}

TEST_F(Adopt, ACopyThatIsNotPromotedIsRefused) {
  ASSERT_TRUE(write_copy_settings(system_files(), settings_).ok());
  auto never_started = adopt();
  ASSERT_FALSE(never_started.ok());
  EXPECT_EQ(never_started.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(never_started.error().hint, HasSubstr("bin/pg_ctl -D " + path("copy")));
  EXPECT_THAT(never_started.error().hint, HasSubstr("recovery_target_action=promote"));
  settings_.action = RecoveryAction::kPause;
  start();
  ASSERT_TRUE(follow([](const ReplayState& state) { return state.paused; }).ok());
  auto paused = adopt();
  ASSERT_FALSE(paused.ok());
  EXPECT_THAT(paused.error().hint,
              HasSubstr("psql -h " + path("copy") + " -p " + std::to_string(settings_.port)));
  EXPECT_EQ(setting("archive_mode"), "off") << "nothing was changed";
  EXPECT_EQ(ask("SELECT pg_promote()"), Value("t")) << "what the hint says works on a paused copy";
  EXPECT_TRUE(adopt().ok());
}

TEST_F(Adopt, AnUnfinishedRestoreIsCalledThat) {
  ASSERT_TRUE(write_copy_settings(system_files(), settings_).ok());
  fs::remove(path("copy/global/pg_control"));
  auto report = adopt();
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message, HasSubstr("unfinished restore"));
  EXPECT_THAT(catalog::list_events(*objects_, "main").value().at(0).error, HasSubstr("unfinished"));
}

TEST_F(Adopt, TheOldConfigurationOfDebianIsFound) {
  fs::create_directories(path("etc/15/main"));
  std::ofstream(path("etc/15/main/postgresql.conf"))
      << "data_directory = '" << live_->pgdata() << "'\n";
  auto found = find_debian_cluster(system_files(), live_->pgdata(), path("etc"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->version + found->name, "15main");
  EXPECT_EQ(found->config_file, path("etc/15/main/postgresql.conf"));
  EXPECT_FALSE(find_debian_cluster(system_files(), path("copy"), path("etc")).has_value());
  EXPECT_FALSE(find_debian_cluster(system_files(), path("copy"), path("nowhere")).has_value());
}

// Here and not beside check_target(): whoever is root may write anywhere.
TEST_F(Adopt, WhatThisUserMayNotMakeIsNoPlaceForACopy) {
  TargetLayout layout{.data_directory = "/usr/walkback copy", .tablespaces = {}};
  Result<void> parent = check_target(system_files(), layout, {}, {});
  ASSERT_FALSE(parent.ok());
  EXPECT_EQ(parent.error().kind, ErrorKind::kDenied);
  EXPECT_THAT(parent.error().message, HasSubstr("may not write in /usr"));
  EXPECT_THAT(parent.error().hint, HasSubstr("install -d -o "));
  EXPECT_THAT(parent.error().hint, HasSubstr("'/usr/walkback copy'"));
}

TEST_F(Adopt, WalThatIsGoneIsSaid) {
  promote();
  const std::string first = finish_segment();
  finish_segment();
  ASSERT_TRUE(server_->stop().ok());
  fs::remove(path("copy/pg_wal/" + first));
  auto report = adopt();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_FALSE(report->restart_required);
  EXPECT_THAT(notes_.lines, Contains(HasSubstr(first)));
}

}  // namespace
}  // namespace walkback::restore
