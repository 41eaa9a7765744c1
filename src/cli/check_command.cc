#include <fmt/format.h>

#include "catalog/listing.h"
#include "cli/check_upkeep.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/json.h"
#include "cli/key_options.h"
#include "cli/text.h"
#include "keys/list_keys.h"
#include "keys/local_keys.h"
#include "repo/repository.h"
#include "setup/check.h"

namespace walkback::cli {

namespace {

using setup::Finding;
using setup::Level;

constexpr int kLongestSilence_s = 10;

// What is wrong with one thing must not hide the others.
class Check {
 public:
  Check(const CheckOptions& options, config::Config config, Session& session)
      : options_(options), config_(std::move(config)), session_(session) {}

  CheckView run() {
    add({Level::kOk, "configuration", session_.config_path()});
    const auto store = repository();
    if (config_.encryption == "age") keys();
    add_all(check_alerts(config_, session_));
    if (store) {
      backups(*store);
      probe();
      if (options_.conformance) conformance();
      add_all(check_schedule(config_, *store, session_));
      server(*store);
    }
    return std::move(view_);
  }

 private:
  void add(Finding finding) { view_.findings.push_back(std::move(finding)); }
  void add_all(std::vector<Finding> findings) {
    for (Finding& finding : findings) add(std::move(finding));
  }
  void fail(std::string what, const Error& error) { add(setup::failed(std::move(what), error)); }

  std::unique_ptr<store::ObjectStore> repository() {
    const std::vector<std::string> urls = config::repository_urls(config_);
    std::vector<std::string> answering;
    for (const std::string& url : urls) {
      if (place(url)) answering.push_back(url);
    }
    // The rest is asked of what answers, without the other's time-outs.
    if (answering.empty()) return nullptr;
    if (answering.size() < urls.size()) config_ = alone(answering.front());
    auto store = session_.open_repository(config_, Access::kMetadata);
    if (store.ok()) {
      places(**store);
      return *std::move(store);
    }
    fail("repository", store.error());
    return nullptr;
  }

  config::Config alone(const std::string& url) const {
    config::Config alone = config_;
    alone.repository_url = url;
    alone.second_repository_url.clear();
    return alone;
  }

  // Each by itself, for what one lacks the other would give; and with little patience, for somebody
  // sits and waits.
  bool place(const std::string& url) {
    config::Config quick = alone(url);
    quick.s3_timeout_s = std::min(quick.s3_timeout_s, kLongestSilence_s);
    const auto store = session_.open_repository(quick, Access::kMetadata);
    if (!store.ok()) {
      fail("repository", store.error());
      return false;
    }
    add({Level::kOk, "repository",
         fmt::format("{}, encryption {}", (*store)->description(), config_.encryption)});
    return true;
  }

  void places(store::ObjectStore& store) {
    if (config_.second_repository_url.empty()) return;
    const auto counted_up = store.catch_up(store::CatchUpExtent::kCount, {});
    if (!counted_up.ok()) return fail("places", counted_up.error());
    if (counted_up->behind == 0) {
      return add({Level::kOk, "places", "both have the same objects"});
    }
    add({Level::kWarning, "places",
         fmt::format("{} in one place only", counted(counted_up->behind, "object")),
         "`walkback backup` copies them to the other"});
  }

  // Whether a recovery would have something to begin with, and could go on from there.
  void backups(store::ObjectStore& objects) {
    const auto listing = catalog::list_cluster(objects, config_.cluster,
                                               [&](const Error& error) { fail("backups", error); });
    if (!listing.ok()) return fail("backups", listing.error());
    newest_backup(*listing);
    add_all(
        check_retention(config_, listing->windows, listing->backups, session_.env().clock.now()));
  }

  void newest_backup(const catalog::Listing& listing) {
    if (listing.backups.empty()) {
      return add({Level::kWarning, "backups", "none yet: there is nothing to recover from",
                  "`walkback backup` takes one"});
    }
    const catalog::BackupSummary& newest = listing.backups.back();
    for (const catalog::WalGap& gap : listing.gaps) {
      if (gap.timeline < newest.timeline || gap.to_lsn <= newest.stop_lsn) continue;
      return add({Level::kFailed, "backups",
                  fmt::format("WAL is missing from LSN {} to {}, after the last backup",
                              gap.from_lsn.text(), gap.to_lsn.text()),
                  "`walkback backup` makes what comes after it recoverable again"});
    }
    add({Level::kOk, "backups",
         fmt::format("{}, the newest {}", counted(listing.backups.size(), "backup"),
                     newest.id.text)});
  }

  void keys() {
    const Result<keys::Options> options = key_options(config_, session_.env().user_id);
    if (!options.ok()) return fail("keys", options.error());
    const Result<keys::LocalKeys> local =
        keys::load_local_keys(session_.env().files, *options, keys::OwnerFile::kIfThere);
    if (!local.ok()) return fail("keys", local.error());
    keys_in_use(*options);
    if (local->host) {
      add({Level::kOk, "host key", options->host_key_file});
    } else {
      add({Level::kWarning, "host key", "none: this host cannot read what it stored, names neither",
           "`walkback init` makes one, in encryption.host_key_file"});
    }
    if (!local->owner) {
      add({Level::kOk, "private key", "not on this host"});
      return;
    }
    add({Level::kWarning, "private key",
         fmt::format("{} lies on this host: who steals the host reads every backup",
                     options->identity_file),
         "keep it in two other places and remove it here; WALKBACK_ENCRYPTION_IDENTITY_FILE names "
         "it to a recovery"});
  }

  // New objects are encrypted to the configuration's keys, whatever the repository knows of them.
  void keys_in_use(const keys::Options& options) {
    Env& env = session_.env();
    const auto beneath = session_.open_beneath(config_);
    if (!beneath.ok()) return;  // said of the repository
    const auto list =
        keys::list_keys({env.files, **beneath, env.gpg, env.clock, env.random, options});
    if (!list.ok()) return fail("keys", list.error());
    for (const Error& problem : list->problems) fail("keys", problem);
    for (const keys::ListedKey& key : list->keys) {
      if (!key.in_use || key.record.role == keys::Role::kHost) continue;
      const std::string name = key.record.recipient.text();
      if (!key.recorded) {
        add({Level::kWarning, "recipient", name + ": the repository does not know it",
             fmt::format("`walkback key add {}` lets it read what is there already", name)});
      } else if (key.record.retired) {
        add({Level::kWarning, "recipient",
             name + " was retired, and this host still encrypts to it",
             fmt::format("take it out of encryption.recipients in {}", session_.config_path())});
      } else {
        add({Level::kOk, "recipient", name});
      }
    }
  }

  // A bucket's probe says the same.
  void writable() {
    const auto beneath = session_.open_beneath(config_);
    if (!beneath.ok()) return fail("store", beneath.error());
    const store::ObjectKey key("check/" + session_.env().random.hex(8));
    const auto put = (*beneath)->put(key, as_bytes("check"));
    // Also after a failure: one of two places may have it.
    const auto removed = (*beneath)->remove(key);
    if (!put.ok()) return fail("store", put.error());
    if (!removed.ok()) return fail("store", removed.error());
    add({Level::kOk, "store", "takes an object and gives it up again"});
  }

  void probe() {
    if (!session_.env().probe) return writable();
    auto traits = session_.env().probe(config_, {});
    if (!traits.ok()) return fail("store", traits.error());
    view_.traits = *std::move(traits);
    if (view_.traits.empty() || !config_.second_repository_url.empty()) writable();
    if (view_.traits.empty()) return;
    if (able("conditional_put") == true) {
      add({Level::kOk, "store", "puts an object only where there is none"});
    } else {
      add({Level::kWarning, "store",
           "has no conditional put: two writers of one name are told "
           "apart by reading before and after",
           "let no two hosts archive one cluster at the same time"});
    }
    deletion();
  }

  // What a thief of this host's credentials could do, and what pruning can.
  void deletion() {
    if (able("may_delete") == false) {
      add({Level::kOk, "deletion",
           "these credentials may not delete: a stolen host cannot either, and pruning needs "
           "others"});
    } else if (able("object_lock") == true) {
      add({Level::kOk, "deletion",
           "object lock is on: what is removed goes when its retention ends, and costs until "
           "then"});
    } else if (able("versioning") == true) {
      add({Level::kOk, "deletion",
           "versioning is on: what is removed can be had back, and costs until a lifecycle rule "
           "ends it"});
    } else if (able("may_delete") == true) {
      add({Level::kWarning, "deletion", "these credentials delete for good",
           "versioning or object lock on the bucket keeps what a stolen host would remove"});
    }
  }

  // Nothing where it could not be found out.
  std::optional<bool> able(std::string_view name) const {
    for (const StoreTrait& trait : view_.traits) {
      if (trait.name == name) return trait.able;
    }
    return std::nullopt;
  }

  void conformance() {
    const auto beneath = session_.open_beneath(config_);
    if (!beneath.ok()) return fail("conformance", beneath.error());
    add_all(setup::check_conformance(**beneath, session_.env().random));
  }

  void server(store::ObjectStore& objects) {
    if (config_.pgdata.empty()) {
      return add({Level::kWarning, "server", "not looked at: no postgresql.pgdata",
                  "run this on the database host, with its configuration"});
    }
    Env& env = session_.env();
    const auto connection = session_.connect(config_);
    if (!connection.ok()) return fail("server", connection.error());
    const setup::ServerToCheck server{
        .pgdata = config_.pgdata,
        .call = {env.program, session_.config_path(), config_.cluster},
        .prove_archiving = options_.prove};
    add_all(setup::check_server(
        server, {.connection = **connection,
                 .files = env.files,
                 .objects = objects,
                 .clock = env.clock,
                 .progress = session_.progress(),
                 .connect_to_primary = config_.primary_conninfo.empty()
                                           ? backup::ConnectToPrimary()
                                           : session_.connect_to_primary(config_)}));
  }

  const CheckOptions& options_;
  config::Config config_;
  Session& session_;
  CheckView view_;
};

}  // namespace

Result<ExitStatus> run_check(const CheckOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  TRY(session.check_repository_owner(config));
  session.watch_interrupts(OnInterrupt::kEnd);
  const CheckView view = Check(options, std::move(config), session).run();
  session.result(check_text(view), check_json(view));
  for (const Finding& finding : view.findings) {
    if (finding.level == Level::kFailed) return ExitStatus::kFailed;
  }
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
