#include "cli/health_facts.h"

#include <algorithm>

#include "cli/alert_options.h"
#include "cli/key_options.h"
#include "cli/live_names.h"
#include "cli/retention_options.h"
#include "config/keys.h"
#include "health/gather.h"
#include "health/key_facts.h"
#include "keys/local_keys.h"
#include "setup/repository_place.h"

namespace walkback::cli {

namespace {

// Somebody sits and waits, or the next run of cron does.
constexpr int kLongestSilence_s = 10;

// The repository's places, and what of them answers.
class Places {
 public:
  Places(const config::Config& config, Session& session)
      : config_(quick(config)), session_(session) {
    look(config_.repository_url, config_.repository_required);
    if (!config_.second_repository_url.empty()) {
      look(config_.second_repository_url, config_.second_repository_required);
    }
  }

  const std::vector<health::PlaceFacts>& facts() const { return facts_; }

  // Of what answers; the rest is asked without the other's time-outs.
  Result<store::ObjectStore*> open() {
    const auto first = std::ranges::find_if(facts_, answers);
    if (first == facts_.end()) return *facts_.front().error;
    if (!std::ranges::all_of(facts_, answers)) config_ = alone(first->url);
    store_ = TRY(session_.open_repository(config_, Access::kMetadata));
    TRY(session_.check_cluster(*store_, config_));
    return store_.get();
  }

  // Whether the files are there and can be used is seen without a repository, too.
  health::Looked<health::KeyFacts> keys() {
    health::KeyFacts none;
    none.encrypted = false;
    if (config_.encryption != "age") return none;
    Env& env = session_.env();
    const auto options = key_options(config_, env.user_id);
    if (!options.ok()) return Result<health::KeyFacts>(options.error());
    const auto local = keys::load_local_keys(env.files, *options, keys::OwnerFile::kIfThere);
    if (!local.ok()) return Result<health::KeyFacts>(local.error());
    if (std::ranges::none_of(facts_, answers)) return std::nullopt;
    return look_at_keys(*options);
  }

 private:
  static bool answers(const health::PlaceFacts& place) { return !place.error.has_value(); }
  static config::Config quick(config::Config config) {
    config.s3_timeout_s = std::min(config.s3_timeout_s, kLongestSilence_s);
    return config;
  }
  config::Config alone(const std::string& url) const {
    config::Config alone = config_;
    alone.repository_url = url;
    alone.second_repository_url.clear();
    alone.repository_required = true;
    return alone;
  }

  Result<health::KeyFacts> look_at_keys(const keys::Options& options) {
    Env& env = session_.env();
    const auto beneath = TRY(session_.open_beneath(config_));
    return health::look_at_keys({env.files, *beneath, env.gpg, env.clock, env.random, options});
  }

  void look(const std::string& url, bool required) {
    health::PlaceFacts place;
    place.url = url;
    place.required = required || config_.second_repository_url.empty();
    const auto store = session_.open_repository(alone(url), Access::kMetadata);
    if (!store.ok()) place.error = store.error();
    if (const auto directory = setup::repository_directory(url); store.ok() && directory) {
      const Result<DiskSpace> disk = session_.env().files.disk_space(*directory);
      if (disk.ok()) place.disk = *disk;
    }
    facts_.push_back(std::move(place));
  }

  config::Config config_;
  Session& session_;
  std::vector<health::PlaceFacts> facts_;
  std::unique_ptr<store::ObjectStore> store_;
};

// A state that cannot be read is none: nothing of a channel is known.
void add_alerts(const alert::TellOptions& options, FileSystem& files, health::Facts& facts) {
  auto known = alert::known_failures(options, files);
  if (known.ok()) facts.alerts = *std::move(known);
}

}  // namespace

health::Limits health_limits(const config::Config& config) {
  health::Limits limits;
  limits.backup_age = config::parse_span(config.status_backup_age);
  limits.wal_lag = config::parse_span(config.status_wal_lag);
  limits.disk_time_left = config::parse_span(config.status_disk_time_left);
  limits.slot_wal_bytes = static_cast<uint64_t>(config.status_slot_wal_mib) << 20;
  limits.verify_age = config::parse_span(config.status_verify_age);
  limits.drill_age = config::parse_span(config.status_drill_age);
  limits.recovery_time_objective = config::parse_span(config.status_recovery_time_objective.empty()
                                                          ? config.schedule_recovery_time_objective
                                                          : config.status_recovery_time_objective);
  limits.mass_delete_rows = static_cast<uint64_t>(config.status_mass_delete_rows);
  limits.repository_time_left = config::parse_span(config.status_repository_time_left);
  limits.clock_skew = config::parse_span(config.status_clock_skew);
  limits.promise = promise_of(config);
  return limits;
}

void StoredByClass::add_to(health::Facts& facts, const config::Config& config, Session& session) {
  if (!facts.repository || !facts.repository->ok()) return;
  look(config, session);
  facts.stored = stored_;
}

void StoredByClass::look(const config::Config& config, Session& session) {
  constexpr std::chrono::hours kFresh{1};
  const std::chrono::nanoseconds now = session.env().clock.monotonic();
  if (stored_ && now - listed_ < kFresh) return;
  const auto store = session.open_repository(config, Access::kMetadata);
  if (!store.ok()) return;
  const auto stored = catalog::sum_stored_objects(**store, config.cluster);
  if (!stored.ok()) return;
  stored_ = *stored;
  listed_ = now;
}

health::Facts health_facts(const config::Config& config, const health::Limits& limits,
                           Session& session) {
  Env& env = session.env();
  Places places(config, session);
  const health::Sources sources{
      .files = env.files,
      .clock = env.clock,
      .connect = [&] { return session.connect(config); },
      .repository = [&] { return places.open(); },
      .keys = [&] { return places.keys(); },
      .live_names = [&] { return live_names(config, session); },
      .store_ahead = env.store_ahead,
  };
  health::Facts facts =
      health::gather({config.cluster, config.pgdata}, limits, sources, std::stop_token());
  facts.places = places.facts();
  add_alerts(alert_options(config, session), env.files, facts);
  return facts;
}

}  // namespace walkback::cli
