#include "keys/options.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::keys {
namespace {

std::string place(std::string_view key, size_t index) {
  return fmt::format("{}, entry {}", key, index + 1);
}

}  // namespace

Result<std::vector<crypto::Recipient>> read_recipients(const std::vector<std::string>& texts) {
  std::vector<crypto::Recipient> recipients;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string where = place("encryption.recipients", i);
    if (texts[i].starts_with("gpg:")) {
      return make_error(ErrorKind::kInvalid, where + ": an OpenPGP key cannot stand here",
                        "`walkback key add " + texts[i] + "` makes the age1… key to put here");
    }
    const crypto::Recipient recipient = TRY_CONTEXT(crypto::Recipient::parse(texts[i]), where);
    const bool twice =
        std::find(recipients.begin(), recipients.end(), recipient) != recipients.end();
    if (!twice) recipients.push_back(recipient);
  }
  return recipients;
}

Result<std::vector<crypto::VerifyKey>> read_signers(const std::vector<std::string>& texts) {
  std::vector<crypto::VerifyKey> signers;
  for (size_t i = 0; i < texts.size(); ++i) {
    signers.push_back(
        TRY_CONTEXT(crypto::VerifyKey::parse(texts[i]), place("encryption.trusted_signers", i)));
  }
  return signers;
}

}  // namespace walkback::keys
