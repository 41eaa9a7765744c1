// Keys and bytes for tests: the same ones each time.
#pragma once

#include <vector>

#include "base/testing/seeded_random.h"
#include "crypto/keys.h"

namespace walkback::crypto {

inline Identity test_identity(uint64_t number) {
  SeededRandom random(number);
  return Identity::generate(random);
}

inline std::vector<Identity> test_identities(uint64_t count) {
  std::vector<Identity> identities;
  for (uint64_t i = 0; i < count; ++i) identities.push_back(test_identity(i));
  return identities;
}

inline std::vector<Recipient> recipients_of(const std::vector<Identity>& identities) {
  std::vector<Recipient> recipients;
  recipients.reserve(identities.size());
  for (const Identity& identity : identities) recipients.push_back(identity.recipient());
  return recipients;
}

inline Bytes test_bytes(size_t size) { return SeededRandom(size).bytes(size); }

}  // namespace walkback::crypto
