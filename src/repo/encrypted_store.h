// A store whose objects are age files: what the rest of the program reads and writes is plain, what
// lies in the repository is not.
//
// An encrypted object's name ends in ".age" in the store beneath. Who may read it depends on what
// it is: table data and WAL only the owners of the private keys, metadata also the host that made
// it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "crypto/keys.h"
#include "store/object_store.h"

namespace walkback::repo {

enum class Protection {
  kPlain,     // names, times, sizes: listed, pruned and reported without a key
  kMetadata,  // for the recipients and the host
  kData,      // for the recipients alone
};
// By its name alone, so that every reader comes to the same answer.
using ProtectionOf = std::function<Protection(const store::ObjectKey&)>;

// What was found beyond the keys at hand.
struct FurtherIdentities {
  std::vector<crypto::Identity> identities;
  std::optional<Error> why_none;  // said of an object that none of all these opens
};

struct EncryptionKeys {
  // Of everything. None: a store that only reads, as before there are keys.
  std::vector<crypto::Recipient> recipients;
  std::vector<crypto::Recipient> hosts;      // of metadata, beside those
  std::vector<crypto::Identity> identities;  // at hand: the host's own, and private keys if any
  // Called once, and only when an object is met that none of `identities` opens. May take its time:
  // it reads keys/ and asks gpg. Empty: there are no more.
  std::function<Result<FurtherIdentities>()> further_identities = {};
};

// Of the names that are not plain none may begin with another one (".age" would change their order
// in a listing). Sizes in listings and info() are those stored, a few hundred bytes above the
// contents'; ObjectReader::size() is exact. Reading what no key at hand opens is kDenied, a changed
// byte kCorrupt; both before a byte of it is returned. `random` outlives the store. Thread-safe.
std::unique_ptr<store::ObjectStore> make_encrypted_store(
    std::unique_ptr<store::ObjectStore> beneath, EncryptionKeys keys, ProtectionOf protection,
    Random& random);

}  // namespace walkback::repo
