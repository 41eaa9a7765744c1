// What the configuration of this host says about keys. It alone says what new objects are encrypted
// to and whose signatures count.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "crypto/keys.h"
#include "crypto/signature.h"

namespace walkback::keys {

struct Options {
  std::vector<crypto::Recipient> recipients;       // encryption.recipients
  std::string identity_file;                       // encryption.identity_file; empty: none
  std::string host_key_file;                       // encryption.host_key_file; empty: none
  std::vector<crypto::VerifyKey> trusted_signers;  // encryption.trusted_signers
  uint32_t user_id = 0;                            // who runs this
};

// The texts of encryption.recipients and encryption.trusted_signers. kInvalid names the key and
// which of its entries is wrong, and never quotes it; a recipient given twice is one.
Result<std::vector<crypto::Recipient>> read_recipients(const std::vector<std::string>& texts);
Result<std::vector<crypto::VerifyKey>> read_signers(const std::vector<std::string>& texts);

}  // namespace walkback::keys
