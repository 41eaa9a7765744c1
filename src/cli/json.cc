#include "cli/json.h"

#include "base/json.h"
#include "base/time_text.h"
#include "cli/errors.h"
#include "cli/target_record.h"

namespace walkback::cli {

namespace {

Json json_of(Timestamp time) { return to_iso_utc(time); }
Json json_of(pg::Lsn lsn) { return lsn.text(); }
Json json_of(pg::TimelineId timeline) { return timeline.value; }
Json json_of(pg::SystemIdentifier identifier) { return std::to_string(identifier.value); }
Json json_of(uint64_t number) { return number; }

Json json_of(const std::string& line) { return line; }

// What optionals and lists of hold, declared before the templates that look them up.
Json json_of(const catalog::BackupSummary& backup);
Json json_of(const backup::BadPage& page);
Json json_of(const backup::UnexplainedPage& page);
Json json_of(const catalog::RecoveryWindow& window);
Json json_of(const catalog::WalGap& gap);
Json json_of(const catalog::KnownTimeline& timeline);
Json json_of(const restore::PlanRecord& record);
Json json_of(const restore::OtherTimeline& other);
Json json_of(const restore::Tablespace& tablespace);
Json json_of(const restore::RecoveryPlan::ReplayedTablespace& tablespace);
Json json_of(const restore::ReplayedPlace& replayed);
Json json_of(const restore::DeltaSurvey& delta);
Json json_of(const restore::RecoverReport::Delta& delta);
Json json_of(const restore::SettingChange& change);
Json json_of(const setup::ServerSetting& setting);
Json json_of(const catalog::Event& event);

template <typename T>
Json json_of(const std::optional<T>& value) {
  return value ? json_of(*value) : Json(nullptr);
}

template <typename T>
Json list_of(const std::vector<T>& items) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(json_of(item));
  return list;
}

Json json_of(const Error& error) {
  return {{"kind", error_kind_name(error.kind)},
          {"message", without_private_keys(error.message)},
          {"hint", without_private_keys(error.hint)}};
}

Json json_of(const catalog::BackupSummary& backup) {
  return {{"id", backup.id.text},
          {"type", catalog::backup_type_name(backup.type)},
          {"label", backup.label},
          {"started_at", json_of(backup.started_at)},
          {"stopped_at", json_of(backup.stopped_at)},
          {"from_standby", backup.from_standby},
          {"start_lsn", json_of(backup.start_lsn)},
          {"stop_lsn", json_of(backup.stop_lsn)},
          {"timeline", json_of(backup.timeline)},
          {"files", backup.files},
          {"bytes_raw", backup.bytes_raw},
          {"bytes_read", backup.bytes_read},
          {"bytes_reread", backup.bytes_reread},
          {"bytes_stored", backup.bytes_stored},
          {"duration_s", backup.duration_s},
          {"bad_page_count", backup.bad_pages},
          {"unexplained_page_count", backup.unexplained_pages},
          {"system_identifier", json_of(backup.system_identifier)},
          {"server_version_num", backup.server_version_num}};
}

Json json_of(const backup::BadPage& page) { return {{"file", page.file}, {"block", page.block}}; }

Json json_of(const backup::UnexplainedPage& page) {
  return {{"file", page.file},
          {"block", page.block},
          {"lsn", json_of(page.lsn)},
          {"since_parent", page.since_parent}};
}

Json json_of(const catalog::RecoveryWindow& window) {
  return {{"timeline", json_of(window.timeline)},
          {"from", json_of(window.from)},
          {"to", json_of(window.to)},
          {"from_lsn", json_of(window.from_lsn)},
          {"to_lsn", json_of(window.to_lsn)},
          {"wal_unread", window.wal_unread},
          {"system_identifier", json_of(window.system_identifier)}};
}

Json json_of(const catalog::WalGap& gap) {
  return {{"timeline", json_of(gap.timeline)},
          {"from_lsn", json_of(gap.from_lsn)},
          {"to_lsn", json_of(gap.to_lsn)},
          {"from", json_of(gap.from)},
          {"to", json_of(gap.to)},
          {"reason", gap.reason.empty() ? Json(nullptr) : Json(gap.reason)},
          {"system_identifier", json_of(gap.system_identifier)}};
}

Json json_of(const catalog::KnownTimeline& timeline) {
  return {{"timeline", json_of(timeline.timeline)},
          {"parent", timeline.left ? json_of(timeline.left->parent) : Json(nullptr)},
          {"begin_lsn", timeline.left ? json_of(timeline.left->at) : Json(nullptr)},
          {"history_missing", timeline.history_missing},
          {"has_wal", timeline.has_wal},
          {"current", timeline.current},
          {"system_identifier", json_of(timeline.system_identifier)}};
}

Json json_of(const restore::PlanRecord& record) {
  return {{"what", record.what},
          {"lsn", json_of(record.lsn)},
          {"time", json_of(record.time)},
          {"xid", json_of(record.xid)}};
}

Json json_of(const restore::OtherTimeline& other) {
  return {{"timeline", json_of(other.timeline)},
          {"parts_at", json_of(other.parts_at)},
          {"first_commit", json_of(other.first_commit)},
          {"until", json_of(other.until)}};
}

Json json_of(const restore::Tablespace& tablespace) {
  return {{"oid", tablespace.oid}, {"location", tablespace.location}};
}

Json json_of(const restore::ReplayedPlace& replayed) {
  return {{"location", replayed.location}, {"place", replayed.place}};
}

Json json_of(const restore::RecoveryPlan::ReplayedTablespace& tablespace) {
  return {
      {"oid", tablespace.oid}, {"location", tablespace.location}, {"lsn", json_of(tablespace.lsn)}};
}

Json json_of(const restore::DeltaSurvey& delta) {
  return {{"unfinished", delta.reused.pg_control.empty()},
          {"bytes_there", delta.bytes_there},
          {"files_there", delta.files_there},
          {"removed", list_of(delta.goes)},
          {"bytes_removed", delta.bytes_going},
          {"kept_directory", delta.kept_directory},
          {"kept_wal", list_of(delta.kept_wal)},
          {"kept_before", list_of(delta.kept_before)},
          {"kept_commits",
           {{"count", delta.kept_commits.count}, {"first", json_of(delta.kept_commits.first)}}},
          {"kept_configuration", list_of(delta.kept_configuration)},
          {"left_alone", list_of(delta.left_alone)}};
}

Json json_of(const restore::RecoverReport::Delta& delta) {
  Json json = json_of(delta.survey);
  json["bytes_right"] = delta.bytes_right;
  json["bytes_written"] = delta.bytes_written;
  json["bytes_fetched"] = delta.bytes_fetched;
  return json;
}

Json json_of(const restore::SettingChange& change) {
  return {{"name", change.name}, {"value", change.value}, {"why", change.why}};
}

Json json_of(const setup::ServerSetting& setting) {
  return {{"name", setting.name},
          {"wanted", setting.wanted},
          {"current", setting.current},
          {"satisfied", setting.satisfied()},
          {"needs_restart", setting.needs_restart},
          {"pending", setting.pending}};
}

Json target_of(const restore::RecoveryPlan& plan) {
  TargetRecord record = target_record(plan);
  Json target{{"kind", restore::target_kind_name(plan.target.kind)},
              {"time", json_of(record.time)},
              {"xid", json_of(record.xid)},
              {"lsn", json_of(plan.target_lsn)},
              {"inclusive", plan.inclusive},
              {"timeline", json_of(plan.timeline)}};
  if (plan.target.kind == restore::TargetKind::kName) target["name"] = plan.target.name;
  return target;
}

Json json_of(const restore::RecoveryPlan& plan) {
  return {{"target", target_of(plan)},
          {"backup", json_of(plan.backup)},
          {"end_lsn", json_of(plan.end_lsn)},
          {"last_replayed", json_of(plan.last_replayed)},
          {"first_left_out", json_of(plan.first_left_out)},
          {"other_timelines", list_of(plan.other_timelines)},
          {"commits_replayed", plan.commits_replayed},
          {"commits_given_up", plan.commits_given_up},
          {"earlier_times_left_out", list_of(plan.earlier_times_left_out)},
          {"notes", list_of(plan.notes)},
          {"segments", plan.segments},
          {"wal_bytes", plan.wal_bytes},
          {"restore_bytes", plan.restore_bytes},
          {"fetch_bytes", plan.fetch_bytes},
          {"tablespaces", list_of(plan.tablespaces)},
          {"replayed_tablespaces", list_of(plan.replayed_tablespaces)},
          {"unreadable", list_of(plan.unreadable)}};
}

double seconds(std::chrono::microseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

Json json_of(const catalog::DrillSummary& drill) {
  Json proofs = Json::array();
  for (const auto& proof : drill.proofs) {
    proofs.push_back(
        {{"name", proof.name}, {"outcome", catalog::proof_outcome_name(proof.outcome)}});
  }
  return {{"backup", drill.backup.text},
          {"target", drill.target},
          {"seed", drill.seed ? Json(*drill.seed) : Json(nullptr)},
          {"timeline", drill.timeline.value},
          {"target_lsn", drill.target_lsn.text()},
          {"target_time", json_of(drill.target_time)},
          {"proofs", proofs},
          {"bytes_written", drill.bytes_written},
          {"bytes_fetched", drill.bytes_fetched},
          {"wal_bytes", drill.wal_bytes},
          {"timings",
           {{"restore_s", drill.restore_s},
            {"replay_s", drill.replay_s},
            {"prove_s", drill.prove_s},
            {"total_s", drill.total_s}}},
          {"system_identifier", std::to_string(drill.system_identifier.value)}};
}

Json json_of(const catalog::Event& event) {
  Json json{{"id", event.id},
            {"kind", event.kind},
            {"host", event.host},
            {"started_at", json_of(event.started_at)},
            {"ended_at", json_of(event.ended_at)},
            {"duration_s",
             event.ended_at ? Json(seconds(*event.ended_at - event.started_at)) : Json(nullptr)},
            {"outcome", catalog::outcome_name(event)},
            {"error", event.error.empty() ? Json(nullptr) : Json(event.error)},
            {"detail", event.detail}};
  if (event.backup) {
    json["location"] = event.location;
    json["backup"] = json_of(*event.backup);
  }
  if (event.drill) json["drill"] = json_of(*event.drill);
  return json;
}

Json reached_of(const restore::RecoverReport& report) {
  if (!report.started) return nullptr;
  // Where it stands is the server's word; which record that is, the plan's: the server's own last
  // commit time may be of the transaction before.
  const std::optional<restore::PlanRecord>& last = report.plan.last_replayed;
  const bool known = report.reached && last;
  return {{"time", known ? json_of(last->time) : json_of(report.reached_time)},
          {"lsn", json_of(report.reached_lsn)},
          {"xid", known ? json_of(last->xid) : json_of(report.reached_xid)}};
}

}  // namespace

std::string error_json(const Error& error) { return to_text({{"error", json_of(error)}}); }

std::string init_json(const InitView& view) {
  const setup::InitReport& report = view.report;
  const config::Config& config = view.config;
  auto or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  return to_text({{"init",
                   {{"repository_id", report.repository_id},
                    {"repository_created", report.repository_created},
                    {"objects_copied", report.copied},
                    {"encryption", config.encryption},
                    {"recipients", config.encryption_recipients},
                    {"host_key_file", or_null(config.encryption_host_key_file)},
                    {"identity_file", or_null(config.encryption_identity_file)},
                    {"config", view.config_path},
                    {"config_written", view.config_written},
                    {"system_identifier", json_of(report.system_identifier)},
                    {"server_version_num", report.server_version_num},
                    {"settings", list_of(report.settings)},
                    {"applied", report.applied},
                    {"restart_required", report.restart_required},
                    {"proved_segment", or_null(report.proved_segment)}}}});
}

std::string check_json(const CheckView& view) {
  Json findings = Json::array(), traits = Json::array();
  bool ok = true;
  for (const setup::Finding& finding : view.findings) {
    ok &= finding.level != setup::Level::kFailed;
    findings.push_back({{"level", setup::level_name(finding.level)},
                        {"what", finding.what},
                        {"text", finding.text},
                        {"hint", finding.hint}});
  }
  for (const StoreTrait& trait : view.traits) {
    traits.push_back({{"name", trait.name},
                      {"means", trait.means},
                      {"able", trait.able ? Json(*trait.able) : Json(nullptr)},
                      {"detail", trait.detail}});
  }
  return to_text({{"check", {{"ok", ok}, {"findings", findings}, {"store", traits}}}});
}

std::string wal_push_json(const archive::WalPushReport& report) {
  return to_text({{"wal_push",
                   {{"name", report.name},
                    {"already_there", report.already_there},
                    {"bytes_raw", report.bytes_raw},
                    {"bytes_stored", report.bytes_stored}}}});
}

std::string wal_get_json(const std::string& name, archive::WalGetOutcome outcome) {
  bool delivered = outcome == archive::WalGetOutcome::kDelivered;
  return to_text(
      {{"wal_get", {{"name", name}, {"outcome", delivered ? "delivered" : "not_in_archive"}}}});
}

std::string wal_index_json(const archive::WalIndexReport& report) {
  return to_text({{"index",
                   {{"segments", report.segments},
                    {"whole", report.whole},
                    {"missing", report.missing},
                    {"damaged", report.damaged},
                    {"incomplete", report.incomplete},
                    {"wrong_sign", report.wrong_sign},
                    {"rebuilt", report.rebuilt},
                    {"still_incomplete", report.still_incomplete},
                    {"whole_now", report.whole_now},
                    {"begin_unknown", report.begin_unknown},
                    {"not_archived", report.not_archived},
                    {"failed", report.failed}}}});
}

std::string backup_json(const backup::BackupReport& report, const Error* error) {
  Json json{{"backup", json_of(report.summary)},
            {"parent", report.parent ? Json(report.parent->text) : Json()},
            {"reason", report.reason},
            {"bad_pages", list_of(report.bad_pages)},
            {"unexplained_pages", list_of(report.unexplained.named)},
            {"timings",
             {{"checkpoint_s", report.timings.checkpoint_s},
              {"changes_s", report.timings.changes_s},
              {"copy_s", report.timings.copy_s},
              {"stop_s", report.timings.stop_s},
              {"wal_wait_s", report.timings.wal_wait_s}}}};
  if (error) json["error"] = json_of(*error);
  return to_text(json);
}

std::string list_json(const catalog::Listing& listing, const std::vector<std::string>& unreadable) {
  return to_text(
      {{"backups", list_of(listing.backups)},
       {"windows", list_of(listing.windows)},
       {"gaps", list_of(listing.gaps)},
       {"timelines", list_of(listing.timelines)},
       {"wal", {{"segments", listing.wal_segments}, {"bytes_stored", listing.wal_bytes_stored}}},
       {"bytes_stored", listing.bytes_stored},
       {"unreadable", list_of(unreadable)}});
}

std::string plan_json(const restore::RecoveryPlan& plan) {
  return to_text({{"plan", json_of(plan)}});
}

std::string dry_run_json(const restore::RecoveryPlan& plan, const restore::CheckedTarget& target) {
  const restore::TargetLayout& layout = target.layout;
  return to_text({{"plan", json_of(plan)},
                  {"layout",
                   {{"data_directory", layout.data_directory},
                    {"tablespaces", list_of(layout.tablespaces)},
                    {"replayed_tablespaces", list_of(layout.replayed)}}},
                  {"delta", json_of(target.delta)}});
}

std::string recover_json(const restore::RecoverReport& report, const Error* error) {
  Json json{{"backup", report.plan.backup.id.text},
            {"target", target_of(report.plan)},
            {"started", report.started},
            {"reached", reached_of(report)},
            {"timeline", json_of(report.new_timeline)},
            {"data_directory", report.data_directory},
            {"port", report.port},
            {"socket_directory", report.socket_directory},
            {"log_file", report.log_file},
            {"segments_replayed", report.segments_replayed},
            {"commits_given_up", report.plan.commits_given_up},
            {"timings",
             {{"restore_s", report.restore_s},
              {"replay_s", report.replay_s},
              {"total_s", report.total_s}}},
            {"delta", json_of(report.delta)},
            {"setting_changes", list_of(report.setting_changes)}};
  if (error) json["error"] = json_of(*error);
  return to_text(json);
}

std::string adopt_json(const restore::AdoptReport& report) {
  return to_text(
      {{"adopt",
        {{"timeline", json_of(report.timeline)},
         {"segments_archived", report.segments_archived},
         {"restart_required", report.restart_required},
         {"port", report.port},
         {"tablespaces", list_of(report.tablespaces)},
         {"old_server_port", report.old_server ? Json(report.old_server->port) : Json(nullptr)}}}});
}

std::string history_export_json(size_t rows) {
  return to_text({{"exported", {{"table", "public.backup_history"}, {"rows_changed", rows}}}});
}

std::string history_json(const std::vector<catalog::Event>& events,
                         const std::vector<std::string>& unreadable) {
  return to_text({{"events", list_of(events)}, {"unreadable", list_of(unreadable)}});
}

}  // namespace walkback::cli
