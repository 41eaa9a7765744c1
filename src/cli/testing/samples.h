// Reports as services would return them, for golden texts.
#pragma once

#include <utility>
#include <vector>

#include "backup/backup.h"
#include "base/time_text.h"
#include "catalog/events.h"
#include "catalog/listing.h"
#include "drill/drill.h"
#include "restore/plan.h"
#include "restore/recover.h"
#include "setup/init.h"

namespace walkback::cli {

inline Timestamp at(std::string_view time) {
  return parse_iso_utc("2026-11-22T" + std::string(time) + "Z").value();
}

inline catalog::BackupSummary sample_backup() {
  catalog::BackupSummary backup;
  backup.id = {"20261122T140001Z-3f9a"};
  backup.type = catalog::BackupType::kFull;
  backup.label = "before upgrade";
  backup.system_identifier = {7'564'831'203'948'571'231};
  backup.server_version_num = 150014;
  backup.wal_segment_bytes = 16 << 20;
  backup.started_at = at("14:00:01.25");
  backup.stopped_at = at("14:00:19");
  backup.timeline = {1};
  backup.start_lsn = {0x3000028};
  backup.stop_lsn = {0x30000F8};
  backup.files = 1203;
  backup.bytes_raw = 4'186'243'072;
  backup.bytes_read = 4'186'251'264;
  backup.bytes_stored = 1'181'116'006;
  backup.duration_s = 17.75;
  return backup;
}

// A backup that was made, a recovery that failed, and a backup without an end.
inline std::vector<catalog::Event> sample_events() {
  catalog::Event done{
      "20261122T140001Z-3f9a", "backup",       at("14:00:01"), "db1", at("14:00:19"), true, "",
      "before upgrade",        sample_backup()};
  catalog::Event failed{"20261122T150000Z-0001",
                        "recover",
                        at("15:00:00"),
                        "db1",
                        at("15:00:02"),
                        false,
                        "no space",
                        "",
                        std::nullopt};
  catalog::Event open{"20261122T160000Z-0002",
                      "backup",
                      at("16:00:00"),
                      "db1",
                      std::nullopt,
                      false,
                      "",
                      "",
                      std::nullopt};
  return {std::move(done), std::move(failed), std::move(open)};
}

inline restore::RecoveryPlan sample_plan() {
  restore::RecoveryPlan plan;
  plan.target.kind = restore::TargetKind::kBeforeXid;
  plan.target.xid = 748;
  plan.backup = sample_backup();
  plan.target_lsn = {0x5A3F2C8};
  plan.inclusive = false;
  plan.end_lsn = {0x5A3F2C8};
  plan.timeline = {1};
  plan.last_replayed = restore::PlanRecord{"commit", {0x5A3F1A0}, at("15:46:58.120455"), 747};
  plan.first_left_out = restore::PlanRecord{"commit", {0x5A3F2C8}, at("15:46:59.481102"), 748};
  plan.commits_replayed = 10203;
  plan.commits_given_up = 12;
  plan.segments = 3;
  plan.wal_bytes = 41'218'048;
  plan.restore_bytes = 4'186'243'072;
  plan.fetch_bytes = 1'190'000'000;
  plan.tablespaces = {{16401, "/srv/fast"}};
  return plan;
}

inline restore::DeltaSurvey sample_delta() {
  restore::DeltaSurvey delta;
  delta.reused.pg_control = Bytes(8192);
  delta.files_there = 1187;
  delta.bytes_there = 41'000'000'000;
  delta.goes = {"base/5/16402", "pg_replslot/old/state", "pg_replslot/old",
                "pg_wal/000000010000000000000003"};
  delta.bytes_going = 16'785'408;
  delta.kept_directory = "/srv/pg-1547.kept/20261122T150000Z";
  delta.kept_wal = {"000000010000000000000006", "000000010000000000000007"};
  delta.kept_commits = {4, at("16:02:11.5")};
  delta.kept_configuration = {"pg_hba.conf", "postgresql.conf"};
  delta.left_alone = {"notes.txt"};
  return delta;
}

inline restore::RecoverReport sample_recovery() {
  restore::RecoverReport report;
  report.plan = sample_plan();
  report.started = true;
  report.reached = true;
  report.reached_lsn = {0x5A3F2C8};
  report.reached_time = at("15:46:58.120455");
  report.reached_xid = 747;
  report.new_timeline = pg::TimelineId{2};
  report.data_directory = "/srv/pg-1547";
  report.socket_directory = "/srv/pg-1547";
  report.log_file = "/srv/pg-1547/walkback-recovery.log";
  report.port = 5433;
  report.segments_replayed = 3;
  report.restore_s = 12.125;
  report.replay_s = 2.25;
  report.total_s = 14.5;
  report.setting_changes = {{"archive_mode", "off", "a copy never archives"}};
  return report;
}

// One whose check failed, and amcheck is not there.
inline drill::DrillReport sample_drill() {
  drill::DrillReport report;
  report.id = "20261122T160000Z-0003";
  report.plan = sample_plan();
  report.plan.target = {};
  report.proofs = {
      drill::proved("target", "the server stands at 0/5A3F2C8, where it was sent"),
      drill::failed("checks", "1 of 2 were not answered as expected",
                    {"payments (database shop): found 0, expected 42"}),
      drill::proved("row_counts", "203 rows of 2 tables in 2 databases were read"),
      drill::not_proved("indexes", "the extension amcheck is not installed on this host"),
      drill::proved("page_checksums", "1203 pages of 300 files")};
  report.proofs[1].duration_s = 0.5;
  report.proofs[2].duration_s = 12.25;
  report.proofs[4].duration_s = 3;
  report.checks = {{"accounts", "postgres", "t", "t", true},
                   {"payments", "shop", "42", "0", false}};
  report.rows.tables = {{"shop", "public", "payments", 0}, {"postgres", "public", "accounts", 203}};
  report.rows.rows = 203;
  report.rows.databases = 2;
  report.compared_with = "20261022T160000Z-0001";
  report.remarks = {"shop.public.payments is empty; it had 42 rows"};
  catalog::DrillSummary& summary = report.summary;
  summary.system_identifier = report.plan.backup.system_identifier;
  summary.backup = report.plan.backup.id;
  summary.target = "latest";
  summary.timeline = {1};
  summary.target_lsn = report.plan.end_lsn;
  summary.target_time = report.plan.last_replayed->time;
  for (const drill::Proof& proof : report.proofs) {
    summary.proofs.push_back({proof.name, proof.outcome});
  }
  summary.bytes_written = 4'186'243'072;
  summary.bytes_fetched = 1'148'781'952;
  summary.wal_bytes = 41'218'048;
  summary.restore_s = 12.125;
  summary.replay_s = 2.25;
  summary.prove_s = 16.5;
  summary.total_s = 31;
  return report;
}

}  // namespace walkback::cli
