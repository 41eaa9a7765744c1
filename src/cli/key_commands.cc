#include <fmt/format.h>

#include "base/host_name.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/key_options.h"
#include "cli/key_text.h"
#include "keys/custody.h"
#include "keys/local_keys.h"
#include "repo/repository.h"

namespace walkback::cli {

namespace {

void warn(const std::vector<Error>& problems, Session& session) {
  for (const Error& problem : problems) session.env().output.err(warning_lines(problem));
}

// Everything the key commands need of one run.
class KeySession {
 public:
  explicit KeySession(Session& session) : session_(session) {}

  Result<void> open() {
    config_ = TRY(session_.load_config());
    options_ = TRY(
        session_.failing_with(ExitStatus::kBadUsage, key_options(config_, session_.env().user_id)));
    session_.watch_interrupts(OnInterrupt::kEnd);
    objects_ = TRY(session_.open_beneath(config_));
    return success();
  }

  // What only makes sense with encryption.
  Result<void> open_encrypted() {
    TRY(open());
    if (config_.encryption == "age") return session_.check_repository_owner(config_);
    return session_.failing_with(
        ExitStatus::kBadUsage,
        Result<void>(make_error(ErrorKind::kInvalid, "this repository is not encrypted",
                                "repository.encryption is \"none\": it has no keys")));
  }

  keys::KeyEnv env() {
    Env& env = session_.env();
    return {env.files, *objects_, env.gpg, env.clock, env.random, options_};
  }
  KeyView view() const {
    return {session_.config_path(), options_.recipients, options_.trusted_signers};
  }
  const keys::Options& options() const { return options_; }

  // Whose backups an owner should believe: this host's own first.
  std::vector<crypto::VerifyKey> signers() {
    const auto local =
        keys::load_local_keys(session_.env().files, options_, keys::OwnerFile::kIfThere);
    return local.ok() ? keys::trusted_signers(options_, *local) : options_.trusted_signers;
  }

 private:
  Session& session_;
  config::Config config_;
  keys::Options options_;
  std::unique_ptr<store::ObjectStore> objects_;
};

// A key can be made anywhere, with or without a configuration. Where the host's key is, the owner's
// file says so, and whoever recovers with it knows whom to believe.
Result<std::vector<crypto::VerifyKey>> signers_here(Session& session) {
  const config::Config config = TRY(session.load_partial_config());
  keys::Options options =
      TRY(session.failing_with(ExitStatus::kBadUsage, key_options(config, session.env().user_id)));
  options.identity_file.clear();
  const auto local = keys::load_local_keys(session.env().files, options, keys::OwnerFile::kIfThere);
  if (local.ok()) return keys::trusted_signers(options, *local);
  Error error = local.error();
  warn({std::move(error).with_context("the new file does not name this host as a signer")},
       session);
  return options.trusted_signers;
}

Result<ExitStatus> rotate_host(const KeyRotateOptions& options, Session& session) {
  KeySession keys(session);
  TRY(keys.open_encrypted());
  const std::string file = options.output.empty() ? "" : session.absolute(options.output);
  const auto report = TRY(keys::rotate_host_key({file, host_name()}, keys.env()));
  session.result(key_rotate_host_text(report, keys.view()), key_rotate_host_json(report));
  return ExitStatus::kDone;
}

}  // namespace

Result<ExitStatus> run_key_generate(const KeyGenerateOptions& options, Session& session) {
  Env& env = session.env();
  const std::vector<crypto::VerifyKey> signers = TRY(signers_here(session));
  const std::string file = session.absolute(options.output);
  const crypto::Recipient recipient =
      TRY(keys::create_identity_file(env.files, env.random, env.clock, file, signers));
  session.say_loudly(keys::custody_lines({recipient, file, "", signers}));
  session.result(recipient.text() + "\n", key_generate_json({recipient, file, signers}));
  return ExitStatus::kDone;
}

Result<ExitStatus> run_key_list(const KeyListOptions&, Session& session) {
  KeySession keys(session);
  TRY(keys.open());
  const keys::KeyList list = TRY(keys::list_keys(keys.env()));
  warn(list.problems, session);
  session.result(key_list_text(list), key_list_json(list));
  return ExitStatus::kDone;
}

Result<ExitStatus> run_key_add(const KeyAddOptions& options, Session& session) {
  KeySession keys(session);
  TRY(keys.open_encrypted());
  const auto report = TRY(keys::add_key({options.recipient, options.label}, keys.env()));
  warn(report.problems, session);
  if (!report.was_there) {
    session.say_loudly(
        keys::custody_lines({report.key.recipient, "", report.key.gpg, keys.signers()}));
  }
  session.result(key_add_text(report, keys.view()), key_add_json(report));
  return ExitStatus::kDone;
}

Result<ExitStatus> run_key_rotate(const KeyRotateOptions& options, Session& session) {
  if (options.host) return rotate_host(options, session);
  KeySession keys(session);
  TRY(keys.open_encrypted());
  const std::string file = options.output.empty() ? "" : session.absolute(options.output);
  const auto report =
      TRY(keys::rotate_key({options.recipient, file, options.label, options.retire}, keys.env()));
  warn(report.added.problems, session);
  const keys::KeyRecord& key = report.added.key;
  session.say_loudly(keys::custody_lines({key.recipient, report.file, key.gpg, report.signers}));
  session.result(key_rotate_text(report, keys.view()), key_rotate_json(report));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
