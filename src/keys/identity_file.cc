#include "keys/identity_file.h"

#include <fmt/format.h>

#include "base/time_text.h"
#include "crypto/identity_file.h"
#include "keys/private_file.h"
#include "keys/text_lines.h"

namespace walkback::keys {
namespace {

constexpr std::string_view kSignerComment = "walkback-signer:";
constexpr std::string_view kSigningKey = "WALKBACK-SIGNING-KEY-1";

Result<std::vector<crypto::VerifyKey>> signers_in(std::string_view text) {
  std::vector<crypto::VerifyKey> signers;
  for (size_t number = 1; !text.empty(); ++number) {
    std::string_view line = next_line(text);
    if (!line.starts_with('#')) continue;
    line.remove_prefix(1);
    std::string_view comment = next_line(line);
    if (!comment.starts_with(kSignerComment)) continue;
    comment.remove_prefix(kSignerComment.size());
    signers.push_back(TRY_CONTEXT(crypto::VerifyKey::parse(next_line(comment)),
                                  fmt::format("line {} of the key file", number)));
  }
  return signers;
}

Result<void> refuse_host_key(std::string_view text) {
  while (!text.empty()) {
    if (next_line(text).starts_with(kSigningKey)) {
      return make_error(ErrorKind::kInvalid,
                        "this is a host's key file, not an owner's identity file",
                        "it belongs into encryption.host_key_file; it opens no table data");
    }
  }
  return success();
}

}  // namespace

Result<IdentityFile> parse_identity_text(std::string_view text) {
  TRY(refuse_host_key(text));
  IdentityFile file;
  file.identities = TRY(crypto::parse_identity_file(text));
  file.signers = TRY(signers_in(text));
  return file;
}

Result<IdentityFile> load_identity_file(FileSystem& files, const std::string& path,
                                        uint32_t user_id) {
  const crypto::SecretText text =
      TRY(read_private_file(files, path, user_id, "`walkback key rotate`"));
  return TRY_CONTEXT(parse_identity_text(text.view()), path);
}

crypto::SecretText identity_text(const crypto::Identity& identity, Timestamp made,
                                 std::string_view comment,
                                 const std::vector<crypto::VerifyKey>& signers) {
  std::string head = fmt::format("# created: {}\n# public key: {}\n# {}\n", to_iso_utc(made),
                                 identity.recipient().text(), comment);
  for (const crypto::VerifyKey& signer : signers) {
    head += fmt::format("# {} {}\n", kSignerComment, signer.text());
  }
  return joined_secret({head, identity.text().view(), "\n"});
}

Result<crypto::Recipient> create_identity_file(FileSystem& files, Random& random, Clock& clock,
                                               const std::string& path,
                                               const std::vector<crypto::VerifyKey>& signers) {
  const crypto::Identity identity = crypto::Identity::generate(random);
  const crypto::SecretText text = identity_text(
      identity, clock.now(),
      "walkback: the owner's private key. Without it nothing can be restored.", signers);
  TRY(write_private_file(files, random, path, text.view()));
  return identity.recipient();
}

}  // namespace walkback::keys
