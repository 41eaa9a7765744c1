// What has to be said, loudly, whenever an owner's key comes into being: a backup that nobody can
// open is no backup. `init` and `key` print the same lines.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/keys.h"
#include "crypto/signature.h"

namespace walkback::keys {

// Where the private half of an owner's key lies: one of the first two, or elsewhere.
struct Custody {
  crypto::Recipient recipient;
  std::string file;                        // on this host
  std::string gpg_fingerprint;             // in the repository, encrypted to that OpenPGP key
  std::vector<crypto::VerifyKey> signers;  // whose backups the owner should believe
};

// Lines without their ends, no secret in them; commands stand between backticks.
std::vector<std::string> custody_lines(const Custody& custody);

}  // namespace walkback::keys
