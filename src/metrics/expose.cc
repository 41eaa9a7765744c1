#include "metrics/expose.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "health/rules.h"
#include "metrics/exposition.h"

namespace walkback::metrics {

namespace {

using health::Level;

constexpr std::array kLevels{Level::kHealthy, Level::kWarning, Level::kCritical};

uint64_t number_of(Level level) { return static_cast<uint64_t>(level); }

double seconds(std::chrono::microseconds span) {
  return std::chrono::duration<double>(span).count();
}

template <typename T>
const T* seen(const health::Looked<T>& looked) {
  return looked && looked->ok() ? &**looked : nullptr;
}

void expose_report(const health::Report& report, Exposition& all) {
  all.gauge("walkback_health_state", "The worst finding: 0 healthy, 1 warning, 2 critical")
      .sample(number_of(report.status()));
  all.gauge("walkback_findings", "Findings of each level");
  for (const Level level : kLevels) {
    const auto count = std::ranges::count(report.findings, level, &health::Finding::level);
    all.sample(static_cast<uint64_t>(count), {{"level", std::string(health::level_name(level))}});
  }
  std::map<std::string, Level> worst;
  for (const health::Finding& finding : report.findings) {
    const auto [one, is_new] = worst.try_emplace(finding.rule, finding.level);
    if (!is_new) one->second = std::max(one->second, finding.level);
  }
  all.gauge("walkback_rule_level", "The worst finding of a rule: 0 healthy, 1 warning, 2 critical");
  for (const auto& [rule, level] : worst) all.sample(number_of(level), {{"rule", rule}});
  all.gauge("walkback_rule_unknown", "Whether a rule could not be asked");
  for (const std::string_view rule : health::all_rules()) {
    const bool unknown = std::ranges::find(report.not_known, rule, &health::NotKnown::rule) !=
                         report.not_known.end();
    all.sample(unknown, {{"rule", std::string(rule)}});
  }
}

void expose_sources(const health::Facts& facts, Exposition& all) {
  all.gauge("walkback_source_up", "Whether what the figures come from could be seen");
  const auto source = [&](const char* name, const auto& looked) {
    if (looked) all.sample(looked->ok(), {{"source", name}});
  };
  source("repository", facts.repository);
  source("server", facts.server);
  source("pg_wal", facts.wal_directory);
  source("keys", facts.keys);
  all.gauge("walkback_place_up", "Whether a place of the repository answers");
  for (const auto& place : facts.places) all.sample(!place.error, {{"place", place.url}});
  all.gauge("walkback_place_required", "Whether that place is required");
  for (const auto& place : facts.places) all.sample(place.required, {{"place", place.url}});
  all.gauge("walkback_place_free_bytes", "Free on the disk of a place that is a directory");
  for (const auto& place : facts.places) {
    if (place.disk) all.sample(place.disk->free_bytes, {{"place", place.url}});
  }
  all.gauge("walkback_place_size_bytes", "Size of the disk of a place that is a directory");
  for (const auto& place : facts.places) {
    if (place.disk) all.sample(place.disk->total_bytes, {{"place", place.url}});
  }
}

void expose_newest_backup(const catalog::BackupSummary& newest, Timestamp now, Exposition& all) {
  all.gauge("walkback_last_backup_timestamp_seconds", "When the last good backup ended")
      .sample(newest.stopped_at);
  all.gauge("walkback_last_backup_age_seconds", "How long ago the last good backup ended")
      .sample(std::max(0.0, seconds(now - newest.stopped_at)));
  all.gauge("walkback_last_backup_duration_seconds", "How long the last good backup took")
      .sample(newest.duration_s);
  all.gauge("walkback_last_backup_raw_bytes", "Of the files in the last good backup")
      .sample(newest.bytes_raw);
  all.gauge("walkback_last_backup_stored_bytes", "What the last good backup added")
      .sample(newest.bytes_stored);
  all.gauge("walkback_last_backup_bad_pages", "Pages that failed their checksum in it")
      .sample(newest.bad_pages);
  all.gauge("walkback_last_backup_unexplained_pages",
            "Pages that had changed without a word of it in the WAL")
      .sample(newest.unexplained_pages);
}

void expose_verify(const health::Attempts& attempts, Exposition& all) {
  if (const auto& last = attempts.last_verify) {
    all.gauge("walkback_last_verify_timestamp_seconds", "When the last verify ended")
        .sample(last->at);
    all.gauge("walkback_last_verify_sound", "Whether it found everything sound")
        .sample(last->sound);
    all.gauge("walkback_last_verify_found_trouble", "Whether it found something missing or damaged")
        .sample(last->found_trouble);
  }
  if (attempts.last_sound_verify) {
    all.gauge("walkback_last_sound_verify_timestamp_seconds",
              "When the last verify ended that found everything sound")
        .sample(*attempts.last_sound_verify);
  }
}

void expose_drill(const health::Attempts& attempts, Exposition& all) {
  if (const auto& last = attempts.last_drill) {
    all.gauge("walkback_last_drill_timestamp_seconds", "When the last drill ended")
        .sample(last->at);
    all.gauge("walkback_last_drill_success", "Whether it proved that all is there")
        .sample(last->ok);
  }
  if (const auto& good = attempts.last_good_drill) {
    all.gauge("walkback_last_good_drill_timestamp_seconds", "When the last good drill ended")
        .sample(good->at);
    all.gauge("walkback_last_good_drill_recovery_seconds", "How long the recovery in it took")
        .sample(good->recovery_s);
  }
}

void expose_repository(const health::RepositoryFacts& repository, Timestamp now, Exposition& all) {
  all.gauge("walkback_backups", "Good backups on the current timeline")
      .sample(uint64_t{repository.backups.size()});
  if (!repository.backups.empty()) expose_newest_backup(repository.backups.back(), now, all);
  const health::Attempts& attempts = repository.attempts;
  all.gauge("walkback_backup_failed", "Whether a backup has failed since the last good one")
      .sample(attempts.failed_backup.has_value());
  all.gauge("walkback_backup_running", "Whether a backup has begun and not ended")
      .sample(attempts.running_backup.has_value());
  all.gauge("walkback_recovery_windows", "Stretches of time that can be recovered")
      .sample(uint64_t{repository.windows.size()});
  if (!repository.windows.empty()) {
    all.gauge("walkback_recovery_window_start_timestamp_seconds",
              "The earliest moment of the newest stretch")
        .sample(repository.windows.back().from);
    all.gauge("walkback_recovery_window_end_timestamp_seconds",
              "The moment up to which the newest stretch is proved")
        .sample(repository.windows.back().to);
  }
  all.gauge("walkback_wal_gaps", "Holes in the archived WAL")
      .sample(uint64_t{repository.gaps.size()});
  all.gauge("walkback_unreadable_objects", "Summaries and events that cannot be read")
      .sample(uint64_t{repository.unreadable.size()});
  if (const auto* changes = seen(repository.mass_changes)) {
    all.gauge("walkback_mass_changes", "Transactions of the last hour that took many rows")
        .sample(uint64_t{changes->size()});
  }
  expose_verify(attempts, all);
  expose_drill(attempts, all);
  all.gauge("walkback_repository_stored_bytes", "Of backups and WAL in the repository")
      .sample(repository.bytes_stored);
  if (repository.bytes_per_day) {
    constexpr double kDay_s = 86'400;
    all.gauge("walkback_repository_growth_bytes_per_second", "At which it grew in the last week")
        .sample(*repository.bytes_per_day / kDay_s);
  }
}

void expose_stored(const catalog::StoredObjects& stored, Exposition& all) {
  all.gauge("walkback_repository_class_bytes", "Stored for this cluster, by class of object");
  for (const catalog::StoredClass kind : catalog::all_stored_classes()) {
    all.sample(stored[kind].bytes, {{"class", std::string(catalog::stored_class_name(kind))}});
  }
  all.gauge("walkback_repository_class_objects", "Objects of this cluster, by class");
  for (const catalog::StoredClass kind : catalog::all_stored_classes()) {
    all.sample(stored[kind].objects, {{"class", std::string(catalog::stored_class_name(kind))}});
  }
}

void expose_archiver(const health::ArchiverFacts& archiver, Exposition& all) {
  all.gauge("walkback_archiver_on", "Whether archive_mode and archive_command are set")
      .sample(archiver.on && archiver.has_command);
  all.counter("walkback_archiver_failures_total",
              "Failures of archive_command, as PostgreSQL counts")
      .sample(archiver.failures);
  all.gauge("walkback_archiver_failing", "Whether it has failed since it last succeeded")
      .sample(archiver.failing());
  all.gauge("walkback_archiver_elsewhere",
            "Whether a segment that the server calls archived is not in the repository")
      .sample(archiver.archives_elsewhere);
  if (archiver.last_archived_at) {
    all.gauge("walkback_archiver_last_success_timestamp_seconds", "When it last succeeded")
        .sample(*archiver.last_archived_at);
  }
  if (archiver.last_failed_at) {
    all.gauge("walkback_archiver_last_failure_timestamp_seconds", "When it last failed")
        .sample(*archiver.last_failed_at);
  }
}

void expose_server(const health::ServerFacts& server, Exposition& all) {
  all.gauge("walkback_server_info", "The server that answers")
      .sample(uint64_t{1},
              {{"system_identifier", fmt::format("{}", server.system_identifier.value)},
               {"version_num", fmt::format("{}", server.version_num)},
               {"timeline", fmt::format("{}", server.timeline.value)}});
  all.gauge("walkback_server_in_recovery", "Whether it is a standby").sample(server.in_recovery);
  expose_archiver(server.archiver, all);
  all.gauge("walkback_slot_held_bytes", "WAL that a replication slot holds");
  for (const auto& slot : server.slots) all.sample(slot.held_bytes, {{"slot", slot.name}});
  all.gauge("walkback_slot_active", "Whether a replication slot is being read");
  for (const auto& slot : server.slots) all.sample(slot.active, {{"slot", slot.name}});
  all.gauge("walkback_slot_lost", "Whether WAL that a replication slot needs is gone");
  for (const auto& slot : server.slots) all.sample(slot.lost, {{"slot", slot.name}});
}

void expose_lag(const health::UnarchivedFacts& unarchived, Timestamp now, Exposition& all) {
  // None that would be lost is a lag of nothing, however long ago a segment was archived.
  const double lag =
      unarchived.first_commit ? std::max(0.0, seconds(now - *unarchived.first_commit)) : 0.0;
  all.gauge("walkback_archive_lag_seconds",
            "Age of the oldest commit that is not in the repository")
      .sample(lag);
  if (unarchived.bytes) {
    all.gauge("walkback_archive_lag_bytes", "WAL that is not in the repository")
        .sample(*unarchived.bytes);
  }
  all.gauge("walkback_archive_lost", "Whether a segment is neither in the repository nor in pg_wal")
      .sample(!unarchived.lost.empty());
}

void expose_wal_directory(const health::WalDirectoryFacts& directory, Exposition& all) {
  all.gauge("walkback_pg_wal_segments", "Segment files in pg_wal").sample(directory.segments);
  all.gauge("walkback_pg_wal_bytes", "Their size").sample(directory.bytes);
  all.gauge("walkback_pg_wal_waiting_segments", "Of these, finished and not archived")
      .sample(directory.waiting);
  if (directory.waiting_since) {
    all.gauge("walkback_pg_wal_waiting_since_timestamp_seconds",
              "When the first of those was finished")
        .sample(*directory.waiting_since);
  }
  if (directory.bytes_per_s) {
    all.gauge("walkback_pg_wal_bytes_per_second", "At which WAL came into being in the last hour")
        .sample(*directory.bytes_per_s);
  }
  all.gauge("walkback_pg_wal_disk_free_bytes", "Free on the disk of pg_wal")
      .sample(directory.disk.free_bytes);
  all.gauge("walkback_pg_wal_disk_size_bytes", "Size of the disk of pg_wal")
      .sample(directory.disk.total_bytes);
}

void expose_keys(const health::KeyFacts& keys, Exposition& all) {
  all.gauge("walkback_encrypted", "Whether this host encrypts what it stores")
      .sample(keys.encrypted);
  if (!keys.encrypted) return;
  all.gauge("walkback_host_key_present", "Whether this host has a key, which the repository knows")
      .sample(keys.has_host_key && keys.host_key_known);
  all.gauge("walkback_recipients", "Whom this host encrypts to").sample(uint64_t{keys.recipients});
  all.gauge("walkback_unknown_recipients", "Of these, unknown to the repository")
      .sample(uint64_t{keys.unknown_recipients.size()});
  all.gauge("walkback_retired_recipients", "Of these, retired")
      .sample(uint64_t{keys.retired_recipients.size()});
}

void expose_clocks(const health::Facts& facts, Exposition& all) {
  all.gauge("walkback_clock_ahead_seconds", "How far another clock is ahead of this host's");
  if (const auto* server = seen(facts.server)) {
    all.sample(seconds(server->ahead), {{"clock", "server"}});
  }
  if (facts.store_ahead) all.sample(seconds(*facts.store_ahead), {{"clock", "store"}});
}

void expose_alerts(const health::AlertFacts& alerts, Exposition& all) {
  all.gauge("walkback_alert_channels", "Who is to be told").sample(uint64_t{alerts.channels});
  all.gauge("walkback_alert_channels_failing", "Of these, those that could not be")
      .sample(uint64_t{alerts.failing.size()});
}

void expose_limits(const health::Limits& limits, Exposition& all) {
  const auto limit = [&](std::string_view name, std::string_view help, const health::Span& span) {
    if (span) all.gauge(name, help).sample(seconds(*span));
  };
  limit("walkback_limit_backup_age_seconds", "status.backup_age", limits.backup_age);
  limit("walkback_limit_archive_lag_seconds", "status.wal_lag", limits.wal_lag);
  limit("walkback_limit_verify_age_seconds", "status.verify_age", limits.verify_age);
  limit("walkback_limit_drill_age_seconds", "status.drill_age", limits.drill_age);
  limit("walkback_limit_clock_skew_seconds", "status.clock_skew", limits.clock_skew);
  limit("walkback_recovery_time_objective_seconds", "status.recovery_time_objective",
        limits.recovery_time_objective);
  all.gauge("walkback_limit_slot_held_bytes", "status.slot_wal_mib").sample(limits.slot_wal_bytes);
}

}  // namespace

std::string expose(const health::Facts& facts, const health::Limits& limits,
                   const health::Report& report, const std::string& version) {
  Exposition all({{"cluster", facts.cluster}});
  all.gauge("walkback_build_info", "Which walkback says this")
      .sample(uint64_t{1}, {{"version", version}});
  all.gauge("walkback_gathered_timestamp_seconds", "When these figures were gathered")
      .sample(facts.now);
  expose_report(report, all);
  expose_sources(facts, all);
  if (const auto* repository = seen(facts.repository)) {
    expose_repository(*repository, facts.now, all);
  }
  if (facts.stored) expose_stored(*facts.stored, all);
  if (const auto* unarchived = seen(facts.unarchived)) expose_lag(*unarchived, facts.now, all);
  if (const auto* server = seen(facts.server)) expose_server(*server, all);
  if (const auto* directory = seen(facts.wal_directory)) expose_wal_directory(*directory, all);
  if (const auto* keys = seen(facts.keys)) expose_keys(*keys, all);
  expose_clocks(facts, all);
  if (facts.alerts) expose_alerts(*facts.alerts, all);
  expose_limits(limits, all);
  return all.text();
}

}  // namespace walkback::metrics
