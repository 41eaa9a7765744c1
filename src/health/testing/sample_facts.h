// For tests: facts of a cluster that is well, to be made worse.
#pragma once

#include "base/time_text.h"
#include "health/facts.h"
#include "health/limits.h"

namespace walkback::health {

inline Timestamp at(std::string_view time) {
  return parse_iso_utc("2026-11-22T" + std::string(time) + "Z").value();
}

inline catalog::BackupSummary sample_backup(std::string_view id, Timestamp stopped) {
  catalog::BackupSummary backup;
  backup.id = {std::string(id)};
  backup.timeline = {1};
  backup.wal_segment_bytes = 16 << 20;
  backup.started_at = stopped + -std::chrono::minutes(1);
  backup.stopped_at = stopped;
  backup.start_lsn = {0x3000028};
  backup.stop_lsn = {0x30000F8};
  backup.bytes_stored = 1'181'116'006;
  return backup;
}

inline RepositoryFacts sample_repository() {
  RepositoryFacts repository;
  repository.timeline = pg::TimelineId{1};
  repository.backups = {sample_backup("20261122T020001Z-3f9a", at("02:14:00"))};
  repository.windows = {
      {{7}, {1}, {0x30000F8}, {0x5A000000}, at("02:14:00"), at("15:46:40"), false}};
  repository.archived_until = pg::Lsn{0x5A000000};
  repository.attempts.last_verify =
      Attempts::Verification{at("04:00:00"), true, false, 0, "812 of 812 objects proved"};
  repository.attempts.last_sound_verify = at("04:00:00");
  repository.attempts.last_drill = Attempts::Drill{at("05:00:00"), true, 125, 100, ""};
  repository.attempts.last_good_drill = repository.attempts.last_drill;
  repository.mass_changes = std::vector<MassChange>();
  repository.bytes_stored = uint64_t{52} << 30;
  repository.bytes_per_day = static_cast<double>(uint64_t{3} << 30);
  return repository;
}

inline ServerFacts sample_server() {
  ServerFacts server;
  server.system_identifier = {7};
  server.version_num = 150014;
  server.timeline = {1};
  server.wal_end = {0x5A0012A8};
  server.clock = at("15:47:00");
  server.archiver.timeout = std::chrono::seconds(60);
  server.archiver.last_archived = "000000010000000000000059";
  server.archiver.last_archived_at = at("15:46:41");
  return server;
}

inline Facts sample_facts() {
  Facts facts;
  facts.cluster = "main";
  facts.now = at("15:47:00");
  facts.places = {{"file:///srv/walkback", true, std::nullopt,
                   DiskSpace{uint64_t{200} << 30, uint64_t{1} << 40}}};
  facts.repository = sample_repository();
  facts.stored.emplace();
  (*facts.stored)[catalog::StoredClass::kPacks] = {12, uint64_t{3} << 30, 0};
  facts.server = sample_server();
  WalDirectoryFacts directory;
  directory.segments = 64;
  directory.bytes = uint64_t{64} << 24;
  directory.bytes_per_s = 1 << 20;
  directory.disk = {uint64_t{40} << 30, uint64_t{100} << 30};
  facts.wal_directory = directory;
  UnarchivedFacts unarchived;
  unarchived.archived_until = {0x5A000000};
  unarchived.bytes = 0x12A8;
  unarchived.first_commit = at("15:46:48");
  facts.unarchived = unarchived;
  KeyFacts keys;
  keys.recipients = 2;
  facts.keys = keys;
  facts.alerts = AlertFacts{2, {}, ""};
  return facts;
}

}  // namespace walkback::health
