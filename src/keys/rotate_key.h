// `key rotate`: a new key in the place of an old one.
//
// Data is not written again, so the old private key opens what was written before for ever, for its
// owner and for whoever stole it. What rotation ends is that new data is written for it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "keys/add_key.h"
#include "keys/host_key.h"

namespace walkback::keys {

struct RotateKeyOptions {
  std::string recipient;  // the new key, as for add_key(); or else
  std::string output;     // the file in which a new one is made
  std::string label;
  std::string retire;  // which key: its recipient; empty: the only one, or the only one at hand
};

struct RotateKeyReport {
  AddKeyReport added;  // its `recipients` are without the retired one
  crypto::Recipient retired;
  std::string file;                        // of the new private key; empty when it was given
  std::vector<crypto::VerifyKey> signers;  // that the new file names
};

// Decides which key goes before anything is written. kInvalid when that is not clear. After a
// failure it can be run again, with the new key as `recipient` if its file is there by then.
Result<RotateKeyReport> rotate_key(const RotateKeyOptions& options, const KeyEnv& env);

struct RotateHostKeyOptions {
  std::string output;  // empty: beside the old one
  std::string host;    // its name, for people
};

struct RotateHostKeyReport {
  HostKey key;
  std::string file;
  // Nothing when the old file was lost: then owners alone read what it read.
  std::optional<crypto::Recipient> retired;
  std::optional<crypto::VerifyKey> old_signer;
};

// The new key opens the old one, so this host reads its older metadata as before. The old file
// stays where it is. kDenied when it belongs to another user, who could not use the new one.
Result<RotateHostKeyReport> rotate_host_key(const RotateHostKeyOptions& options, const KeyEnv& env);

}  // namespace walkback::keys
