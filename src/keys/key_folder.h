// keys/ in the repository: which keys there are and were, and private keys that other keys open.
// docs/format/README.md is the contract.
//
//   keys/ID.json            a key: whose, of which role, since when
//   keys/ID.retired.json    … and that it is no longer used
//   keys/OLD-for-NEW.age    the identity OLD, for whoever holds NEW
//   keys/ID.gpg             the identity ID, for whoever holds an OpenPGP key
//
// Whoever can write to the repository can write here, so nothing here says what new objects are
// encrypted to, or whose signature counts: only the configuration of the host does. What does not
// decode is passed over and named, so that a stray object cannot stop a recovery.
//
// Wants the store beneath repo::make_encrypted_store(): these objects are as they are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "crypto/signature.h"
#include "store/object_store.h"

namespace walkback::keys {

inline constexpr std::string_view kKeysFolder = "keys/";
// Above these, somebody fills the folder; what is beyond is not read.
inline constexpr size_t kMostKeyObjects = 2000;
inline constexpr uint64_t kMostKeyObjectBytes = 64 << 10;

enum class Role { kOwner, kHost };
std::string_view role_name(Role role);  // "owner", "host"

struct Retirement {
  Timestamp at;
  std::optional<crypto::Recipient> successor;
};

struct KeyRecord {
  crypto::Recipient recipient;
  Role role = Role::kOwner;
  std::optional<crypto::VerifyKey> verify;  // of hosts
  std::string label;
  Timestamp added_at;
  std::string gpg;  // the OpenPGP key's fingerprint; empty for others
  std::optional<Retirement> retired;
};

// A key's name in the folder: the first 20 characters of its recipient, "age1" and 80 bits.
std::string key_id(const crypto::Recipient& recipient);

// A private key that lies in the folder, encrypted.
struct WrappedKey {
  store::ObjectKey object;
  std::string id;      // of the private key in it
  std::string for_id;  // of the key that opens it; empty for OpenPGP
};

struct KeyFolder {
  std::vector<KeyRecord> records;        // in the order in which they were added
  std::vector<WrappedKey> wraps;         // *.age, by name
  std::vector<WrappedKey> gpg_wraps;     // *.gpg, by name
  std::vector<std::string> passed_over;  // objects that are damaged, too large or too many

  const KeyRecord* find(const crypto::Recipient& recipient) const;
  bool has_wrap(std::string_view id, std::string_view for_id) const;
};

Result<KeyFolder> read_key_folder(store::ObjectStore& objects);

// Writes the key down; there already is success, whatever it says. `retired` is not written.
Result<void> put_key_record(store::ObjectStore& objects, const KeyRecord& record);
Result<void> put_retirement(store::ObjectStore& objects, const crypto::Recipient& recipient,
                            const Retirement& retirement);

store::ObjectKey wrap_object(std::string_view id, std::string_view for_id);  // OLD-for-NEW.age
store::ObjectKey gpg_wrap_object(std::string_view id);

// 1 to 100 bytes of UTF-8 without control characters, and no private key. Empty is fine too.
Result<void> check_label(std::string_view label);

// The bytes of ID.json and ID.retired.json. kCorrupt when they are not what they claim to be, or
// belong to another key than `id`.
std::string encode_key_record(const KeyRecord& record);
Result<KeyRecord> decode_key_record(ByteView bytes, std::string_view id);
std::string encode_retirement(const crypto::Recipient& recipient, const Retirement& retirement);
Result<Retirement> decode_retirement(ByteView bytes, std::string_view id);

}  // namespace walkback::keys
