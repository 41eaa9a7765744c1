#include "keys/wrap_key.h"

#include <fmt/format.h>

#include "crypto/encrypt.h"
#include "keys/identity_file.h"

namespace walkback::keys {

Result<void> put_wrap(const KeyEnv& env, const crypto::Identity& old_key,
                      const crypto::Recipient& recipient) {
  const crypto::SecretText text = identity_text(
      old_key, env.clock.now(), "walkback: a private key, wrapped for " + recipient.text());
  const Bytes sealed = crypto::encrypt(as_bytes(text.view()), std::span(&recipient, 1), env.random);
  TRY(env.objects.put(wrap_object(key_id(old_key.recipient()), key_id(recipient)), sealed));
  return success();
}

Result<void> put_gpg_wrap(const KeyEnv& env, const crypto::Identity& identity,
                          const OpenPgpKey& key) {
  const crypto::SecretText text =
      identity_text(identity, env.clock.now(),
                    "walkback: a private key, encrypted to OpenPGP key " + key.fingerprint);
  const std::string sealed = TRY(env.gpg.encrypt(key, text.view()));
  const store::ObjectKey object = gpg_wrap_object(key_id(identity.recipient()));
  const store::PutOutcome outcome = TRY(env.objects.put(object, as_bytes(sealed)));
  const std::optional<Bytes> stored = TRY(env.objects.get(object));
  if (outcome == store::PutOutcome::kCreated && stored && as_text(*stored) == sealed) {
    return success();
  }
  return make_error(
      ErrorKind::kConflict, fmt::format("{} does not hold what was just written", object.text()),
      "somebody else writes to this repository; nothing is encrypted to this key yet");
}

}  // namespace walkback::keys
