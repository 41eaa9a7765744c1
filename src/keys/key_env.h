// What the changes of keys work with.
#pragma once

#include "base/clock.h"
#include "base/file_system.h"
#include "base/random.h"
#include "keys/open_pgp.h"
#include "keys/options.h"
#include "store/object_store.h"

namespace walkback::keys {

struct KeyEnv {
  FileSystem& files;
  store::ObjectStore& objects;  // the store beneath the encrypting one
  OpenPgp& gpg;
  Clock& clock;
  Random& random;
  const Options& options;
};

}  // namespace walkback::keys
