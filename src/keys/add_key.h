// `key add`: another owner's key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "keys/key_env.h"
#include "keys/key_folder.h"

namespace walkback::keys {

struct AddKeyOptions {
  std::string recipient;  // "age1…", or "gpg:" and how gpg knows the key
  std::string label;      // empty: for an OpenPGP key its user id
};

struct AddKeyReport {
  KeyRecord key;
  bool was_there = false;  // it was written down before
  // Of the other owners' keys, those whose private halves the new key opens by now: it reads what
  // was written for them; and those that were not at hand.
  std::vector<crypto::Recipient> opens;
  std::vector<crypto::Recipient> does_not_open;
  // What encryption.recipients has to say from now on; nothing here changes the configuration.
  std::vector<crypto::Recipient> recipients;
  // Of these, what was retired: this host has not followed a rotation yet.
  std::vector<crypto::Recipient> retired_in_use;
  std::vector<Error> problems;  // keys that lay there and did not open
};

// Writes the key down in keys/ and, from every owner's private key at hand, what makes the new key
// read what was written before; no data is written again. For "gpg:" it makes an age key whose
// private half exists only encrypted to that OpenPGP key. May ask for passphrases. Running it again
// is safe and completes what was not at hand before. kConflict for a retired key.
Result<AddKeyReport> add_key(const AddKeyOptions& options, const KeyEnv& env);

// Which of the configuration's recipients a text for `recipient` above names; nothing for another
// key. Errors as of reading such a text.
Result<std::optional<crypto::Recipient>> known_recipient(const std::string& text,
                                                         const KeyFolder& folder,
                                                         const KeyEnv& env);

// The public key of a host, for people and for `key list`. There already is success.
Result<void> record_host_key(store::ObjectStore& objects, Clock& clock,
                             const crypto::Recipient& recipient, const crypto::VerifyKey& verify,
                             std::string_view host);

}  // namespace walkback::keys
