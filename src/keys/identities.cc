#include "keys/identities.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "crypto/decrypt.h"

namespace walkback::keys {
namespace {

// Each may ask for a passphrase; more than these somebody else put there.
constexpr size_t kMostGpgKeys = 16;

bool is_configured(const Options& options, const crypto::Recipient& recipient) {
  return std::find(options.recipients.begin(), options.recipients.end(), recipient) !=
         options.recipients.end();
}

Error damaged(const WrappedKey& wrap, std::string_view why) {
  return make_error(ErrorKind::kCorrupt, fmt::format("{} {}", wrap.object.text(), why),
                    "restore this object from another copy of the repository, or remove it");
}

// Collects keys until nothing at hand opens another. Every object is tried at most once, so hostile
// ones can neither make it loop nor make it long.
class Opener {
 public:
  Opener(const KeyFolder& folder, const Options& options, store::ObjectStore& objects, OpenPgp& gpg)
      : folder_(folder), options_(options), objects_(objects), gpg_(gpg) {}

  void add_local(const LocalKeys& local) {
    if (local.owner) {
      for (const crypto::Identity& identity : local.owner->identities) add(identity, false);
    }
    if (!local.host || opened_.has(local.host->identity.recipient())) return;
    // A host by its file, whatever the folder says.
    const crypto::Identity& identity = local.host->identity;
    opened_.keys.push_back({identity, is_configured(options_, identity.recipient()), true});
  }

  Result<void> open_wraps() {
    for (bool more = true; more;) {
      more = false;
      for (const WrappedKey& wrap : folder_.wraps) {
        const std::optional<OpenedKey> opener = find(wrap.for_id);
        if (!opener || find(wrap.id) || !tried_.insert(wrap.object).second) continue;
        more |= TRY(open_wrap(wrap, *opener));
      }
    }
    return success();
  }

  // The first failure of gpg is kept for the caller who has nothing else.
  Result<void> ask_gpg(AskGpg ask) {
    size_t asked = 0;
    for (const WrappedKey& wrap : in_order_of_hope()) {
      if (ask == AskGpg::kIfNoOwnerKey && opened_.has_owner()) return success();
      if (find(wrap.id)) continue;
      if (++asked > kMostGpgKeys) return success();
      TRY(open_with_gpg(wrap));
    }
    return success();
  }

  const std::optional<Error>& gpg_error() const { return gpg_error_; }
  OpenedKeys take() { return std::move(opened_); }
  bool has_owner() const { return opened_.has_owner(); }

 private:
  // What an owner's key opens is an owner's, also when nothing else is known of it.
  void add(const crypto::Identity& identity, bool from_owner) {
    if (opened_.has(identity.recipient())) return;
    const KeyRecord* record = folder_.find(identity.recipient());
    const bool host = record != nullptr && record->role == Role::kHost;
    const bool owner =
        is_configured(options_, identity.recipient()) || (record != nullptr ? !host : from_owner);
    opened_.keys.push_back({identity, owner, host});
  }

  std::optional<OpenedKey> find(std::string_view id) const {
    for (const OpenedKey& key : opened_.keys) {
      if (key_id(key.identity.recipient()) == id) return key;
    }
    return std::nullopt;
  }

  // Whether there is a key more. A store that does not answer is an error; what it holds is not.
  Result<bool> open_wrap(const WrappedKey& wrap, const OpenedKey& opener) {
    const std::optional<Bytes> bytes = TRY(objects_.get(wrap.object));
    if (!bytes) return false;
    Result<Bytes> plain =
        crypto::decrypt(*bytes, std::span(&opener.identity, 1), kMostKeyObjectBytes);
    if (!plain.ok()) {
      opened_.problems.push_back(damaged(wrap, "does not open: " + plain.error().message));
      return false;
    }
    const bool took = take_identity(wrap, as_text(*plain), opener.owner);
    crypto::wipe(*plain);
    return took;
  }

  Result<void> open_with_gpg(const WrappedKey& wrap) {
    const std::optional<Bytes> bytes = TRY(objects_.get(wrap.object));
    if (!bytes) return success();
    const Result<crypto::SecretText> plain = gpg_.decrypt(*bytes, wrap.object.text());
    if (plain.ok()) {
      take_identity(wrap, plain->view(), true);
      return success();
    }
    opened_.problems.push_back(plain.error());
    // A passphrase that was not given says more than a key that is elsewhere.
    if (!gpg_error_ || gpg_error_->kind == ErrorKind::kMissing) gpg_error_ = plain.error();
    return success();
  }

  // Only the key that the name says: what else stands there, a signer above all, does not count.
  bool take_identity(const WrappedKey& wrap, std::string_view text, bool from_owner) {
    const Result<IdentityFile> file = parse_identity_text(text);
    if (!file.ok()) {
      opened_.problems.push_back(damaged(wrap, "holds no private key"));
      return false;
    }
    for (const crypto::Identity& identity : file->identities) {
      if (key_id(identity.recipient()) != wrap.id) continue;
      add(identity, from_owner);
      return true;
    }
    opened_.problems.push_back(damaged(wrap, "holds another key than its name says"));
    return false;
  }

  // Keys of the configuration, then of the folder's owners, then the rest.
  std::vector<WrappedKey> in_order_of_hope() const {
    const auto rank = [&](const WrappedKey& wrap) {
      for (const crypto::Recipient& recipient : options_.recipients) {
        if (key_id(recipient) == wrap.id) return 0;
      }
      for (const KeyRecord& record : folder_.records) {
        if (key_id(record.recipient) == wrap.id) return record.retired ? 2 : 1;
      }
      return 3;
    };
    std::vector<WrappedKey> wraps = folder_.gpg_wraps;
    std::stable_sort(wraps.begin(), wraps.end(),
                     [&](const WrappedKey& a, const WrappedKey& b) { return rank(a) < rank(b); });
    return wraps;
  }

  const KeyFolder& folder_;
  const Options& options_;
  store::ObjectStore& objects_;
  OpenPgp& gpg_;
  OpenedKeys opened_;
  std::set<store::ObjectKey> tried_;
  std::optional<Error> gpg_error_;
};

// "Ada, laptop (age1…)"
std::string described(const KeyRecord& record) {
  return record.label.empty() ? record.recipient.text()
                              : fmt::format("{} ({})", record.label, record.recipient.text());
}

std::string owners(const KeyFolder& folder, const Options& options) {
  std::vector<std::string> names;
  for (const KeyRecord& record : folder.records) {
    if (record.role == Role::kOwner) names.push_back(described(record));
  }
  for (const crypto::Recipient& recipient : options.recipients) {
    if (folder.find(recipient) == nullptr) names.push_back(recipient.text());
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::vector<crypto::Identity> OpenedKeys::all() const {
  std::vector<crypto::Identity> identities;
  identities.reserve(keys.size());
  for (const OpenedKey& key : keys) identities.push_back(key.identity);
  return identities;
}

bool OpenedKeys::has(const crypto::Recipient& recipient) const {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const OpenedKey& key) { return key.identity.recipient() == recipient; });
}

bool OpenedKeys::has_owner() const {
  return std::any_of(keys.begin(), keys.end(), [](const OpenedKey& key) { return key.owner; });
}

Result<OpenedKeys> open_identities(const LocalKeys& local, const KeyFolder& folder,
                                   const Options& options, store::ObjectStore& objects,
                                   OpenPgp& gpg, AskGpg ask) {
  Opener opener(folder, options, objects, gpg);
  opener.add_local(local);
  TRY(opener.open_wraps());
  if (ask != AskGpg::kNever) {
    TRY(opener.ask_gpg(ask));
    TRY(opener.open_wraps());
    const bool in_vain = ask == AskGpg::kIfNoOwnerKey && !opener.has_owner();
    if (in_vain && opener.gpg_error()) return *opener.gpg_error();
  }
  return opener.take();
}

std::optional<Error> why_no_owner_key(const OpenedKeys& opened, const LocalKeys& local,
                                      const KeyFolder& folder, const Options& options) {
  if (opened.has_owner()) return std::nullopt;
  const std::string names = owners(folder, options);
  if (!local.owner) {
    const std::string missing = options.identity_file.empty()
                                    ? ""
                                    : fmt::format(": there is no file {}", options.identity_file);
    return make_error(ErrorKind::kDenied,
                      "no private key of this repository's owners is at hand" + missing,
                      "encryption.identity_file, or WALKBACK_ENCRYPTION_IDENTITY_FILE, says where "
                      "it lies; it is that of " +
                          (names.empty() ? "whoever set the repository up" : names));
  }
  return make_error(
      ErrorKind::kDenied,
      fmt::format("the key in {}, {}, is not one of this repository's recipients",
                  options.identity_file, local.owner->identities.front().recipient().text()),
      names.empty() ? "the repository names no owner; take the key that was made with it"
                    : "take the private key of " + names);
}

}  // namespace walkback::keys
