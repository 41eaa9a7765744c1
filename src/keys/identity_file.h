// The identity file: the owner's private keys as age-keygen writes them, so that `age -d -i` takes
// the file as it is. It should not stay on the database host.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "crypto/signature.h"

namespace walkback::keys {

struct IdentityFile {
  std::vector<crypto::Identity> identities;  // at least one
  // From comment lines "# walkback-signer: walkback-verify1…": hosts whose backups the owner
  // believes.
  std::vector<crypto::VerifyKey> signers;
};

// The text of an identity file. Errors name the line and never its text.
Result<IdentityFile> parse_identity_text(std::string_view text);
// Reads `path`; errors as of read_private_file() and parse_identity_text().
Result<IdentityFile> load_identity_file(FileSystem& files, const std::string& path,
                                        uint32_t user_id);

// The text of a file with this one key. `comment` is one line.
crypto::SecretText identity_text(const crypto::Identity& identity, Timestamp made,
                                 std::string_view comment,
                                 const std::vector<crypto::VerifyKey>& signers = {});

// A new private key for the owner, in a new file; gives its public half.
Result<crypto::Recipient> create_identity_file(FileSystem& files, Random& random, Clock& clock,
                                               const std::string& path,
                                               const std::vector<crypto::VerifyKey>& signers);

}  // namespace walkback::keys
