#include "keys/add_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "keys/identities.h"
#include "keys/wrap_key.h"

namespace walkback::keys {
namespace {

constexpr std::string_view kGpg = "gpg:";

bool holds(const std::vector<crypto::Recipient>& recipients, const crypto::Recipient& recipient) {
  return std::find(recipients.begin(), recipients.end(), recipient) != recipients.end();
}

// What a text names, and for a new OpenPGP key the age key to wrap.
struct Candidate {
  crypto::Recipient recipient;
  std::optional<OpenPgpKey> gpg;
  std::optional<crypto::Identity> identity;
};

// A record says which age key belongs to an OpenPGP key, but anybody may have written it: it counts
// for a recipient that this host's configuration names.
const KeyRecord* known_gpg_key(const KeyFolder& folder, const Options& options,
                               const OpenPgpKey& key) {
  for (const KeyRecord& record : folder.records) {
    const bool same = record.gpg == key.fingerprint && !record.retired;
    if (same && holds(options.recipients, record.recipient)) return &record;
  }
  return nullptr;
}

Result<Candidate> read_candidate(const std::string& text, const KeyFolder& folder,
                                 const KeyEnv& env) {
  if (!text.starts_with(kGpg)) return Candidate{.recipient = TRY(crypto::Recipient::parse(text))};
  const OpenPgpKey key = TRY(env.gpg.find(std::string_view(text).substr(kGpg.size())));
  if (const KeyRecord* known = known_gpg_key(folder, env.options, key)) {
    return Candidate{.recipient = known->recipient, .gpg = key};
  }
  const crypto::Identity identity = crypto::Identity::generate(env.random);
  return Candidate{identity.recipient(), key, identity};
}

// A user id is as long as its owner likes, and may hold anything.
std::string label_of(const AddKeyOptions& options, const Candidate& candidate) {
  if (!options.label.empty() || !candidate.gpg) return options.label;
  return check_label(candidate.gpg->user_id).ok() ? candidate.gpg->user_id : "";
}

Result<void> refuse_retired(const KeyRecord* record) {
  if (record == nullptr) return success();
  if (record->role == Role::kHost) {
    return make_error(ErrorKind::kInvalid, "this is a host's key: it cannot be an owner's too",
                      "age-keygen, or `walkback key generate`, makes one for an owner");
  }
  if (!record->retired) return success();
  return make_error(
      ErrorKind::kConflict,
      fmt::format("{} was retired; a key is not taken up again", record->recipient.text()),
      "make a new one: walkback key generate --output FILE");
}

std::vector<crypto::Recipient> owners_but(const crypto::Recipient& recipient,
                                          const KeyFolder& folder, const Options& options,
                                          const OpenedKeys& opened) {
  std::vector<crypto::Recipient> owners;
  const auto add = [&](const crypto::Recipient& owner) {
    if (owner != recipient && !holds(owners, owner)) owners.push_back(owner);
  };
  for (const crypto::Recipient& configured : options.recipients) add(configured);
  for (const KeyRecord& record : folder.records) {
    if (record.role == Role::kOwner) add(record.recipient);
  }
  for (const OpenedKey& key : opened.keys) {
    if (key.owner) add(key.identity.recipient());
  }
  return owners;
}

// The ids that `id` opens, over any number of wraps. Each wrap leads to one id more, or to nothing.
std::vector<std::string> reachable(const KeyFolder& folder, const std::string& id) {
  std::vector<std::string> ids{id};
  for (size_t next = 0; next < ids.size(); ++next) {
    for (const WrappedKey& wrap : folder.wraps) {
      const bool known = std::find(ids.begin(), ids.end(), wrap.id) != ids.end();
      if (wrap.for_id == ids[next] && !known) ids.push_back(wrap.id);
    }
  }
  return ids;
}

// The new key opens every owner's key at hand. Those it opens already stay as they are.
Result<void> wrap_for(const crypto::Recipient& recipient, const OpenedKeys& opened,
                      KeyFolder& folder, const KeyEnv& env) {
  const std::string for_id = key_id(recipient);
  for (const OpenedKey& key : opened.keys) {
    const std::string id = key_id(key.identity.recipient());
    if (!key.owner || id == for_id || folder.has_wrap(id, for_id)) continue;
    TRY(put_wrap(env, key.identity, recipient));
    folder.wraps.push_back({wrap_object(id, for_id), id, for_id});
  }
  return success();
}

}  // namespace

Result<AddKeyReport> add_key(const AddKeyOptions& options, const KeyEnv& env) {
  TRY(check_label(options.label));
  KeyFolder folder = TRY(read_key_folder(env.objects));
  const Candidate candidate = TRY(read_candidate(options.recipient, folder, env));
  const KeyRecord* known = folder.find(candidate.recipient);
  TRY(refuse_retired(known));
  const LocalKeys local = TRY(load_local_keys(env.files, env.options, OwnerFile::kIfThere));
  const OpenedKeys opened =
      TRY(open_identities(local, folder, env.options, env.objects, env.gpg, AskGpg::kForAll));

  AddKeyReport report{.key = {.recipient = candidate.recipient}};
  report.was_there = known != nullptr;
  if (known != nullptr) {
    report.key = *known;
  } else {
    report.key.label = label_of(options, candidate);
    report.key.added_at = env.clock.now();
    if (candidate.gpg) report.key.gpg = candidate.gpg->fingerprint;
  }
  // The private key first: nothing may name a key that nobody has.
  if (candidate.identity) TRY(put_gpg_wrap(env, *candidate.identity, *candidate.gpg));
  TRY(wrap_for(candidate.recipient, opened, folder, env));
  // Last: a key that is listed is complete.
  TRY(put_key_record(env.objects, report.key));

  const std::vector<std::string> ids = reachable(folder, key_id(candidate.recipient));
  for (const crypto::Recipient& owner :
       owners_but(candidate.recipient, folder, env.options, opened)) {
    const bool opens = std::find(ids.begin(), ids.end(), key_id(owner)) != ids.end();
    (opens ? report.opens : report.does_not_open).push_back(owner);
  }
  report.recipients = env.options.recipients;
  if (!holds(report.recipients, candidate.recipient)) {
    report.recipients.push_back(candidate.recipient);
  }
  for (const crypto::Recipient& recipient : report.recipients) {
    const KeyRecord* record = folder.find(recipient);
    if (record != nullptr && record->retired) report.retired_in_use.push_back(recipient);
  }
  report.problems = opened.problems;
  return report;
}

Result<std::optional<crypto::Recipient>> known_recipient(const std::string& text,
                                                         const KeyFolder& folder,
                                                         const KeyEnv& env) {
  if (text.starts_with(kGpg)) {
    const OpenPgpKey key = TRY(env.gpg.find(std::string_view(text).substr(kGpg.size())));
    const KeyRecord* known = known_gpg_key(folder, env.options, key);
    return known == nullptr ? std::nullopt : std::optional(known->recipient);
  }
  const crypto::Recipient recipient = TRY(crypto::Recipient::parse(text));
  return holds(env.options.recipients, recipient) ? std::optional(recipient) : std::nullopt;
}

Result<void> record_host_key(store::ObjectStore& objects, Clock& clock,
                             const crypto::Recipient& recipient, const crypto::VerifyKey& verify,
                             std::string_view host) {
  KeyRecord record{.recipient = recipient, .role = Role::kHost, .verify = verify};
  if (check_label(host).ok()) record.label = host;
  record.added_at = clock.now();
  return put_key_record(objects, record);
}

}  // namespace walkback::keys
