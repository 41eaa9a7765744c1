// The keys of an encrypted repository that is being set up: those that are there are taken, those
// that are missing are made.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "keys/custody.h"
#include "keys/key_env.h"

namespace walkback::setup {

struct KeyWishes {
  std::vector<std::string> recipients;  // --recipient: "age1…" or "gpg:" and how gpg knows the key
  bool repository_is_new = false;
  std::string host;  // its name, for people
};

struct InitialKeys {
  // What the configuration has to say from now on.
  keys::Options options;
  std::vector<keys::Custody> custody;  // what must be said of each owner's key
  std::string owner_file;              // made or found here, with the only copy of a private key
};

// `env.options` is what the configuration says already; its files are where a host's and an owner's
// key belong. Durable when it returns, and safe to run again after a failure: nothing that was made
// is made twice, but for keys of gpg, of which a spare one may stay in keys/.
//
// Owners, the first that there are: the recipients of the configuration, which `wishes` may only
// repeat (kConflict); `wishes`; for a new repository a key made here. A repository that is there
// has owners: kInvalid without being told whom to encrypt to, naming those it knows.
Result<InitialKeys> make_initial_keys(const KeyWishes& wishes, const keys::KeyEnv& env);

}  // namespace walkback::setup
