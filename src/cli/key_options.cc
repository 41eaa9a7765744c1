#include "cli/key_options.h"

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

}  // namespace walkback::cli
