// Golden texts: what a person reads at 3:47 PM.
#include "cli/text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "cli/testing/golden.h"
#include "cli/testing/samples.h"

namespace walkback::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class Text : public testing::Test {
 protected:
  Text() {
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
  }
  ~Text() override {
    unsetenv("TZ");
    tzset();
  }
};

const Suggestion kPlain("walkback", "");

Destination destination() {
  restore::CheckedTarget target;
  target.layout = {"/srv/pg-1547", {{16401, "/srv/pg-1547.tablespaces/16401"}}, {}};
  return {target, DiskSpace{130'000'000'000, 200'000'000'000}};
}

TEST_F(Text, Plan) { expect_golden("plan.txt", plan_text(sample_plan())); }

TEST_F(Text, PlanWithADestination) {
  expect_golden("plan_destination.txt", plan_text(sample_plan(), destination()));
}

TEST_F(Text, PlanOntoADirectory) {
  Destination onto = destination();
  onto.target.delta = sample_delta();
  expect_golden("plan_delta.txt", plan_text(sample_plan(), onto));
  for (int i = 0; i < 20; ++i) onto.target.delta->goes.push_back(fmt::format("base/5/{}", i));
  EXPECT_THAT(plan_text(sample_plan(), onto), HasSubstr("and 14 more: --json names them"));
  onto.target.delta->reused.pg_control.clear();
  EXPECT_THAT(plan_text(sample_plan(), onto), HasSubstr("left by a recovery"));
}

TEST_F(Text, RecoverOntoADirectory) {
  restore::RecoverReport report = sample_recovery();
  report.delta =
      restore::RecoverReport::Delta{sample_delta(), 40'000'000'000, 900'000'000, 310'000'000};
  expect_golden("recover_delta.txt",
                recover_text(report, restore::RecoveryAction::kPromote, kPlain));
}

TEST_F(Text, PlanWithEverythingThereIsToSay) {
  restore::RecoveryPlan plan = sample_plan();
  plan.target = {restore::TargetKind::kTime, at("15:46:59"), 0, {}, ""};
  plan.notes = {"748 is a subtransaction of 747",
                "prepared transaction \"x\" survives: ROLLBACK PREPARED 'x'"};
  for (int i = 0; i < 7; ++i) {
    plan.earlier_times_left_out.push_back({"commit", {0x5A40000}, at("15:46:57"), 750 + i});
  }
  plan.replayed_tablespaces = {{16500, "/srv/new", {0x4000000}}};
  plan.backup.bad_pages = 2;
  expect_golden("plan_everything.txt", plan_text(plan));
}

TEST_F(Text, PlanBeforeADropOfADatabaseNamesThatTransaction) {
  restore::RecoveryPlan plan = sample_plan();
  plan.before_removal = {748, at("15:46:59.481102"), "database crm", {0x5A3F000}, 0};
  plan.target_lsn = {0x5A3F000};
  plan.first_left_out = restore::PlanRecord{"commit", {0x5A3F100}, at("15:46:58"), 749};
  const std::string text = plan_text(plan);
  EXPECT_THAT(text, HasSubstr("Plan: recover to just before transaction 748 removed the files of "
                              "database crm\n"));
  EXPECT_THAT(text, HasSubstr("transaction 748, ended at 2026-11-22 16:46:59.481102 CET"));
  EXPECT_THAT(text, testing::Not(HasSubstr("transaction 749, ended")));
}

TEST_F(Text, PlanAtTheEndOfTheArchive) {
  restore::RecoveryPlan plan = sample_plan();
  plan.target = {};
  plan.inclusive = true;
  plan.first_left_out.reset();
  plan.commits_given_up = 0;
  plan.tablespaces.clear();
  expect_golden("plan_latest.txt", plan_text(plan));
}

TEST_F(Text, PlanForTheBackupItself) {
  restore::RecoveryPlan plan = sample_plan();
  plan.target.kind = restore::TargetKind::kImmediate;
  plan.last_replayed.reset();
  std::string text = plan_text(plan);
  EXPECT_THAT(text, HasSubstr("CET: the last one\n"));
  EXPECT_THAT(text, HasSubstr("kept         the backup as it is; no commit is replayed\n"));
}

TEST_F(Text, PlanSaysWhatOtherTimelinesHold) {
  restore::RecoveryPlan plan = sample_plan();
  plan.along = {2};
  plan.commits_given_up = 0;
  plan.first_left_out.reset();
  EXPECT_THAT(plan_text(plan),
              HasSubstr("given up     nothing: the archive holds no later commit\n"));
  plan.other_timelines = {{{1}, {0x5000000}, at("15:40:00"), at("15:50:00")}};
  EXPECT_THAT(plan_text(plan),
              HasSubstr("nothing of timeline 2: the archive holds no later commit of it\n"));
}

TEST_F(Text, ARestorePointIsNoCommit) {
  restore::RecoveryPlan plan = sample_plan();
  plan.last_replayed = {"restore point 'point'", {0x5A3F1A0}, at("15:46:58"), std::nullopt};
  plan.first_left_out = {"restore point 'next'", {0x5A3F2C8}, at("15:46:59"), std::nullopt};
  plan.commits_replayed = plan.commits_given_up = 0;
  std::string text = plan_text(plan);
  EXPECT_THAT(text, HasSubstr("the backup, and no commit after it\n"));
  EXPECT_THAT(text, HasSubstr("up to the restore point 'point' at 2026-11-22 16:46:58 CET, LSN"));
  EXPECT_THAT(text, HasSubstr("given up     nothing: the archive holds no later commit\n"));
  restore::RecoverReport report = sample_recovery();
  report.plan = plan;
  report.reached_xid.reset();
  EXPECT_THAT(recover_text(report, restore::RecoveryAction::kPromote, kPlain),
              HasSubstr("LSN 0/5A3F2C8, restore point 'point', of 2026-11-22 16:46:58 CET\n"));
}

TEST_F(Text, WhatWasReachedIsThePlansRecord) {
  restore::RecoverReport report = sample_recovery();
  report.reached_time = at("15:46:50");
  EXPECT_THAT(recover_text(report, restore::RecoveryAction::kPromote, kPlain),
              HasSubstr("transaction 747, committed at 2026-11-22 16:46:58.120455 CET"));
}

TEST_F(Text, EveryTargetHasItsPhrase) {
  restore::RecoveryPlan plan = sample_plan();
  using restore::TargetKind;
  auto phrase = [&](restore::RecoveryTarget target) {
    plan.target = std::move(target);
    return target_phrase(plan);
  };
  EXPECT_EQ(phrase({TargetKind::kTime, at("15:46:59.5"), 0, {}, ""}),
            "to 2026-11-22 16:46:59.5 CET");
  EXPECT_EQ(phrase({TargetKind::kXid, {}, 747, {}, ""}), "to transaction 747, included");
  EXPECT_EQ(phrase({TargetKind::kBeforeXid, {}, 748, {}, ""}), "to just before transaction 748");
  EXPECT_EQ(phrase({TargetKind::kLsn, {}, 0, {0xA000000FE}, ""}), "to LSN A/FE");
  EXPECT_EQ(phrase({TargetKind::kName, {}, 0, {}, "a\x1b[31m"}), "to restore point \"a?[31m\"");
  EXPECT_EQ(phrase({TargetKind::kLatest, {}, 0, {}, ""}), "to the end of the archive");
  EXPECT_EQ(phrase({TargetKind::kImmediate, {}, 0, {}, ""}), "to the end of the backup");
}

TEST_F(Text, RecoverAndGoOn) {
  using restore::RecoveryAction;
  expect_golden("recover.txt", recover_text(sample_recovery(), RecoveryAction::kPromote, kPlain));
  restore::RecoverReport paused = sample_recovery();
  paused.new_timeline.reset();
  expect_golden("recover_pause.txt", recover_text(paused, RecoveryAction::kPause, kPlain));
  expect_golden("recover_shutdown.txt", recover_text(paused, RecoveryAction::kShutdown, kPlain));
  paused.started = paused.reached = false;
  expect_golden("recover_no_start.txt", recover_text(paused, RecoveryAction::kPromote, kPlain));
}

TEST_F(Text, AnEmptySettingIsSeen) {
  restore::RecoverReport report = sample_recovery();
  report.setting_changes = {{"archive_command", "", "a copy never archives"}};
  EXPECT_THAT(recover_text(report, restore::RecoveryAction::kPromote, kPlain),
              HasSubstr("archive_command = '': a copy never archives"));
}

TEST_F(Text, CommandsToCopyAreSafeToPaste) {
  restore::RecoverReport report = sample_recovery();
  report.socket_directory = "/srv/a b'; rm -rf x";
  EXPECT_THAT(recover_text(report, restore::RecoveryAction::kPromote, kPlain),
              HasSubstr("psql -h '/srv/a b'\\''; rm -rf x' -p 5433"));
}

TEST_F(Text, AMissedTargetIsAnError) {
  restore::RecoverReport report = sample_recovery();
  report.reached_lsn = {0x5000000};
  Error error = not_reached_error(report);
  EXPECT_EQ(error.message,
            "the recovered server stands at LSN 0/5000000, not at the target 0/5A3F2C8");
  EXPECT_THAT(error.hint, HasSubstr(report.log_file));
}

TEST_F(Text, Backup) { expect_golden("backup.txt", backup_text({sample_backup(), {}})); }

TEST_F(Text, IncrementalBackup) {
  backup::BackupReport report{sample_backup(), catalog::BackupId{"20261122T130000Z-11aa"}, "", {}};
  report.summary.type = catalog::BackupType::kIncremental;
  report.summary.bytes_read = 42'000'000;
  report.summary.bytes_stored = 11'000'000;
  expect_golden("backup_incremental.txt", backup_text(report));
  report.summary.bytes_reread = 11'000'000;
  expect_golden("backup_reread.txt", backup_text(report));
  report.summary.unexplained_pages = 2;
  expect_golden("backup_unexplained.txt", backup_text(report));
  report.summary.bytes_reread = 0;
  report.reason = "every page is read and compared: data checksums were switched on or off since";
  report.summary.bytes_read = report.summary.bytes_raw;
  expect_golden("backup_compared.txt", backup_text(report));
}

TEST_F(Text, BadPagesAreNamedButNotAllOfThem) {
  backup::BackupReport report{sample_backup(), {}, "", {{"base/5/16384", 12}}};
  EXPECT_EQ(damaged_cluster_error(report).message,
            "the backup is complete, but 1 page of the cluster fails its checksum: base/5/16384 "
            "block 12");
  for (uint32_t block = 13; block < 23; ++block)
    report.bad_pages.push_back({"base/5/16384", block});
  EXPECT_THAT(damaged_cluster_error(report).message,
              HasSubstr("11 pages of the cluster fail their"));
  EXPECT_THAT(damaged_cluster_error(report).message, HasSubstr("block 14, and 8 more"));
}

TEST_F(Text, UnexplainedPagesAreNamedToo) {
  backup::BackupReport report{sample_backup()};
  report.unexplained = {5, {{"base/5/16384", 12, {}, false}, {"base/5/16390.1", 3, {}, true}}};
  EXPECT_EQ(damaged_cluster_error(report).message,
            "the backup is complete, but 5 pages of the cluster changed without a word of it in "
            "the WAL: base/5/16384 block 12, base/5/16390.1 block 3, and 3 more");
  EXPECT_THAT(damaged_cluster_error(report).hint, HasSubstr("the next backup reads every page"));
  report.bad_pages = {{"base/5/16384", 12}};
  EXPECT_THAT(damaged_cluster_error(report).message,
              HasSubstr("block 12; and 5 pages of the cluster changed"));
}

TEST_F(Text, List) {
  catalog::Listing listing;
  listing.backups = {sample_backup(), sample_backup()};
  listing.backups[1].id = {"20261122T150001Z-77aa"};
  listing.backups[1].label = "";
  listing.backups[1].bad_pages = 2;
  listing.windows = {{{1}, {1}, {0x30000F8}, {0x5A40000}, at("14:00:19"), at("15:47:12.5")}};
  listing.gaps = {{{1}, {1}, {0x6000000}, {0x7000000}, at("16:00:00"), std::nullopt, ""},
                  {{1}, {1}, {0x9000000}, {0xA000000}, std::nullopt, std::nullopt, "bad checksum"}};
  listing.wal_segments = 214;
  listing.wal_bytes_stored = 420'478'976;
  listing.bytes_stored = 1'601'594'982;
  expect_golden("list.txt", list_text(listing, "main", "file:///srv/walkback"));
}

TEST_F(Text, ListOfAHistoryThatForked) {
  catalog::Listing listing;
  listing.backups = {sample_backup()};
  listing.windows = {{{1}, {1}, {0x30000F8}, {0x5A40000}, at("14:00:19"), at("15:47:12.5")},
                     {{1}, {2}, {0x30000F8}, {0x5A3F2C8}, at("14:00:19"), at("14:00:19")}};
  listing.timelines = {{{1}, {1}, std::nullopt, false, true, false},
                       {{1}, {2}, pg::TimelineSwitch{{1}, {0x5A3F2C8}, ""}, false, false, true},
                       {{1}, {3}, std::nullopt, true, true, false}};
  expect_golden("list_forked.txt", list_text(listing, "main", "file:///srv/walkback"));
}

TEST_F(Text, AnEmptyListSaysWhatToDo) {
  std::string text = list_text({}, "main", "file:///srv/walkback");
  EXPECT_THAT(text, HasSubstr("`walkback backup`"));
  EXPECT_THAT(text, Not(HasSubstr("Gaps")));
}

TEST_F(Text, History) {
  const std::vector<catalog::Event> events = sample_events();
  catalog::Event damaged = events[0];
  damaged.backup->bad_pages = 2;
  catalog::Event killed = events[2];
  killed.killed = true;
  expect_golden("history.txt", history_text({events[0], damaged, events[1], events[2], killed}));
  EXPECT_EQ(history_text({}), "Nothing was tried yet.\n");
}

setup::InitReport init_report() {
  setup::InitReport report;
  report.repository_id = "0123456789abcdef0123456789abcdef";
  report.repository_created = true;
  report.system_identifier = {7'564'831'203'948'571'231};
  report.server_version_num = 150014;
  report.settings = {{"archive_mode", "on", "off", true, false},
                     {"archive_command", "'/opt/it''s/walkback' wal-push %p", "", false, false},
                     {"archive_timeout", "60", "60", false, false}};
  return report;
}

const config::Config& plain() {
  static const config::Config config = [] {
    config::Config plain;
    plain.repository_url = "file:///srv/walkback";
    plain.encryption = "none";
    return plain;
  }();
  return config;
}

TEST_F(Text, InitShowsWhatToSet) {
  setup::InitReport report = init_report();
  report.restart_required = true;
  expect_golden("init.txt", init_text({report, plain(), "/etc/walkback/walkback.toml", true}));
  config::Config config = plain();
  config.encryption = "age";
  config.encryption_recipients = {"age1ql3z7", "age1lggyhq"};
  config.encryption_host_key_file = "/etc/walkback/walkback.host.key";
  const std::string text = init_text({report, config, "/etc/walkback/walkback.toml", true});
  EXPECT_THAT(text, HasSubstr("age, to age1ql3z7, age1lggyhq\n"));
  EXPECT_THAT(text, HasSubstr("/etc/walkback/walkback.host.key (reads names and page maps"));
}

TEST_F(Text, InitAppliedWaitsForARestart) {
  setup::InitReport report = init_report();
  report.restart_required = report.settings[0].pending = true;
  report.settings[1].current = report.settings[1].wanted;
  report.set = {report.settings[0].name, report.settings[1].name};
  std::string text = init_text({report, plain(), "/etc/walkback/walkback.toml", false});
  EXPECT_THAT(text, HasSubstr("(ALTER SYSTEM), and in effect:\n  archive_command = "));
  report.set.clear();
  text = init_text({report, plain(), "/etc/walkback/walkback.toml", false});
  EXPECT_THAT(text, HasSubstr("waiting for a restart of PostgreSQL:\n  archive_mode = 'on'"));
  EXPECT_THAT(text, Not(HasSubstr("Put into")));
  EXPECT_THAT(text, Not(HasSubstr("archive_command")));
  EXPECT_THAT(text, HasSubstr("Next: restart PostgreSQL"));
  report.settings[0].pending = false;
  EXPECT_THAT(init_text({report, plain(), "/etc/walkback/walkback.toml", false}),
              HasSubstr("Next: make these settings, restart PostgreSQL"));
}

TEST_F(Text, InitEndsWithTheProof) {
  setup::InitReport report = init_report();
  for (auto& setting : report.settings) setting.current = setting.wanted;
  report.proved_segment = "000000010000000000000003";
  std::string text = init_text({report, plain(), "/etc/walkback/walkback.toml", false});
  EXPECT_THAT(text, HasSubstr("Proof: the server archived segment 000000010000000000000003"));
  EXPECT_THAT(text, Not(HasSubstr("Put into")));
}

TEST_F(Text, Adopt) {
  restore::AdoptReport report;
  report.timeline = {2};
  report.segments_archived = 4;
  report.restart_required = true;
  report.port = 5432;
  report.binaries = "/usr/lib/postgresql/15/bin";
  report.old_server = restore::RunningServer{5432, "/run"};
  report.tablespaces = {{16401, "/srv/pg-1547.tablespaces/16401"}};
  const std::string old = "/var/lib/postgresql/15/main";
  auto text = [&](const std::string& configured) {
    return adopt_text({report, "/srv/pg-1547", "/etc/walkback/walkback.toml", configured, kPlain});
  };
  expect_golden("adopt.txt", text(old));
  report.debian = restore::DebianCluster{"15", "main", "/etc/postgresql/15/main/postgresql.conf"};
  expect_golden("adopt_debian.txt", text(old));
  report.debian.reset();
  report.old_server.reset();
  EXPECT_THAT(text(old), HasSubstr("if the old cluster (" + old + ") still runs anywhere"));
  report.restart_required = false;
  EXPECT_THAT(text("/srv/pg-1547"), HasSubstr("1. start it: archiving begins with that\n"));
  EXPECT_THAT(text("/srv/pg-1547"), Not(HasSubstr("stop")));
  EXPECT_THAT(text("/srv/pg-1547"), HasSubstr("2. take the first backup"));
}

TEST_F(Text, AnIndexThatWasMadeAgainCountsAsItIsNow) {
  archive::WalIndexReport report;
  report.segments = 8;
  report.whole = report.whole_now = 5;
  report.begin_unknown = report.begin_unknown_now = 1;
  report.missing = 2;
  report.damaged = 1;
  EXPECT_THAT(wal_index_text(report, false),
              HasSubstr("8 segments in the archive, 5 with an index that says all of them\n"));
  report.rebuilt = 3;
  report.whole_now = 8;
  EXPECT_EQ(wal_index_text(report, true),
            "8 segments in the archive, 8 with an index that says all of them now\n"
            "  1 of these begin in the middle of a record, and the segment before is not archived: "
            "so much no index can say\n"
            "3 made again; before that 5 had one that said all\n"
            "  2 had none\n"
            "  1 had a damaged one, or one that this walkback does not read\n");
}

TEST_F(Text, WalCommands) {
  EXPECT_EQ(wal_push_text({"000000010000000000000003", false, 16 << 20, 3 << 20}),
            "000000010000000000000003: 16.0 MiB stored as 3.0 MiB\n");
  EXPECT_EQ(wal_push_text({"000000010000000000000003", true, 0, 0}),
            "000000010000000000000003 was archived before\n");
  EXPECT_EQ(wal_get_text("x", archive::WalGetOutcome::kNotInArchive), "x: not in the archive\n");
}

}  // namespace
}  // namespace walkback::cli
