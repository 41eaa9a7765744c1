// libFuzzer: any text as a key file, and as each kind of key. A key that is accepted is the same
// after its own text.
#include "base/check.h"
#include "crypto/identity_file.h"
#include "crypto/signature.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace walkback;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<std::vector<crypto::Identity>> identities = crypto::parse_identity_file(text);
  if (identities.ok()) {
    CHECK(!identities->empty());
    for (const crypto::Identity& identity : *identities) {
      const auto again = crypto::Identity::parse(identity.text().view());
      CHECK(again.value().recipient() == identity.recipient());
    }
  }
  const Result<crypto::Recipient> recipient = crypto::Recipient::parse(text);
  if (recipient.ok()) CHECK(crypto::Recipient::parse(recipient->text()).value() == *recipient);
  const Result<crypto::VerifyKey> key = crypto::VerifyKey::parse(text);
  if (key.ok()) CHECK(crypto::VerifyKey::parse(key->text()).value() == *key);
  return 0;
}
