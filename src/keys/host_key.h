// The key of a database host: an age identity that opens metadata (names, page maps, WAL indexes)
// and no table data, and the Ed25519 key that signs what this host writes.
//
//   # a comment header that says so
//   AGE-SECRET-KEY-1…
//   WALKBACK-SIGNING-KEY-1…
#pragma once

#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "crypto/signature.h"

namespace walkback::keys {

struct HostKey {
  crypto::Identity identity;
  crypto::SigningKey signing_key;
};

// The text of a host key file: exactly one key of each kind. Errors name the line and never its
// text.
Result<HostKey> parse_host_key(std::string_view text);
crypto::SecretText host_key_text(const HostKey& key, Timestamp made, std::string_view host);

// A new key in a new file of mode 0600 that belongs to the user who runs this; kConflict when the
// name is taken.
Result<HostKey> create_host_key(FileSystem& files, Random& random, Clock& clock,
                                const std::string& path, std::string_view host);
// Errors as of read_private_file() and parse_host_key().
Result<HostKey> load_host_key(FileSystem& files, const std::string& path, uint32_t user_id);

}  // namespace walkback::keys
