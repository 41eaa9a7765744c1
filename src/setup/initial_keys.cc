#include "setup/initial_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "keys/add_key.h"
#include "keys/host_key.h"
#include "keys/identity_file.h"
#include "keys/key_folder.h"
#include "keys/local_keys.h"

namespace walkback::setup {

namespace {

bool holds(const std::vector<crypto::Recipient>& recipients, const crypto::Recipient& recipient) {
  return std::ranges::find(recipients, recipient) != recipients.end();
}

Error not_by_init(const std::string& wanted) {
  return make_error(
      ErrorKind::kConflict,
      fmt::format("{} is not one of the recipients that the configuration names", wanted),
      "`walkback key add` gives another key what it needs to read older backups too");
}

// With the lines to choose from: what lies in keys/ anybody may have written who can write to the
// repository, so a person compares and says it.
Error whom_to_encrypt_to(const keys::KeyFolder& folder) {
  std::string known;
  for (const keys::KeyRecord& record : folder.records) {
    if (record.role != keys::Role::kOwner || record.retired) continue;
    known +=
        fmt::format("{}--recipient {}{}", known.empty() ? "" : ", or ", record.recipient.text(),
                    record.label.empty() ? "" : " (" + record.label + ")");
  }
  return make_error(
      ErrorKind::kInvalid, "the repository is there already, and whom to encrypt to was not said",
      known.empty() ? "say --recipient with the public key of its owner"
                    : fmt::format("compare with the key you kept, and say {}", known));
}

class Maker {
 public:
  Maker(const KeyWishes& wishes, const keys::KeyEnv& env)
      : wishes_(wishes), env_(env), options_(env.options), own_env_{env.files,  env.objects,
                                                                    env.gpg,    env.clock,
                                                                    env.random, options_} {}

  Result<InitialKeys> make() {
    const keys::KeyFolder folder = TRY(keys::read_key_folder(env_.objects));
    const bool given = !options_.recipients.empty();
    if (!given && wishes_.recipients.empty() && !wishes_.repository_is_new) {
      return whom_to_encrypt_to(folder);
    }
    if (given) TRY(check_repeated(folder));
    const keys::HostKey host = TRY(host_key());
    signers_ = {host.signing_key.verify_key()};
    if (given) {
      TRY(take_configured(folder));
    } else if (!wishes_.recipients.empty()) {
      for (const std::string& wanted : wishes_.recipients) TRY(add(wanted));
    } else {
      TRY(make_owner());
    }
    TRY(keys::record_host_key(env_.objects, env_.clock, host.identity.recipient(),
                              host.signing_key.verify_key(), wishes_.host));
    made_.options = options_;
    return std::move(made_);
  }

 private:
  Result<void> check_repeated(const keys::KeyFolder& folder) {
    for (const std::string& wanted : wishes_.recipients) {
      const auto known = TRY(keys::known_recipient(wanted, folder, env_));
      if (!known || !holds(options_.recipients, *known)) return not_by_init(wanted);
    }
    return success();
  }

  Result<keys::HostKey> host_key() {
    auto there = keys::load_host_key(env_.files, options_.host_key_file, options_.user_id);
    if (there.ok() || there.error().kind != ErrorKind::kMissing) return there;
    return keys::create_host_key(env_.files, env_.random, env_.clock, options_.host_key_file,
                                 wishes_.host);
  }

  // A key of the configuration may be older than the repository, which does not know it then.
  Result<void> take_configured(const keys::KeyFolder& folder) {
    const auto local = TRY(keys::load_local_keys(env_.files, options_, keys::OwnerFile::kIfThere));
    for (const crypto::Recipient& recipient : options_.recipients) {
      const keys::KeyRecord* record = folder.find(recipient);
      if (record == nullptr) TRY(keys::add_key({recipient.text(), ""}, own_env_));
      const bool here =
          local.owner && std::ranges::any_of(local.owner->identities, [&](const auto& key) {
            return key.recipient() == recipient;
          });
      if (here) made_.owner_file = options_.identity_file;
      if (!here && record != nullptr) continue;  // said when it was added
      made_.custody.push_back({recipient, here ? options_.identity_file : "", "", signers_});
    }
    return success();
  }

  Result<void> add(const std::string& wanted) {
    const keys::AddKeyReport report = TRY(keys::add_key({wanted, ""}, own_env_));
    if (!holds(options_.recipients, report.key.recipient)) {
      options_.recipients.push_back(report.key.recipient);
    }
    made_.custody.push_back({report.key.recipient, "", report.key.gpg, signers_});
    return success();
  }

  // A file that an earlier try left is the key of this one.
  Result<void> make_owner() {
    auto there = keys::load_identity_file(env_.files, options_.identity_file, options_.user_id);
    if (there.ok()) {
      for (const crypto::Identity& identity : there->identities) {
        options_.recipients.push_back(identity.recipient());
      }
    } else if (there.error().kind == ErrorKind::kMissing) {
      options_.recipients = {TRY(keys::create_identity_file(env_.files, env_.random, env_.clock,
                                                            options_.identity_file, signers_))};
    } else {
      return std::move(there).error();
    }
    made_.owner_file = options_.identity_file;
    for (const crypto::Recipient& recipient : options_.recipients) {
      TRY(keys::add_key({recipient.text(), ""}, own_env_));
      made_.custody.push_back({recipient, options_.identity_file, "", signers_});
    }
    return success();
  }

  const KeyWishes& wishes_;
  const keys::KeyEnv& env_;
  keys::Options options_;
  const keys::KeyEnv own_env_;  // with `options_`, as they grow
  std::vector<crypto::VerifyKey> signers_;
  InitialKeys made_;
};

}  // namespace

Result<InitialKeys> make_initial_keys(const KeyWishes& wishes, const keys::KeyEnv& env) {
  return Maker(wishes, env).make();
}

}  // namespace walkback::setup
