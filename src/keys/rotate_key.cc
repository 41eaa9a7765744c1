#include "keys/rotate_key.h"

#include <fmt/format.h>

#include <algorithm>

#include "keys/identities.h"
#include "keys/wrap_key.h"

namespace walkback::keys {
namespace {

// A host key file is replaced once in years.
constexpr int kMostHostKeyFiles = 1000;

Error unclear(std::string message, std::string hint) {
  return make_error(ErrorKind::kInvalid, std::move(message), std::move(hint));
}

Error same_key() {
  return unclear("the new key is the old one", "--recipient is the key to use from now on");
}

std::string texts(const std::vector<crypto::Recipient>& recipients) {
  std::vector<std::string> list;
  list.reserve(recipients.size());
  for (const crypto::Recipient& recipient : recipients) list.push_back(recipient.text());
  return fmt::format("{}", fmt::join(list, ", "));
}

Result<crypto::Recipient> named(const std::string& text,
                                const std::vector<crypto::Recipient>& candidates) {
  const crypto::Recipient wanted = TRY_CONTEXT(crypto::Recipient::parse(text), "--retire");
  if (std::find(candidates.begin(), candidates.end(), wanted) != candidates.end()) return wanted;
  return unclear("--retire names a key that is not in encryption.recipients",
                 "it has: " + texts(candidates));
}

// Only the configuration says what is in use.
Result<crypto::Recipient> choose_retired(const RotateKeyOptions& options, const Options& configured,
                                         const LocalKeys& local) {
  const std::vector<crypto::Recipient>& candidates = configured.recipients;
  if (!options.retire.empty()) return named(options.retire, candidates);
  if (candidates.size() == 1) return candidates.front();
  if (candidates.empty()) {
    return unclear("encryption.recipients is empty: there is no key to replace",
                   "walkback key add RECIPIENT");
  }
  std::vector<crypto::Recipient> at_hand;
  if (local.owner) {
    for (const crypto::Identity& identity : local.owner->identities) {
      const bool candidate =
          std::find(candidates.begin(), candidates.end(), identity.recipient()) != candidates.end();
      if (candidate) at_hand.push_back(identity.recipient());
    }
  }
  if (at_hand.size() == 1) return at_hand.front();
  return unclear(fmt::format("which of {} keys is to be replaced?", candidates.size()),
                 "--retire RECIPIENT, one of " + texts(candidates));
}

// The record first: a retirement without one is not shown. It is there, but for a recipient that
// was only ever written into the configuration.
Result<void> retire(const KeyEnv& env, KeyRecord record, const crypto::Recipient& successor) {
  record.added_at = env.clock.now();
  TRY(put_key_record(env.objects, record));
  return put_retirement(env.objects, record.recipient, {env.clock.now(), successor});
}

Result<std::string> free_name_beside(FileSystem& files, const std::string& path) {
  if (!TRY(files.link_status(path))) return path;
  for (int number = 2; number < kMostHostKeyFiles; ++number) {
    std::string name = fmt::format("{}.{}", path, number);
    if (!TRY(files.link_status(name))) return name;
  }
  return make_error(ErrorKind::kConflict, "there is no free name beside " + path,
                    "--output FILE gives one");
}

Result<void> check_same_user(const KeyEnv& env) {
  const auto info = TRY(env.files.status(env.options.host_key_file));
  if (!info || info->owner == env.options.user_id) return success();
  return make_error(
      ErrorKind::kDenied,
      fmt::format("{} belongs to another user, number {}, who could not read a new "
                  "key made here",
                  env.options.host_key_file, info->owner),
      fmt::format("run this as that user: sudo -u '#{}' walkback key rotate --host", info->owner));
}

// Nothing when the file was lost.
Result<std::optional<HostKey>> old_host_key(const KeyEnv& env) {
  const std::string& path = env.options.host_key_file;
  if (!TRY(env.files.status(path))) return std::optional<HostKey>();
  return std::optional(TRY(load_host_key(env.files, path, env.options.user_id)));
}

}  // namespace

Result<RotateKeyReport> rotate_key(const RotateKeyOptions& options, const KeyEnv& env) {
  CHECK(options.recipient.empty() != options.output.empty());
  TRY(check_label(options.label));
  const LocalKeys local = TRY(load_local_keys(env.files, env.options, OwnerFile::kIfThere));
  const crypto::Recipient retired = TRY(choose_retired(options, env.options, local));

  std::string recipient = options.recipient;
  const std::vector<crypto::VerifyKey> signers = trusted_signers(env.options, local);
  if (!options.output.empty()) {
    // The private key is safe before anything is encrypted to it.
    recipient =
        TRY(create_identity_file(env.files, env.random, env.clock, options.output, signers)).text();
  } else if (recipient == retired.text()) {
    return same_key();
  }
  AddKeyReport added = TRY(add_key({recipient, options.label}, env));
  if (added.key.recipient == retired) return same_key();
  TRY(retire(env, {.recipient = retired}, added.key.recipient));
  std::erase(added.recipients, retired);
  std::erase(added.retired_in_use, retired);
  return RotateKeyReport{std::move(added), retired, options.output, signers};
}

Result<RotateHostKeyReport> rotate_host_key(const RotateHostKeyOptions& options,
                                            const KeyEnv& env) {
  const Options& configured = env.options;
  if (configured.host_key_file.empty()) {
    return unclear("encryption.host_key_file is not set: this host has no key to replace",
                   "`walkback init` makes one");
  }
  TRY(check_same_user(env));
  const std::optional<HostKey> old = TRY(old_host_key(env));
  std::string file = options.output;
  if (file.empty()) file = TRY(free_name_beside(env.files, configured.host_key_file));

  const HostKey key = TRY(create_host_key(env.files, env.random, env.clock, file, options.host));
  RotateHostKeyReport report{.key = key, .file = file};
  const crypto::Recipient recipient = report.key.identity.recipient();
  const crypto::VerifyKey verify = report.key.signing_key.verify_key();
  if (!old) {
    TRY(record_host_key(env.objects, env.clock, recipient, verify, options.host));
    return report;
  }
  TRY(put_wrap(env, old->identity, recipient));
  TRY(record_host_key(env.objects, env.clock, recipient, verify, options.host));
  report.retired = old->identity.recipient();
  report.old_signer = old->signing_key.verify_key();
  TRY(retire(env, {.recipient = *report.retired, .role = Role::kHost, .verify = report.old_signer},
             recipient));
  return report;
}

}  // namespace walkback::keys
