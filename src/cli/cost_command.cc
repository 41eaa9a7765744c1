#include "catalog/stored_objects.h"
#include "cli/commands.h"
#include "cli/cost_text.h"
#include "config/keys.h"
#include "cost/gather.h"

namespace walkback::cli {

namespace {

constexpr std::string_view kInfrequentAccess = "STANDARD_IA";
constexpr uint64_t kMiB = 1024 * 1024;

// The configuration was checked when it was read.
double price(const std::string& text) { return config::parse_price(text).value_or(0); }

cost::Prices prices_of(const config::Config& config) {
  return {.currency = config.cost_currency,
          .standard_gb_month = price(config.cost_standard_gb_month),
          .standard_put_1000 = price(config.cost_standard_put_1000),
          .standard_get_1000 = price(config.cost_standard_get_1000),
          .ia_gb_month = price(config.cost_ia_gb_month),
          .ia_put_1000 = price(config.cost_ia_put_1000),
          .ia_get_1000 = price(config.cost_ia_get_1000),
          .ia_retrieval_gb = price(config.cost_ia_retrieval_gb),
          .directory_gb_month = price(config.cost_directory_gb_month),
          .managed_storage_gb_month = price(config.cost_managed_storage_gb_month),
          .managed_backup_gb_month = price(config.cost_managed_backup_gb_month)};
}

cost::StorageClass storage_class(std::string_view name) {
  return name == kInfrequentAccess ? cost::StorageClass::kInfrequent
                                   : cost::StorageClass::kStandard;
}

cost::Place place_of(const config::Config& config, const std::string& url, Session& session) {
  cost::Place place;
  place.url = url;
  place.medium = url.starts_with("s3://") ? cost::Medium::kBucket : cost::Medium::kDirectory;
  place.packs = storage_class(session.env().pack_storage_class(config));
  place.others = storage_class(config.s3_storage_class);
  config::Config alone = config;
  alone.repository_url = url;
  alone.second_repository_url.clear();
  alone.repository_required = true;
  const auto store = session.open_repository(alone, Access::kMetadata);
  auto stored = store.ok() ? catalog::sum_stored_objects(**store, config.cluster)
                           : Result<catalog::StoredObjects>(store.error());
  if (stored.ok()) {
    place.stored = *stored;
  } else {
    place.error = stored.error();
  }
  return place;
}

}  // namespace

Result<ExitStatus> run_cost(const CostOptions&, Session& session) {
  const config::Config config = TRY(session.load_config());
  const auto store = TRY(session.open_repository(config, Access::kMetadata));
  TRY(session.check_cluster(*store, config));
  const auto unreadable = [&](const Error& error) { session.warn(error); };
  cost::Facts facts =
      TRY(cost::gather(*store, config.cluster, session.env().clock.now(), unreadable));
  for (const std::string& url : config::repository_urls(config)) {
    facts.places.push_back(place_of(config, url, session));
  }
  facts.window = config::parse_span(config.retention_window);
  facts.part_bytes = static_cast<uint64_t>(config.s3_part_mib) * kMiB;
  facts.agent_answers_prometheus = !config.metrics_listen.empty();
  const cost::Prices prices = prices_of(config);
  const cost::Estimate estimate = cost::estimate(facts, prices);
  session.result(cost_text(facts, prices, estimate), cost_json(facts, prices, estimate));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
