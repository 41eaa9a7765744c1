#include "keys/list_keys.h"

#include <algorithm>

#include "keys/identities.h"

namespace walkback::keys {
namespace {

bool in_use(const KeyRecord& record, const Options& options, const LocalKeys& local) {
  if (record.role == Role::kHost) {
    return local.host && local.host->identity.recipient() == record.recipient;
  }
  return std::find(options.recipients.begin(), options.recipients.end(), record.recipient) !=
         options.recipients.end();
}

// What the repository has no record of: keys that were only written into the configuration.
std::vector<ListedKey> unrecorded(const KeyFolder& folder, const Options& options,
                                  const LocalKeys& local) {
  std::vector<ListedKey> keys;
  for (const crypto::Recipient& recipient : options.recipients) {
    if (folder.find(recipient) == nullptr) keys.push_back({.record = {.recipient = recipient}});
  }
  if (local.host && folder.find(local.host->identity.recipient()) == nullptr) {
    keys.push_back({.record = {.recipient = local.host->identity.recipient(),
                               .role = Role::kHost,
                               .verify = local.host->signing_key.verify_key()}});
  }
  return keys;
}

}  // namespace

Result<KeyList> list_keys(const KeyEnv& env) {
  const KeyFolder folder = TRY(read_key_folder(env.objects));
  const LocalKeys local = TRY(load_local_keys(env.files, env.options, OwnerFile::kIfThere));
  const OpenedKeys opened =
      TRY(open_identities(local, folder, env.options, env.objects, env.gpg, AskGpg::kNever));
  KeyList list;
  for (const KeyRecord& record : folder.records) {
    list.keys.push_back({.record = record, .recorded = true});
  }
  for (ListedKey& key : unrecorded(folder, env.options, local)) list.keys.push_back(key);
  for (ListedKey& key : list.keys) {
    key.in_use = in_use(key.record, env.options, local);
    key.at_hand = opened.has(key.record.recipient);
  }
  std::stable_sort(list.keys.begin(), list.keys.end(),
                   [](const auto& a, const auto& b) { return a.record.role < b.record.role; });
  list.passed_over = folder.passed_over;
  list.problems = opened.problems;
  return list;
}

}  // namespace walkback::keys
