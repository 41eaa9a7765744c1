// Golden texts: the JSON is a contract, so each field, its place and its form are compared.
#include "cli/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/golden.h"
#include "cli/testing/samples.h"

namespace walkback::cli {
namespace {

TEST(Json, Error) {
  EXPECT_EQ(error_json(make_error(ErrorKind::kNoSpace, "disk \"full\"", "make room")),
            R"({
  "error": {
    "kind": "no_space",
    "message": "disk \"full\"",
    "hint": "make room"
  }
}
)");
}

TEST(Json, TextThatIsNoUtf8IsStillJson) {
  EXPECT_THAT(error_json(make_error(ErrorKind::kIo, "\xff\xfe")),
              testing::HasSubstr("\xEF\xBF\xBD"));
}

TEST(Json, Init) {
  setup::InitReport report;
  report.repository_id = "0123456789abcdef0123456789abcdef";
  report.repository_created = true;
  report.system_identifier = {7'564'831'203'948'571'231};
  report.server_version_num = 150014;
  report.settings = {{"archive_mode", "on", "off", true, true},
                     {"archive_timeout", "60", "60", false, false}};
  report.applied = true;
  report.restart_required = true;
  config::Config config;
  config.encryption = "age";
  config.encryption_recipients = {"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"};
  config.encryption_host_key_file = "/etc/walkback/walkback.host.key";
  expect_golden("init.json", init_json({report, config, "/etc/walkback/walkback.toml", true}));
}

TEST(Json, WalCommands) {
  expect_golden("wal_push.json",
                wal_push_json({"000000010000000000000003", false, 16 << 20, 3 << 20, {}}));
  expect_golden("wal_get.json",
                wal_get_json("00000002.history", archive::WalGetOutcome::kNotInArchive));
}

TEST(Json, Backup) {
  backup::BackupReport report{sample_backup()};
  report.timings = {2.25, 0.5, 14.5, 0.125, 0.25};
  expect_golden("backup.json", backup_json(report, nullptr));
}

TEST(Json, BackupWithBadPages) {
  backup::BackupReport report{sample_backup(), {}, "", {{"base/5/16384", 12}}};
  report.summary.bad_pages = 1;
  Error error = make_error(ErrorKind::kCorrupt, "1 page", "look");
  expect_golden("backup_bad_pages.json", backup_json(report, &error));
}

TEST(Json, BackupWithUnexplainedPages) {
  backup::BackupReport report{sample_backup(), catalog::BackupId{"20261122T130000Z-11aa"}};
  report.summary.bytes_reread = 11'000'000;
  report.summary.unexplained_pages = 1;
  report.unexplained = {1, {{"base/5/16384", 12, {0x1A000028}, true}}};
  Error error = make_error(ErrorKind::kCorrupt, "1 page", "look");
  expect_golden("backup_unexplained.json", backup_json(report, &error));
}

TEST(Json, List) {
  catalog::Listing listing;
  listing.backups = {sample_backup()};
  pg::SystemIdentifier system{7'564'831'203'948'571'231};
  listing.windows = {{system, {1}, {0x30000F8}, {0x5A40000}, at("14:00:19"), at("15:47:12.5")}};
  listing.gaps = {{system, {1}, {0x6000000}, {0x7000000}, at("16:00:00"), std::nullopt, ""}};
  listing.timelines = {{system, {1}, std::nullopt, false, true, false},
                       {system, {2}, pg::TimelineSwitch{{1}, {0x5A3F2C8}, ""}, false, false, true}};
  listing.wal_segments = 214;
  listing.wal_bytes_stored = 420'478'976;
  listing.bytes_stored = 1'601'594'982;
  expect_golden("list.json", list_json(listing, {"backup x: denied"}));
}

TEST(Json, AnEmptyListIsEmptyLists) {
  std::string text = list_json({}, {});
  EXPECT_THAT(text, testing::HasSubstr("\"backups\": [],"));
  EXPECT_THAT(text, testing::HasSubstr("\"gaps\": [],"));
}

TEST(Json, Plan) {
  restore::RecoveryPlan plan = sample_plan();
  plan.notes = {"748 is a subtransaction of 747"};
  plan.other_timelines = {{{2}, {0x5000000}, at("15:40:00"), at("15:50:00")}};
  plan.earlier_times_left_out = {{"abort", {0x5A40000}, at("15:46:57"), std::nullopt}};
  plan.replayed_tablespaces = {{16500, "/srv/new", {0x4000000}}};
  plan.unreadable = {"backup 20261122T150000Z-0001: damaged"};
  expect_golden("plan.json", plan_json(plan));
}

TEST(Json, ATargetIsTimeXidAndLsnWhicheverWasGiven) {
  restore::RecoveryPlan plan = sample_plan();
  plan.target = {restore::TargetKind::kTime, at("15:46:59"), 0, {}, ""};
  EXPECT_THAT(plan_json(plan), testing::HasSubstr(R"("kind": "time",
      "time": "2026-11-22T15:46:59Z",
      "xid": null,
      "lsn": "0/5A3F2C8")"));
  plan.target = {restore::TargetKind::kXid, {}, 747, {}, ""};
  plan.last_replayed->xid = (1ull << 32) + 747;
  EXPECT_THAT(plan_json(plan), testing::HasSubstr(R"("kind": "xid",
      "time": "2026-11-22T15:46:58.120455Z",
      "xid": 4294968043,)"));
  plan.target = {restore::TargetKind::kName, {}, 0, {}, "before upgrade"};
  EXPECT_THAT(plan_json(plan), testing::HasSubstr(R"("name": "before upgrade")"));
}

TEST(Json, DryRun) {
  expect_golden(
      "dry_run.json",
      dry_run_json(sample_plan(),
                   {{"/srv/pg-1547", {{16401, "/srv/pg-1547.tablespaces/16401"}}, {}}, {}}));
}

TEST(Json, Recover) { expect_golden("recover.json", recover_json(sample_recovery(), nullptr)); }

TEST(Json, RecoverOntoADirectory) {
  restore::RecoverReport report = sample_recovery();
  report.delta =
      restore::RecoverReport::Delta{sample_delta(), 40'000'000'000, 900'000'000, 310'000'000};
  expect_golden("recover_delta.json", recover_json(report, nullptr));
}

TEST(Json, RecoverWithoutAServer) {
  restore::RecoverReport report = sample_recovery();
  report.started = report.reached = false;
  report.new_timeline.reset();
  std::string text = recover_json(report, nullptr);
  EXPECT_THAT(text, testing::HasSubstr("\"reached\": null"));
  EXPECT_THAT(text, testing::HasSubstr("\"timeline\": null,\n  \"data_directory\""));
}

// The server's last commit time may be of the transaction before the one it ended with.
TEST(Json, WhatWasReachedIsThePlansRecord) {
  restore::RecoverReport report = sample_recovery();
  report.reached_time = at("15:46:50");
  EXPECT_THAT(recover_json(report, nullptr),
              testing::HasSubstr("\"time\": \"2026-11-22T15:46:58.120455Z\",\n    \"lsn\""));
  report.reached = false;
  EXPECT_THAT(recover_json(report, nullptr), testing::HasSubstr("2026-11-22T15:46:50Z"));
}

TEST(Json, RecoverThatMissedItsTarget) {
  restore::RecoverReport report = sample_recovery();
  Error error = make_error(ErrorKind::kCorrupt, "elsewhere", "look");
  EXPECT_THAT(recover_json(report, &error), testing::HasSubstr("\"kind\": \"corrupt\""));
}

TEST(Json, Adopt) {
  restore::AdoptReport report;
  report.timeline = {2};
  report.segments_archived = 4;
  report.restart_required = true;
  report.port = 5432;
  report.tablespaces = {{16401, "/srv/pg-1547.tablespaces/16401"}};
  report.old_server = restore::RunningServer{5433, "/run"};
  expect_golden("adopt.json", adopt_json(report));
}

TEST(Json, History) {
  std::vector<catalog::Event> events = sample_events();
  events[0].location = "clusters/main/7/backups/20261122T140001Z-3f9a/";
  events.push_back(events[2]);
  events[3].killed = true;
  catalog::Event drill{.id = "20261122T170000Z-0003",
                       .kind = "drill",
                       .started_at = at("17:00:00"),
                       .host = "db1",
                       .ended_at = at("17:01:00"),
                       .succeeded = false,
                       .error = "not as it must be: checks",
                       .detail = "latest from backup 20261122T140001Z-3f9a: proved target"};
  drill.drill = sample_drill().summary;
  events.push_back(drill);
  expect_golden("history.json", history_json(events, {}));
}

}  // namespace
}  // namespace walkback::cli
