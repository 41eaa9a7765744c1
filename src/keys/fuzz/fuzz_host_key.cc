// libFuzzer: any text as a host's key file and as an owner's. An accepted key is the same after its
// own text.
#include "base/check.h"
#include "keys/host_key.h"
#include "keys/identity_file.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace walkback;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto key = keys::parse_host_key(text); key.ok()) {
    const auto again = keys::parse_host_key(keys::host_key_text(*key, {}, "db1").view());
    CHECK(again.value().identity.recipient() == key->identity.recipient());
    CHECK(again.value().signing_key.verify_key() == key->signing_key.verify_key());
  }
  if (const auto file = keys::parse_identity_text(text); file.ok()) {
    const auto again = keys::parse_identity_text(
        keys::identity_text(file->identities.front(), {}, "x", file->signers).view());
    CHECK(again.value().signers == file->signers);
  }
  return 0;
}
