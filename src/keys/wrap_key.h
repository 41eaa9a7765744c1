// Private keys into the repository, encrypted. Internal to keys.
#pragma once

#include "keys/key_env.h"
#include "keys/key_folder.h"

namespace walkback::keys {

// `old_key`, for whoever holds `recipient`. An object that is there already is left alone.
Result<void> put_wrap(const KeyEnv& env, const crypto::Identity& old_key,
                      const crypto::Recipient& recipient);

// `identity`, for whoever holds this OpenPGP key: its only copy. Durable, and read back.
Result<void> put_gpg_wrap(const KeyEnv& env, const crypto::Identity& identity,
                          const OpenPgpKey& key);

}  // namespace walkback::keys
