#include "cli/schedule_options.h"

#include <fmt/format.h>

#include "catalog/backups.h"
#include "catalog/lineage.h"
#include "config/keys.h"
#include "health/server_facts.h"

namespace walkback::cli {

namespace {

constexpr std::string_view kZones = "/zoneinfo/";
constexpr uint64_t kLongestName = 256;  // bytes

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

Result<std::optional<uint64_t>> measure_wal(const config::Config& config,
                                            store::ObjectStore& objects, Session& session) {
  const catalog::Lineage lineage = TRY(catalog::find_lineage(objects, config.cluster));
  const catalog::LineageLayout layout(config.cluster, lineage.system_identifier);
  const auto backups = TRY(catalog::list_backups(objects, layout, [](const Error&) {}));
  if (backups.empty()) return std::optional<uint64_t>();
  const auto connection = TRY(session.connect(config));
  const pg::Lsn end = TRY(health::read_server(*connection, session.env().clock)).wal_end;
  const pg::Lsn start = backups.back().start_lsn;
  return std::optional<uint64_t>(end > start ? end.value - start.value : 0);
}

}  // namespace

std::string system_zone(FileSystem& files) {
  const Result<std::string> link = files.read_symlink("/etc/localtime");
  const size_t at = link.ok() ? link->find(kZones) : std::string::npos;
  if (at != std::string::npos) return link->substr(at + kZones.size());
  const Result<Bytes> named = read_file(files, "/etc/timezone", kLongestName);
  if (named.ok() && !named->empty()) return first_line(as_text(*named));
  return "UTC";
}

Result<schedule::Schedule> schedule_of(const config::Config& config, FileSystem& files) {
  using schedule::Job;
  const bool given = !config.schedule_zone.empty();
  Result<schedule::Zone> found =
      schedule::Zone::find(files, given ? config.schedule_zone : system_zone(files));
  if (!found.ok() && given) return std::move(found).error().with_context("schedule.zone");
  // Not walkback's business, and no reason to run nothing.
  const schedule::Zone zone =
      found.ok() ? *std::move(found) : TRY(schedule::Zone::find(files, "UTC"));
  schedule::Schedule schedule;
  for (const auto& [job, text] : {std::pair(Job::kBackup, &config.schedule_backup),
                                  std::pair(Job::kPrune, &config.schedule_prune),
                                  std::pair(Job::kVerify, &config.schedule_verify),
                                  std::pair(Job::kDrill, &config.schedule_drill)}) {
    if (*text == config::kNever || (job == Job::kDrill && config.drill_directory.empty())) continue;
    auto expression = TRY(schedule::CronExpression::parse(*text));
    schedule.runs.emplace(job, schedule::CronSchedule(std::move(expression), zone));
  }
  if (const auto objective = config::parse_span(config.schedule_recovery_time_objective)) {
    schedule.recovery_time_objective = *objective;
  }
  return schedule;
}

std::string schedule_text(const schedule::Schedule& schedule) {
  std::string text;
  for (const auto& [job, runs] : schedule.runs) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", schedule::job_name(job),
                        runs.expression().text());
  }
  if (text.empty()) return "the agent runs nothing by the clock";
  return fmt::format("{} ({})", text, schedule.runs.begin()->second.zone().name());
}

std::optional<uint64_t> wal_since_backup(const config::Config& config, store::ObjectStore& objects,
                                         Session& session) {
  const Result<std::optional<uint64_t>> measured = measure_wal(config, objects, session);
  return measured.ok() ? *measured : std::nullopt;
}

}  // namespace walkback::cli
