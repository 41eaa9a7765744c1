#include "cli/key_options.h"

#include <fmt/format.h>

namespace walkback::cli {

Result<keys::Options> key_options(const config::Config& config, uint32_t user_id) {
  keys::Options options;
  options.recipients = TRY(keys::read_recipients(config.encryption_recipients));
  options.identity_file = config.encryption_identity_file;
  options.host_key_file = config.encryption_host_key_file;
  options.trusted_signers = TRY(keys::read_signers(config.encryption_trusted_signers));
  options.user_id = user_id;
  return options;
}

std::string key_file_beside(const std::string& config_path, std::string_view whose) {
  constexpr std::string_view kToml = ".toml";
  std::string_view stem = config_path;
  if (stem.ends_with(kToml)) stem.remove_suffix(kToml.size());
  return fmt::format("{}.{}.key", stem, whose);
}

}  // namespace walkback::cli
