#include "app/stores.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "catalog/layout.h"
#include "cli/key_options.h"
#include "keys/identities.h"
#include "net/curl_client.h"
#include "repo/encrypted_store.h"
#include "repo/repository.h"
#include "s3/credentials_chain.h"
#include "s3/probe.h"
#include "s3/region.h"
#include "store/file_store.h"
#include "store/mirrored_store.h"

namespace walkback::app {

namespace {

constexpr std::string_view kFileScheme = "file://";
constexpr std::string_view kS3Scheme = "s3://";
constexpr int kLongestSilence_s = 10;
constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = kKiB * 1024;

// What may be a password, of a URL that is not understood, is not shown.
std::string without_credentials(const std::string& url) {
  const size_t begin = url.find("://");
  const size_t end = url.rfind('@');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return url;
  return url.substr(0, begin + 3) + "…" + url.substr(end);
}

Error wrong_url(ErrorKind kind, const std::string& url, std::string_view why) {
  return make_error(kind, fmt::format("repository URL {}{}", without_credentials(url), why),
                    "a directory is written file:///srv/walkback, a bucket s3://bucket/prefix");
}

// Before anything is copied from one into the other. What does not answer is found out later.
Result<void> check_one_repository(store::ObjectStore& first, store::ObjectStore& second) {
  const auto ours = first.get(repo::marker_key());
  const auto others = second.get(repo::marker_key());
  if (!ours.ok() || !others.ok() || !*ours || !*others || **ours == **others) return success();
  return make_error(ErrorKind::kInvalid,
                    fmt::format("{} and {} are two repositories, not two places of one",
                                first.description(), second.description()),
                    "name a place that is empty as the second one, or the right one");
}

Result<std::string> directory_of(const std::string& url) {
  std::string path = url.substr(kFileScheme.size());
  if (path.starts_with('/')) return path;
  return wrong_url(ErrorKind::kInvalid, url, " does not hold an absolute path");
}

s3::Addressing addressing_of(const std::string& text) {
  if (text == "path") return s3::Addressing::kPath;
  if (text == "virtual-host") return s3::Addressing::kVirtualHost;
  return s3::Addressing::kAuto;
}

Result<std::vector<std::pair<std::string, std::string>>> tags_of(
    const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> tags;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return make_error(ErrorKind::kInvalid,
                        fmt::format("s3.tags holds \"{}\", expected name=value", text));
    }
    tags.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return tags;
}

Result<s3::S3Options> s3_options(const config::Config& config, const std::string& url,
                                 const std::string& region) {
  s3::S3Options options;
  TRY(s3::parse_s3_url(url, options));
  options.region = region;
  options.endpoint = config.s3_endpoint;
  options.addressing = addressing_of(config.s3_addressing);
  options.pack_storage_class = pack_storage_class(config);
  options.storage_class = config.s3_storage_class;
  options.encryption = config.s3_server_side_encryption;
  options.kms_key_id = config.s3_kms_key_id;
  options.tags = TRY(tags_of(config.s3_tags));
  options.part_bytes = static_cast<uint64_t>(config.s3_part_mib) * kMiB;
  options.uploads_in_flight = config.s3_uploads_in_flight;
  return options;
}

// Where none are configured, as on a bare machine that recovers, those of the owner's own key.
Result<std::vector<crypto::Recipient>> recipients_of(const keys::Options& options,
                                                     const keys::LocalKeys& local) {
  std::vector<crypto::Recipient> recipients = options.recipients;
  if (recipients.empty() && local.owner) {
    for (const crypto::Identity& identity : local.owner->identities) {
      recipients.push_back(identity.recipient());
    }
  }
  if (!recipients.empty()) return recipients;
  return make_error(ErrorKind::kMissing,
                    fmt::format("there is no key file {}, and encryption.recipients is missing",
                                options.identity_file),
                    "encryption.identity_file, or WALKBACK_ENCRYPTION_IDENTITY_FILE, says where "
                    "the private key lies");
}

}  // namespace

std::string pack_storage_class(const config::Config& config) {
  if (config.s3_pack_storage_class != "default") return config.s3_pack_storage_class;
  return s3::default_pack_storage_class(config.s3_endpoint);
}

// What the stores of one bucket share.
class Stores::Network {
 public:
  Network(const config::Config& config, FileSystem& files, Clock& clock,
          net::TrafficCounters& counters, net::ServerClock& server_clock, Variables variables)
      : bucket_(net::watch_server_clock(
            net::make_curl_client(
                {.ca_file = config.s3_ca_file,
                 .timeouts = {},
                 .limits = {.bytes_per_s = static_cast<uint64_t>(config.s3_limit_kib_per_s) * kKiB,
                            .requests_per_s =
                                static_cast<uint64_t>(config.s3_limit_requests_per_s)}},
                clock, counters),
            clock, server_clock)),
        // Credentials come from other servers, which the bucket's CA and limits do not concern.
        services_(net::make_curl_client({}, clock, counters)),
        context_{with_profile(std::move(variables), config.s3_profile),
                 files,
                 *services_,
                 clock,
                 {},
                 config.s3_region} {
    context_.home = context_.variables("HOME");
  }

  // Where the bucket is said to lie; then who we are there.
  Result<std::string> region() {
    if (credentials_) return context_.region;
    if (context_.region.empty()) context_.region = TRY(s3::region_of_environment(context_));
    credentials_ = s3::make_credentials_provider(s3::default_chain(context_), context_.clock);
    return context_.region;
  }
  net::HttpClient& http() { return *bucket_; }
  s3::CredentialsProvider& credentials() { return *credentials_; }

 private:
  static Variables with_profile(Variables variables, const std::string& profile) {
    if (profile.empty()) return variables;
    return [variables = std::move(variables), profile](std::string_view name) {
      return name == "AWS_PROFILE" ? profile : variables(name);
    };
  }

  std::unique_ptr<net::HttpClient> bucket_;
  std::unique_ptr<net::HttpClient> services_;
  s3::CredentialsContext context_;
  std::unique_ptr<s3::CredentialsProvider> credentials_;
};

Stores::Stores(FileSystem& files, Clock& clock, Random& random, keys::OpenPgp& gpg,
               Variables variables, uint32_t user_id, std::function<void(const Error&)> warn)
    : files_(files),
      clock_(clock),
      random_(random),
      gpg_(gpg),
      variables_(std::move(variables)),
      user_id_(user_id),
      warn_(std::move(warn)) {}
Stores::~Stores() = default;

Result<std::unique_ptr<store::ObjectStore>> Stores::open(const config::Config& config,
                                                         cli::Access access, std::stop_token stop) {
  std::unique_ptr<store::ObjectStore> beneath = TRY(open_beneath(config, access, std::move(stop)));
  if (config.encryption != "age") return beneath;
  return encrypted(std::move(beneath), config, access);
}

Result<std::unique_ptr<store::ObjectStore>> Stores::open_beneath(const config::Config& config,
                                                                 cli::Access access,
                                                                 std::stop_token stop) {
  const std::string& second = config.second_repository_url;
  if (second.empty()) {
    return open_place(config, config.repository_url, config.s3_timeout_s, access, std::move(stop));
  }
  const bool required = config.repository_required;
  const bool second_required = config.second_repository_required;
  auto first_store = TRY(open_one_of_two(config, config.repository_url, config.s3_timeout_s, stop));
  auto second_store = TRY(open_one_of_two(config, second, config.s3_timeout_s, stop));
  // So long a place that does not answer at all holds up what the other has.
  const int quick_s = std::min(config.s3_timeout_s, kLongestSilence_s);
  auto first_quick = TRY(open_one_of_two(config, config.repository_url, quick_s, stop));
  auto second_quick = TRY(open_one_of_two(config, second, quick_s, stop));
  const bool begins = access == cli::Access::kSetUp || access == cli::Access::kBegin;
  if (begins) TRY(check_one_repository(*first_store, *second_store));
  const auto use = begins ? store::MirrorUse::kBegins : store::MirrorUse::kGoesOn;
  return store::make_mirrored_store(
      {std::move(first_store), required, std::move(first_quick)},
      {std::move(second_store), second_required, std::move(second_quick)}, repo::marker_key(), use,
      clock_, warn_);
}

Result<std::unique_ptr<store::ObjectStore>> Stores::open_place(const config::Config& config,
                                                               const std::string& url,
                                                               int timeout_s, cli::Access access,
                                                               std::stop_token stop) {
  if (url.starts_with(kS3Scheme)) {
    return std::unique_ptr<store::ObjectStore>(
        TRY(open_s3(config, url, timeout_s, access, std::move(stop))));
  }
  if (!url.starts_with(kFileScheme)) {
    return wrong_url(ErrorKind::kUnsupported, url, ": only file:///path and s3://bucket are read");
  }
  return store::open_file_store(files_, random_, TRY(directory_of(url)));
}

// What keeps one place from being opened must not keep the other from being used; a mistake in the
// configuration must be mended.
Result<std::unique_ptr<store::ObjectStore>> Stores::open_one_of_two(const config::Config& config,
                                                                    const std::string& url,
                                                                    int timeout_s,
                                                                    std::stop_token stop) {
  auto opened = open_place(config, url, timeout_s, cli::Access::kMetadata, std::move(stop));
  if (opened.ok()) return opened;
  const ErrorKind kind = opened.error().kind;
  const bool mistake = kind == ErrorKind::kInvalid || kind == ErrorKind::kUnsupported;
  if (mistake || kind == ErrorKind::kCancelled) return opened;
  return store::make_unavailable_store(url, opened.error());
}

// One for all stores of a configuration: the agent opens some every minute.
Stores::Network& Stores::network_for(const config::Config& config) {
  const std::string which =
      fmt::format("{}\n{}\n{}\n{}\n{}", config.s3_region, config.s3_profile, config.s3_ca_file,
                  config.s3_limit_kib_per_s, config.s3_limit_requests_per_s);
  std::unique_ptr<Network>& network = networks_[which];
  if (!network) {
    network =
        std::make_unique<Network>(config, files_, clock_, counters_, server_clock_, variables_);
  }
  return *network;
}

Result<std::unique_ptr<s3::S3Store>> Stores::open_s3(const config::Config& config,
                                                     const std::string& url, int timeout_s,
                                                     cli::Access access, std::stop_token stop) {
  Network& network = network_for(config);
  const std::string region = TRY(network.region());
  s3::S3Options options = TRY(s3_options(config, url, region));
  options.operation_timeout = std::chrono::seconds(timeout_s);
  std::unique_ptr<s3::S3Store> bucket =
      TRY(s3::open_s3_store(options, {.http = network.http(),
                                      .credentials = network.credentials(),
                                      .clock = clock_,
                                      .random = random_,
                                      .counters = &counters_,
                                      .stop = std::move(stop)}));
  if (access == cli::Access::kSetUp) TRY(s3::check_region(*bucket));
  return bucket;
}

Result<std::unique_ptr<store::ObjectStore>> Stores::encrypted(
    std::unique_ptr<store::ObjectStore> beneath, const config::Config& config, cli::Access access) {
  repo::EncryptionKeys keys;
  if (access != cli::Access::kSetUp) keys = TRY(keys_of(*beneath, config, access));
  return repo::make_encrypted_store(std::move(beneath), std::move(keys), catalog::protection_of,
                                    random_);
}

Result<repo::EncryptionKeys> Stores::keys_of(store::ObjectStore& beneath,
                                             const config::Config& config, cli::Access access) {
  const keys::Options options = TRY(cli::key_options(config, user_id_));
  const keys::LocalKeys local = TRY(local_keys(options, access));
  repo::EncryptionKeys keys;
  keys.recipients = TRY(recipients_of(options, local));
  if (local.owner) keys.identities = local.owner->identities;
  if (local.host) {
    keys.hosts.push_back(local.host->identity.recipient());
    keys.identities.push_back(local.host->identity);
  }
  // What was written before a key of today was added or rotated opens with keys that lie in the
  // repository; so does all of an OpenPGP key's owner.
  const keys::AskGpg ask =
      access == cli::Access::kReadData ? keys::AskGpg::kIfNoOwnerKey : keys::AskGpg::kNever;
  keys.further_identities = [this, &beneath, options, local,
                             ask]() -> Result<repo::FurtherIdentities> {
    const keys::KeyFolder folder = TRY(keys::read_key_folder(beneath));
    const keys::OpenedKeys opened =
        TRY(keys::open_identities(local, folder, options, beneath, gpg_, ask));
    return repo::FurtherIdentities{opened.all(),
                                   keys::why_no_owner_key(opened, local, folder, options)};
  };
  return keys;
}

Result<std::vector<cli::StoreTrait>> Stores::probe(const config::Config& config,
                                                   std::stop_token stop) {
  std::vector<cli::StoreTrait> traits;
  const std::vector<std::string> urls = config::repository_urls(config);
  const auto url = std::ranges::find_if(
      urls, [](const std::string& each) { return each.starts_with(kS3Scheme); });
  if (url == urls.end()) return traits;
  const auto bucket =
      TRY(open_s3(config, *url, config.s3_timeout_s, cli::Access::kSetUp, std::move(stop)));
  const s3::Probe probe = TRY(s3::probe(*bucket));
  for (const s3::Probe::Row& row : probe.rows()) {
    const s3::Ability ability = row.trait->ability;
    traits.push_back({std::string(row.name), std::string(row.means),
                      ability == s3::Ability::kUnknown
                          ? std::nullopt
                          : std::optional(ability == s3::Ability::kYes),
                      row.trait->detail});
  }
  return traits;
}

// Archiving never needs an owner's key, so one that is open to others, or damaged, must not stop
// it.
Result<keys::LocalKeys> Stores::local_keys(const keys::Options& options, cli::Access access) {
  auto local = keys::load_local_keys(files_, options, keys::OwnerFile::kIfThere);
  if (local.ok() || access == cli::Access::kReadData) return local;
  keys::Options without_owner = options;
  without_owner.identity_file.clear();
  return keys::load_local_keys(files_, without_owner, keys::OwnerFile::kIfThere);
}

net::Traffic Stores::traffic() const { return counters_.totals(); }

}  // namespace walkback::app
