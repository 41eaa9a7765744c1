// The keys that lie in files on this host, and whom they make this host believe.
#pragma once

#include <optional>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "keys/host_key.h"
#include "keys/identity_file.h"
#include "keys/options.h"

namespace walkback::keys {

// What lies in files on this host.
struct LocalKeys {
  std::optional<IdentityFile> owner;
  std::optional<HostKey> host;
};
// The owner's file is meant to be away most of the time: only who cannot do without it requires it.
enum class OwnerFile { kRequired, kIfThere };
// A file that the configuration names and that is not there is kMissing, but for the owner's with
// kIfThere. Other errors as of load_identity_file() and load_host_key().
Result<LocalKeys> load_local_keys(FileSystem& files, const Options& options, OwnerFile owner_file);

// Whose signatures count: this host's own, those of the configuration, those that the identity file
// names. Nothing in the repository can add one. Each once.
std::vector<crypto::VerifyKey> trusted_signers(const Options& options, const LocalKeys& local);

}  // namespace walkback::keys
