#include "config/config.h"

#include <fmt/format.h>

#include <cctype>
#include <optional>

#include "base/whole_number.h"
#include "config/keys.h"
#include "config/secrets.h"

namespace walkback::config {

namespace {

constexpr std::string_view kPrefix = "WALKBACK_";
constexpr uint64_t kLargestFile = 1 << 20;  // bytes
constexpr uint32_t kReadableByOthers = 04;

// WALKBACK_IDENTITY_FILE can only be meant as identity_file of some section.
const Key* key_without_section(std::string_view name) {
  for (const Key& key : all_keys()) {
    const std::string whole = key.variable();
    const bool telling = key.name.find('_') != std::string_view::npos;
    if (telling && name.substr(kPrefix.size()) ==
                       std::string_view(whole).substr(whole.size() - key.name.size())) {
      return &key;
    }
  }
  return nullptr;
}

// WALKBACK_BACKUP_… can only be meant as a key of [backup]; WALKBACK_SEED is somebody else's.
bool looks_like_key(std::string_view name) {
  for (const Key& key : all_keys()) {
    std::string whole = key.variable();
    std::string_view prefix = std::string_view(whole).substr(0, whole.size() - key.name.size());
    if (name.starts_with(prefix)) return true;
  }
  return key_without_section(name) != nullptr;
}

const Key* closest_to_variable(std::string_view name) {
  if (const Key* key = key_without_section(name)) return key;
  std::string section(name.substr(kPrefix.size()));
  for (char& c : section) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  section[section.find('_')] = '.';
  const auto known = closest_key(section);
  if (!known) return nullptr;
  const size_t dot = known->find('.');
  return find_key(known->substr(0, dot), known->substr(dot + 1));
}

Error unknown_variable(std::string_view name) {
  const Key* near = closest_to_variable(name);
  return make_error(ErrorKind::kInvalid,
                    fmt::format("the environment variable {} is no configuration key", name),
                    near ? fmt::format("the closest known one is {}", near->variable())
                         : "docs/cli.md lists every key and its variable");
}

std::vector<std::string> parted_by_commas(std::string_view value) {
  std::vector<std::string> texts;
  while (!value.empty()) {
    const size_t comma = value.find(',');
    texts.emplace_back(value.substr(0, comma));
    value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
  }
  return texts;
}

Result<void> apply_variable(const Key& key, const std::string& name, std::string_view value,
                            Config& config) {
  if (key.type == ValueType::kList) return set_list(config, key, parted_by_commas(value), name);
  if (key.type == ValueType::kFlag) {
    if (value == "true" || value == "false") {
      set_flag(config, key, value == "true");
      return success();
    }
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{} is \"{}\", expected {}", name, value, key.expected()));
  }
  if (key.type != ValueType::kInteger) return set_text(config, key, value, name);
  const auto number = whole_number<int64_t>(value);
  if (!number) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{} is \"{}\", expected {}", name, value, key.expected()));
  }
  return set_number(config, key, *number, name);
}

// A password that others can read is no secret.
Result<void> check_modes(FileSystem& files, const std::string& path, const Config& config) {
  auto info = TRY(files.status(path));
  if (!info) return success();
  if (holds_password(config) && (info->mode & kReadableByOthers)) {
    return make_error(
        ErrorKind::kDenied,
        fmt::format("{} holds a password or a key and can be read by everybody (mode {:04o})", path,
                    info->mode),
        fmt::format("chmod 0600 {}, or 0640 with the server's group", path));
  }
  return success();
}

// The same place, or one below the other.
bool lies_in(std::string_view url, std::string_view other) {
  while (url.ends_with('/')) url.remove_suffix(1);
  while (other.ends_with('/')) other.remove_suffix(1);
  return url.starts_with(other) && (url.size() == other.size() || url[other.size()] == '/');
}

Result<std::optional<Config>> load_file(FileSystem& files, const std::string& path) {
  Result<Bytes> text = read_file(files, path, kLargestFile);
  if (!text.ok() && text.error().kind == ErrorKind::kMissing) return std::optional<Config>();
  if (!text.ok()) {
    return std::move(text).error().with_hint(
        "the user that runs walkback, the server's own for wal-push, must be able to read it");
  }
  Config config = TRY(parse(as_text(*text), path));
  TRY(check_modes(files, path, config));
  return std::optional<Config>(std::move(config));
}

}  // namespace

bool holds_password(const Config& config) {
  return holds_password(config.conninfo) || holds_password(config.primary_conninfo) ||
         !config.alert_slack_url.empty() || !config.alert_webhook_url.empty() ||
         !config.alert_pagerduty_key.empty() || !config.alert_dead_mans_switch_url.empty() ||
         !config.alert_smtp_password.empty();
}

std::vector<std::string> repository_urls(const Config& config) {
  std::vector<std::string> urls{config.repository_url};
  if (!config.second_repository_url.empty()) urls.push_back(config.second_repository_url);
  return urls;
}

Result<void> apply_environment(const Environment& environment, Config& config) {
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix)) continue;
    if (const Key* key = key_of_variable(name)) {
      TRY(apply_variable(*key, name, value, config));
    } else if (looks_like_key(name)) {
      return unknown_variable(name);
    }
  }
  return success();
}

Result<Config> load_partial(FileSystem& files, const std::string& path,
                            const Environment& environment) {
  std::optional<Config> from_file = TRY(load_file(files, path));
  Config config = std::move(from_file).value_or(Config{});
  TRY(apply_environment(environment, config));
  return config;
}

Result<Config> load(FileSystem& files, const std::string& path, const Environment& environment) {
  std::optional<Config> from_file = TRY(load_file(files, path));
  Config config = from_file.value_or(Config{});
  TRY(apply_environment(environment, config));
  if (!from_file && config.repository_url.empty()) {
    return make_error(
        ErrorKind::kMissing, fmt::format("there is no configuration at {}", path),
        "`walkback init` makes one; --config FILE or WALKBACK_CONFIG says where another one is");
  }
  TRY(check_complete(config, from_file ? path : "the environment, without a configuration file"));
  return config;
}

Result<void> check_complete(const Config& config, const std::string& path) {
  if (config.repository_url.empty()) {
    return make_error(
        ErrorKind::kInvalid, fmt::format("{}: repository.url is missing", path),
        "it says where backups are kept, e.g. url = \"file:///srv/walkback\" in [repository]");
  }
  if (config.encryption.empty()) {
    return make_error(
        ErrorKind::kInvalid, fmt::format("{}: repository.encryption is missing", path),
        "encryption = \"age\" in [repository]; storing in plain text is a choice: \"none\"");
  }
  const bool two = !config.second_repository_url.empty();
  if (two && !config.repository_required && !config.second_repository_required) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("{}: neither repository.required nor second_repository.required is true", path),
        "one of the two places has to have everything");
  }
  if (two && (lies_in(config.repository_url, config.second_repository_url) ||
              lies_in(config.second_repository_url, config.repository_url))) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("{}: repository.url and second_repository.url lie in one another", path),
        "a second place is another disk, another host or a bucket");
  }
  // A private key says them too: whoever recovers on a bare machine has nothing else.
  const bool may_read = !config.encryption_identity_file.empty();
  if (config.encryption == "age" && config.encryption_recipients.empty() && !may_read) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{}: encryption.recipients is missing", path),
                      "it names the public keys (age1…) that everything is encrypted to; "
                      "`walkback init` makes one");
  }
  return success();
}

}  // namespace walkback::config
