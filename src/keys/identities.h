// Every private key at hand: those in files on this host, and those in the repository that they
// open.
//
//   local   = TRY(load_local_keys(files, options, OwnerFile::kRequired))
//   folder  = TRY(read_key_folder(store))
//   opened  = TRY(open_identities(local, folder, options, store, gpg, AskGpg::kIfNoOwnerKey))
//   opened.all()   for repo::EncryptionKeys
//
// A key of today at hand is not all: what was written before it was added needs the keys that it
// opens, and a host whose key was rotated needs the old one for its older metadata. So whoever
// reads older objects opens the folder, whichever keys lie in files.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "keys/key_folder.h"
#include "keys/local_keys.h"
#include "keys/open_pgp.h"
#include "keys/options.h"

namespace walkback::keys {

// gpg may ask the user for a passphrase, so it is asked only when a command says so.
enum class AskGpg {
  kNever,
  kIfNoOwnerKey,  // when files and wraps give no key of an owner
  kForAll,        // every key in the folder that is not at hand otherwise
};

struct OpenedKey {
  crypto::Identity identity;
  // Of the configuration's recipients, an owner in the folder, or opened by such a one.
  bool owner = false;
  bool host = false;  // this host's own, or a host in the folder
};

struct OpenedKeys {
  std::vector<OpenedKey> keys;  // those of files first
  // What lay there, was meant for a key at hand and did not open; what gpg did not open. For
  // people, and no reason to stop while another key will do.
  std::vector<Error> problems;

  std::vector<crypto::Identity> all() const;
  bool has(const crypto::Recipient& recipient) const;
  bool has_owner() const;
};

// With kIfNoOwnerKey, the error of gpg when there was only gpg to ask and it failed.
Result<OpenedKeys> open_identities(const LocalKeys& local, const KeyFolder& folder,
                                   const Options& options, store::ObjectStore& objects,
                                   OpenPgp& gpg, AskGpg ask);

// For whoever was refused ("no key at hand opens this"): what is known of why. Nothing when an
// owner's key is at hand. An explanation and no verdict: what the folder says anybody may have
// written.
std::optional<Error> why_no_owner_key(const OpenedKeys& opened, const LocalKeys& local,
                                      const KeyFolder& folder, const Options& options);

}  // namespace walkback::keys
