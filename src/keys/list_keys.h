// `key list`: every key that the repository or this host's configuration knows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "keys/key_env.h"
#include "keys/key_folder.h"

namespace walkback::keys {

struct ListedKey {
  KeyRecord record;
  bool recorded = false;  // in the repository; without it `added_at` is not known
  // New objects of this host are encrypted to it: an owner of encryption.recipients, or this host.
  bool in_use = false;
  bool at_hand = false;  // its private half, in a file or through one; gpg is not asked
};

struct KeyList {
  std::vector<ListedKey> keys;           // owners, then hosts, each in the order of being added
  std::vector<std::string> passed_over;  // objects in keys/ that are no keys
  std::vector<Error> problems;           // wraps that do not open
};

Result<KeyList> list_keys(const KeyEnv& env);

}  // namespace walkback::keys
