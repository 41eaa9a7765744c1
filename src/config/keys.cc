#include "config/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <vector>

#include "base/closest.h"
#include "base/whole_number.h"
#include "schedule/cron_expression.h"

namespace walkback::config {

namespace {

// More threads than this are a mistake, not a machine.
constexpr int kMostWorkers = 64;
// codec takes 1 to 19.
constexpr int kMostCompression = 19;
constexpr int kDay_s = 24 * 60 * 60;
constexpr int kMostReread_days = 3650;
// Leaves room for the rest of an object's name, which a store limits to 900 bytes.
constexpr size_t kLongestName = 64;

constexpr Key text_key(std::string_view section, std::string_view name, ValueType type,
                       std::string Config::*member, std::string_view choices = {}) {
  return {section, name, type, member, nullptr, 0, 0, choices};
}

constexpr Key integer_key(std::string_view section, std::string_view name, int Config::*member,
                          int min, int max) {
  return {section, name, ValueType::kInteger, nullptr, member, min, max, {}};
}

constexpr Key list_key(std::string_view section, std::string_view name,
                       std::vector<std::string> Config::*member) {
  return {section, name, ValueType::kList, nullptr, nullptr, 0, 0, {}, member};
}

constexpr Key flag_key(std::string_view section, std::string_view name, bool Config::*member) {
  return {section, name, ValueType::kFlag, nullptr, nullptr, 0, 0, {}, nullptr, member};
}

constexpr int kMostKept = 100'000;
constexpr int kMostPart_mib = 1024;
constexpr int kMostUploads = 256;
constexpr int kMostLimit = 1 << 30;
constexpr int kMostRows = 2'000'000'000;

constexpr std::array kKeys{
    text_key("cluster", "name", ValueType::kName, &Config::cluster),
    text_key("postgresql", "pgdata", ValueType::kPath, &Config::pgdata),
    text_key("postgresql", "conninfo", ValueType::kText, &Config::conninfo),
    text_key("postgresql", "primary_conninfo", ValueType::kText, &Config::primary_conninfo),
    text_key("postgresql", "bin_dir", ValueType::kPath, &Config::bin_dir),
    text_key("repository", "url", ValueType::kText, &Config::repository_url),
    text_key("repository", "encryption", ValueType::kChoice, &Config::encryption, "age, none"),
    flag_key("repository", "required", &Config::repository_required),
    text_key("second_repository", "url", ValueType::kText, &Config::second_repository_url),
    flag_key("second_repository", "required", &Config::second_repository_required),
    list_key("encryption", "recipients", &Config::encryption_recipients),
    text_key("encryption", "identity_file", ValueType::kPath, &Config::encryption_identity_file),
    text_key("encryption", "host_key_file", ValueType::kPath, &Config::encryption_host_key_file),
    list_key("encryption", "trusted_signers", &Config::encryption_trusted_signers),
    text_key("s3", "region", ValueType::kText, &Config::s3_region),
    text_key("s3", "endpoint", ValueType::kText, &Config::s3_endpoint),
    text_key("s3", "addressing", ValueType::kChoice, &Config::s3_addressing,
             "auto, path, virtual-host"),
    text_key("s3", "ca_file", ValueType::kPath, &Config::s3_ca_file),
    text_key("s3", "profile", ValueType::kText, &Config::s3_profile),
    text_key("s3", "pack_storage_class", ValueType::kText, &Config::s3_pack_storage_class),
    text_key("s3", "storage_class", ValueType::kText, &Config::s3_storage_class),
    text_key("s3", "server_side_encryption", ValueType::kText, &Config::s3_server_side_encryption),
    text_key("s3", "kms_key_id", ValueType::kText, &Config::s3_kms_key_id),
    list_key("s3", "tags", &Config::s3_tags),
    integer_key("s3", "part_mib", &Config::s3_part_mib, 5, kMostPart_mib),
    integer_key("s3", "uploads_in_flight", &Config::s3_uploads_in_flight, 1, kMostUploads),
    integer_key("s3", "timeout_s", &Config::s3_timeout_s, 1, kDay_s),
    integer_key("s3", "limit_kib_per_s", &Config::s3_limit_kib_per_s, 0, kMostLimit),
    integer_key("s3", "limit_requests_per_s", &Config::s3_limit_requests_per_s, 0, kMostLimit),
    integer_key("backup", "workers", &Config::backup_workers, 1, kMostWorkers),
    integer_key("backup", "compression_level", &Config::backup_compression_level, 1,
                kMostCompression),
    integer_key("backup", "reread_days", &Config::backup_reread_days, 0, kMostReread_days),
    integer_key("archive", "workers", &Config::archive_workers, 1, kMostWorkers),
    integer_key("archive", "compression_level", &Config::archive_compression_level, 1,
                kMostCompression),
    integer_key("archive", "timeout_s", &Config::archive_timeout_s, 1, kDay_s),
    integer_key("recovery", "workers", &Config::recovery_workers, 1, kMostWorkers),
    text_key("recovery", "action", ValueType::kChoice, &Config::recovery_action,
             "promote, pause, shutdown"),
    flag_key("recovery", "on_demand", &Config::recovery_on_demand),
    integer_key("verify", "workers", &Config::verify_workers, 1, kMostWorkers),
    integer_key("verify", "limit_mib_per_s", &Config::verify_limit_mib_per_s, 0, kMostLimit),
    text_key("drill", "directory", ValueType::kPath, &Config::drill_directory),
    flag_key("drill", "heap_all_indexed", &Config::drill_heap_all_indexed),
    integer_key("drill", "check_timeout_s", &Config::drill_check_timeout_s, 1, kDay_s),
    text_key("retention", "window", ValueType::kSpan, &Config::retention_window),
    integer_key("retention", "count", &Config::retention_count, 0, kMostKept),
    integer_key("retention", "hourly", &Config::retention_hourly, 0, kMostKept),
    integer_key("retention", "daily", &Config::retention_daily, 0, kMostKept),
    integer_key("retention", "weekly", &Config::retention_weekly, 0, kMostKept),
    integer_key("retention", "monthly", &Config::retention_monthly, 0, kMostKept),
    integer_key("retention", "yearly", &Config::retention_yearly, 0, kMostKept),
    text_key("status", "backup_age", ValueType::kSpan, &Config::status_backup_age),
    text_key("status", "wal_lag", ValueType::kSpan, &Config::status_wal_lag),
    text_key("status", "disk_time_left", ValueType::kSpan, &Config::status_disk_time_left),
    integer_key("status", "slot_wal_mib", &Config::status_slot_wal_mib, 1, kMostLimit),
    text_key("status", "verify_age", ValueType::kSpan, &Config::status_verify_age),
    text_key("status", "drill_age", ValueType::kSpan, &Config::status_drill_age),
    text_key("status", "recovery_time_objective", ValueType::kSpan,
             &Config::status_recovery_time_objective),
    integer_key("status", "mass_delete_rows", &Config::status_mass_delete_rows, 0, kMostRows),
    text_key("status", "repository_time_left", ValueType::kSpan,
             &Config::status_repository_time_left),
    text_key("status", "clock_skew", ValueType::kSpan, &Config::status_clock_skew),
    text_key("schedule", "zone", ValueType::kText, &Config::schedule_zone),
    text_key("schedule", "backup", ValueType::kCron, &Config::schedule_backup),
    text_key("schedule", "prune", ValueType::kCron, &Config::schedule_prune),
    text_key("schedule", "verify", ValueType::kCron, &Config::schedule_verify),
    text_key("schedule", "drill", ValueType::kCron, &Config::schedule_drill),
    text_key("schedule", "recovery_time_objective", ValueType::kSpan,
             &Config::schedule_recovery_time_objective),
    text_key("metrics", "listen", ValueType::kText, &Config::metrics_listen),
    text_key("cost", "currency", ValueType::kText, &Config::cost_currency),
    text_key("cost", "standard_gb_month", ValueType::kPrice, &Config::cost_standard_gb_month),
    text_key("cost", "standard_put_1000", ValueType::kPrice, &Config::cost_standard_put_1000),
    text_key("cost", "standard_get_1000", ValueType::kPrice, &Config::cost_standard_get_1000),
    text_key("cost", "ia_gb_month", ValueType::kPrice, &Config::cost_ia_gb_month),
    text_key("cost", "ia_put_1000", ValueType::kPrice, &Config::cost_ia_put_1000),
    text_key("cost", "ia_get_1000", ValueType::kPrice, &Config::cost_ia_get_1000),
    text_key("cost", "ia_retrieval_gb", ValueType::kPrice, &Config::cost_ia_retrieval_gb),
    text_key("cost", "directory_gb_month", ValueType::kPrice, &Config::cost_directory_gb_month),
    text_key("cost", "managed_storage_gb_month", ValueType::kPrice,
             &Config::cost_managed_storage_gb_month),
    text_key("cost", "managed_backup_gb_month", ValueType::kPrice,
             &Config::cost_managed_backup_gb_month),
    text_key("alert", "slack_url", ValueType::kText, &Config::alert_slack_url),
    text_key("alert", "webhook_url", ValueType::kText, &Config::alert_webhook_url),
    text_key("alert", "pagerduty_key", ValueType::kText, &Config::alert_pagerduty_key),
    text_key("alert", "dead_mans_switch_url", ValueType::kText,
             &Config::alert_dead_mans_switch_url),
    text_key("alert", "pagerduty_url", ValueType::kText, &Config::alert_pagerduty_url),
    text_key("alert", "command", ValueType::kText, &Config::alert_command),
    text_key("alert", "smtp_url", ValueType::kText, &Config::alert_smtp_url),
    text_key("alert", "smtp_security", ValueType::kChoice, &Config::alert_smtp_security,
             "auto, tls, none"),
    text_key("alert", "smtp_user", ValueType::kText, &Config::alert_smtp_user),
    text_key("alert", "smtp_password", ValueType::kText, &Config::alert_smtp_password),
    text_key("alert", "smtp_ca_file", ValueType::kPath, &Config::alert_smtp_ca_file),
    text_key("alert", "email_from", ValueType::kText, &Config::alert_email_from),
    list_key("alert", "email_to", &Config::alert_email_to),
    text_key("alert", "repeat", ValueType::kSpan, &Config::alert_repeat),
    text_key("alert", "state_file", ValueType::kPath, &Config::alert_state_file),
};

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    size_t comma = choices.find(", ");
    if (choices.substr(0, comma) == value) return true;
    choices = comma == std::string_view::npos ? std::string_view{} : choices.substr(comma + 2);
  }
  return false;
}

// As catalog::check_cluster_name(): what the repository's own folders are called.
constexpr std::string_view kReservedNames =
    "backups, clusters, events, keys, maps, packs, timelines, wal";

bool is_name(std::string_view value) {
  auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  };
  return !value.empty() && value.size() <= kLongestName && value[0] != '.' && value[0] != '-' &&
         std::all_of(value.begin(), value.end(), allowed) && !is_choice(kReservedNames, value);
}

bool fits(const Key& key, std::string_view value) {
  switch (key.type) {
    case ValueType::kText:
      return true;
    case ValueType::kPath:
      return value.starts_with('/');
    case ValueType::kName:
      return is_name(value);
    case ValueType::kChoice:
      return is_choice(key.choices, value);
    case ValueType::kSpan:
      return value.empty() || parse_span(value);
    case ValueType::kCron:
      return value == kNever || schedule::CronExpression::parse(value).ok();
    case ValueType::kPrice:
      return parse_price(value).has_value();
    case ValueType::kInteger:
    case ValueType::kFlag:
    case ValueType::kList:
      return false;
  }
  return false;
}

// What of it is wrong: a field, or that it never comes.
Error not_a_schedule(std::string_view value, std::string_view where) {
  const Error error = schedule::CronExpression::parse(value).error();
  return make_error(error.kind, fmt::format("{}: {}", where, error.message), error.hint);
}

}  // namespace

std::string Key::full_name() const { return fmt::format("{}.{}", section, name); }

std::string Key::variable() const {
  std::string variable = fmt::format("WALKBACK_{}_{}", section, name);
  for (char& c : variable) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return variable;
}

std::string Key::expected() const {
  switch (type) {
    case ValueType::kText:
      return "text";
    case ValueType::kPath:
      return "an absolute path";
    case ValueType::kName:
      return fmt::format("up to {} letters, digits, '.', '_' or '-', and none of {}", kLongestName,
                         kReservedNames);
    case ValueType::kChoice:
      return choices.find(',') == std::string_view::npos ? fmt::format("\"{}\"", choices)
                                                         : fmt::format("one of {}", choices);
    case ValueType::kInteger:
      return fmt::format("an integer from {} to {}", min, max);
    case ValueType::kList:
      return "a list of texts";
    case ValueType::kSpan:
      return "a length of time, such as \"14 days\" or \"36 hours\"";
    case ValueType::kCron:
      return "a cron expression, such as \"0 3 * * *\" or \"@hourly\", or \"never\"";
    case ValueType::kPrice:
      return "a price, such as 0.023";
    case ValueType::kFlag:
      return "true or false";
  }
  return {};
}

std::span<const Key> all_keys() { return kKeys; }

const Key* find_key(std::string_view section, std::string_view name) {
  for (const Key& key : kKeys) {
    if (key.section == section && key.name == name) return &key;
  }
  return nullptr;
}

const Key* key_of_variable(std::string_view name) {
  for (const Key& key : kKeys) {
    if (key.variable() == name) return &key;
  }
  return nullptr;
}

bool is_section(std::string_view name) {
  return std::any_of(kKeys.begin(), kKeys.end(),
                     [&](const Key& key) { return key.section == name; });
}

std::optional<std::string> closest_key(std::string_view full_name) {
  std::vector<std::string> known;
  for (const Key& key : kKeys) known.push_back(key.full_name());
  return closest(full_name, known);
}

std::optional<std::string> closest_section(std::string_view name) {
  std::vector<std::string> known;
  for (const Key& key : kKeys) known.emplace_back(key.section);
  return closest(name, known);
}

Result<void> set_text(Config& config, const Key& key, std::string_view value,
                      std::string_view where) {
  if (!fits(key, value)) {
    if (key.type == ValueType::kCron) return not_a_schedule(value, where);
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{} is \"{}\", expected {}", where, value, key.expected()));
  }
  const bool url =
      key.text == &Config::repository_url || key.text == &Config::second_repository_url;
  if (url) TRY(check_repository_url(value, where));
  config.*key.text = value;
  return success();
}

// Everything that is wrong with a repository names its URL, in logs too.
Result<void> check_repository_url(std::string_view url, std::string_view where) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return success();
  const std::string_view rest = url.substr(scheme + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') == std::string_view::npos) return success();
  return make_error(
      ErrorKind::kInvalid, fmt::format("{} holds a user or password, before the \"@\"", where),
      "take it out: credentials come from the environment, the files in ~/.aws or the cloud's own "
      "services");
}

Result<void> set_list(Config& config, const Key& key, std::vector<std::string> values,
                      std::string_view where) {
  for (const std::string& value : values) {
    if (value.empty()) {
      return make_error(ErrorKind::kInvalid, fmt::format("{} holds an empty text", where));
    }
  }
  config.*key.list = std::move(values);
  return success();
}

std::optional<std::chrono::seconds> parse_span(std::string_view text) {
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"second", 1}, {"minute", 60}, {"min", 60}, {"hour", 3600}, {"day", 86400}, {"week", 604800}};
  constexpr int64_t kMost_s = int64_t{1000} * 366 * 86400;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number <= 0) return std::nullopt;
  std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (unit.ends_with('s')) unit.remove_suffix(1);
  for (const auto& [name, seconds] : kUnits) {
    if (unit == name && number <= kMost_s / seconds) return std::chrono::seconds(number * seconds);
  }
  return std::nullopt;
}

std::optional<double> parse_price(std::string_view text) {
  constexpr double kMost = 1e6;
  const auto price = whole_number<double>(text);
  // Not a number fails both comparisons.
  return price && *price >= 0 && *price <= kMost ? price : std::nullopt;
}

void set_flag(Config& config, const Key& key, bool value) { config.*key.flag = value; }

Result<void> set_number(Config& config, const Key& key, int64_t value, std::string_view where) {
  if (value < key.min || value > key.max) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{} is {}, expected {}", where, value, key.expected()));
  }
  config.*key.number = static_cast<int>(value);
  return success();
}

}  // namespace walkback::config
