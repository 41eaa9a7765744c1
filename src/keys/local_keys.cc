#include "keys/local_keys.h"

#include <algorithm>

namespace walkback::keys {
namespace {

constexpr std::string_view kOwnerHint =
    "encryption.identity_file names it; bring it from where the owner keeps it";
constexpr std::string_view kHostHint =
    "encryption.host_key_file names it: `walkback key rotate --host` makes another; on a host that "
    "only recovers, leave that line out";

Result<std::optional<IdentityFile>> load_owner(FileSystem& files, const Options& options,
                                               OwnerFile owner_file) {
  if (options.identity_file.empty()) return std::optional<IdentityFile>();
  Result<IdentityFile> file = load_identity_file(files, options.identity_file, options.user_id);
  if (file.ok()) return std::optional(*std::move(file));
  if (file.error().kind != ErrorKind::kMissing) return std::move(file).error();
  if (owner_file == OwnerFile::kIfThere) return std::optional<IdentityFile>();
  return std::move(file).error().with_hint(kOwnerHint);
}

Result<std::optional<HostKey>> load_host(FileSystem& files, const Options& options) {
  if (options.host_key_file.empty()) return std::optional<HostKey>();
  Result<HostKey> key = load_host_key(files, options.host_key_file, options.user_id);
  if (key.ok()) return std::optional(*std::move(key));
  if (key.error().kind != ErrorKind::kMissing) return std::move(key).error();
  return std::move(key).error().with_hint(kHostHint);
}

}  // namespace

Result<LocalKeys> load_local_keys(FileSystem& files, const Options& options, OwnerFile owner_file) {
  LocalKeys local;
  local.owner = TRY(load_owner(files, options, owner_file));
  local.host = TRY(load_host(files, options));
  return local;
}

std::vector<crypto::VerifyKey> trusted_signers(const Options& options, const LocalKeys& local) {
  std::vector<crypto::VerifyKey> signers;
  if (local.host) signers.push_back(local.host->signing_key.verify_key());
  signers.insert(signers.end(), options.trusted_signers.begin(), options.trusted_signers.end());
  if (local.owner) {
    signers.insert(signers.end(), local.owner->signers.begin(), local.owner->signers.end());
  }
  std::vector<crypto::VerifyKey> each_once;
  for (const crypto::VerifyKey& signer : signers) {
    if (std::find(each_once.begin(), each_once.end(), signer) == each_once.end()) {
      each_once.push_back(signer);
    }
  }
  return each_once;
}

}  // namespace walkback::keys
