// Every key of the configuration, in one table: reading, environment, messages, docs and tests
// follow it.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace walkback::config {

enum class ValueType {
  kText,
  kPath,     // absolute
  kName,     // of a cluster: a component of object names
  kChoice,   // one of `choices`
  kInteger,  // `min` to `max`
  kList,     // of texts; in the environment parted by commas
  kFlag,     // true or false
  kSpan,     // a length of time, "14 days"
  kCron,     // a cron expression, or "never"
  kPrice,    // a decimal number that is not negative; in the file also without quotes
};

struct Key {
  std::string_view section;
  std::string_view name;
  ValueType type = ValueType::kText;
  std::string Config::*text = nullptr;  // all but the three below
  int Config::*number = nullptr;        // kInteger
  int min = 0;
  int max = 0;
  std::string_view choices;                          // "promote, pause, shutdown"
  std::vector<std::string> Config::*list = nullptr;  // kList
  bool Config::*flag = nullptr;                      // kFlag

  std::string full_name() const;  // "backup.workers"
  std::string variable() const;   // "WALKBACK_BACKUP_WORKERS"
  std::string expected() const;   // "an integer from 1 to 64"
};

std::span<const Key> all_keys();
const Key* find_key(std::string_view section, std::string_view name);
// The key that the environment variable sets; null when it is none of ours.
const Key* key_of_variable(std::string_view name);
bool is_section(std::string_view name);
// The known key nearest in spelling to "section.name"; nothing when none is near.
std::optional<std::string> closest_key(std::string_view full_name);

// The same for "[section]".
std::optional<std::string> closest_section(std::string_view name);

// What switches a kCron off.
inline constexpr std::string_view kNever = "never";

// Puts a value into its member. `where` begins the message: "/etc/walkback/walkback.toml:7:
// backup.workers".
Result<void> set_text(Config& config, const Key& key, std::string_view value,
                      std::string_view where);
// kInvalid, without showing it, for a URL with credentials in it ("s3://user:password@bucket").
Result<void> check_repository_url(std::string_view url, std::string_view where);
Result<void> set_list(Config& config, const Key& key, std::vector<std::string> values,
                      std::string_view where);
// "14 days", "36 hours"; from one second to a thousand years.
std::optional<std::chrono::seconds> parse_span(std::string_view text);
// "0.023"; nothing for what is no such number, negative, or beyond a million.
std::optional<double> parse_price(std::string_view text);
void set_flag(Config& config, const Key& key, bool value);
Result<void> set_number(Config& config, const Key& key, int64_t value, std::string_view where);

}  // namespace walkback::config
