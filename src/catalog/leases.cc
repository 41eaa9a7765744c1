#include "catalog/leases.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/host_name.h"
#include "base/whole_number.h"
#include "catalog/json.h"
#include "catalog/process_identity.h"

namespace walkback::catalog {

namespace {

constexpr std::string_view kMark = ".mark.json";
constexpr std::string_view kJson = ".json";
constexpr std::chrono::seconds kBetweenLooks{2};

std::string leases_folder(const std::string& cluster) {
  return cluster_folder(cluster) + "leases/";
}

store::ObjectKey lease_key(const std::string& cluster, const std::string& id, uint64_t counter) {
  return store::ObjectKey(fmt::format("{}{}.{}.json", leases_folder(cluster), id, counter));
}

store::ObjectKey mark_key(const std::string& cluster, const std::string& id) {
  return store::ObjectKey(leases_folder(cluster) + id + std::string(kMark));
}

std::string_view kind_name(LeaseKind kind) {
  switch (kind) {
    case LeaseKind::kRead:
      return "read";
    case LeaseKind::kWrite:
      return "write";
    case LeaseKind::kPrune:
      return "prune";
  }
  return "";
}

Result<LeaseKind> parse_kind(std::string_view name, const store::ObjectKey& key) {
  for (const LeaseKind kind : {LeaseKind::kRead, LeaseKind::kWrite, LeaseKind::kPrune}) {
    if (kind_name(kind) == name) return kind;
  }
  return make_error(ErrorKind::kCorrupt, key.text() + ": a lease of no known kind");
}

Result<pg::SystemIdentifier> parse_system(const std::string& text, const store::ObjectKey& key) {
  if (const auto value = whole_number<uint64_t>(text)) return pg::SystemIdentifier{*value};
  return make_error(ErrorKind::kCorrupt, key.text() + ": no system identifier");
}

std::string encode(const LeaseClaim& claim) {
  Json json;
  json["kind"] = kind_name(claim.kind);
  json["system_identifier"] = std::to_string(claim.system_identifier.value);
  json["backup"] = claim.backup ? Json(claim.backup->text) : Json();
  json["what"] = claim.what;
  json["host"] = claim.host;
  json["process"] = claim.process;
  return to_text(json);
}

Result<LeaseClaim> decode(ByteView bytes, const store::ObjectKey& key) {
  const Json json = TRY(parse_json(bytes, key.text()));
  JsonFields fields(json, key.text());
  LeaseClaim claim;
  const std::string kind = fields.text("kind");
  const std::string system = fields.text("system_identifier");
  if (fields.has("backup")) claim.backup = BackupId{fields.text("backup")};
  claim.what = fields.text("what");
  claim.host = fields.text("host");
  claim.process = fields.text("process");
  TRY(fields.done());
  claim.kind = TRY(parse_kind(kind, key));
  claim.system_identifier = TRY(parse_system(system, key));
  return claim;
}

}  // namespace

struct HeldLease::State {
  store::ObjectStore& objects;
  const std::string cluster;
  Clock& clock;
  Lease lease;
  std::mutex mutex;
  std::condition_variable wake;
  bool ending = false;
  std::chrono::nanoseconds renewed_at{};
  std::thread renewer;

  // The next counter, then this one away: there is always one.
  Result<void> renew() {
    const auto began = clock.monotonic();
    const store::ObjectKey old = lease_key(cluster, lease.id, lease.counter);
    // One that is there already is of a try whose answer was lost, and may say less.
    store::PutOutcome outcome = store::PutOutcome::kAlreadyExists;
    while (outcome == store::PutOutcome::kAlreadyExists) {
      outcome = TRY(objects.put(lease_key(cluster, lease.id, ++lease.counter),
                                as_bytes(encode(lease.claim))));
    }
    renewed_at = began;
    // Left behind, it is no more than an older counter.
    (void)objects.remove(old);
    return success();
  }

  void keep_renewing() {
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, kLeaseRenewal, [this] { return ending; })) {
      // A repository that is away for a moment: check_held() says when it was too long.
      (void)renew();
    }
  }
};

HeldLease::HeldLease(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<HeldLease>> HeldLease::take(store::ObjectStore& objects, std::string cluster,
                                                   LeaseClaim claim, Clock& clock, Random& random) {
  claim.host = host_name();
  claim.process = this_process();
  std::unique_ptr<State> state(
      new State{objects, std::move(cluster), clock, {random.hex(16), 0, std::move(claim)}});
  TRY(state->renew());
  State* const kept = state.get();
  state->renewer = std::thread([kept] { kept->keep_renewing(); });
  return std::unique_ptr<HeldLease>(new HeldLease(std::move(state)));
}

HeldLease::~HeldLease() {
  {
    std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->wake.notify_all();
  state_->renewer.join();
  // One that stays is found dead, later.
  (void)remove_lease(state_->objects, state_->cluster, state_->lease);
}

const std::string& HeldLease::id() const { return state_->lease.id; }

Result<void> HeldLease::claim_backup(const BackupId& backup) {
  std::lock_guard lock(state_->mutex);
  state_->lease.claim.backup = backup;
  return state_->renew();
}

Result<void> HeldLease::check_held() const {
  std::lock_guard lock(state_->mutex);
  const auto since = state_->clock.monotonic() - state_->renewed_at;
  if (since < kLeaseLost) return success();
  return make_error(
      ErrorKind::kConflict,
      fmt::format("the repository could not be told for {} s that this goes on: another host may "
                  "have taken it for dead",
                  std::chrono::duration_cast<std::chrono::seconds>(since).count()),
      "run it again; `walkback check` says whether the repository can be written to");
}

Result<void> HeldLease::renew_if_due() {
  TRY(check_held());
  std::lock_guard lock(state_->mutex);
  if (state_->clock.monotonic() - state_->renewed_at < kLeaseRenewal) return success();
  return state_->renew();
}

Result<std::vector<Lease>> list_leases(store::ObjectStore& objects, const std::string& cluster) {
  // Two counters of one lease are there while it is renewed.
  std::map<std::string, uint64_t> newest;
  const std::string folder = leases_folder(cluster);
  TRY(objects.list(folder, "", [&](const store::ObjectInfo& info) {
    const std::string_view name = std::string_view(info.key.text()).substr(folder.size());
    const size_t dot = name.find('.');
    if (name.ends_with(kMark) || !name.ends_with(kJson) || dot == std::string_view::npos) {
      return true;
    }
    uint64_t counter = 0;
    const auto [end, error] =
        std::from_chars(name.data() + dot + 1, name.data() + name.size(), counter);
    if (error != std::errc() || end != name.data() + name.size() - kJson.size()) return true;
    uint64_t& known = newest[std::string(name.substr(0, dot))];
    known = std::max(known, counter);
    return true;
  }));
  std::vector<Lease> leases;
  for (auto [id, counter] : newest) {
    std::optional<Bytes> bytes = TRY(objects.get(lease_key(cluster, id, counter)));
    // It was renewed while we looked: then the next counter is there.
    for (int i = 0; !bytes && i < 3; ++i) {
      bytes = TRY(objects.get(lease_key(cluster, id, ++counter)));
    }
    if (!bytes) continue;
    leases.push_back({id, counter, TRY(decode(*bytes, lease_key(cluster, id, counter)))});
  }
  return leases;
}

Result<void> remove_lease(store::ObjectStore& objects, const std::string& cluster,
                          const Lease& lease) {
  std::vector<store::ObjectKey> keys;
  const std::string prefix = leases_folder(cluster) + lease.id + ".";
  TRY(objects.list(prefix, "", [&](const store::ObjectInfo& info) {
    if (!info.key.text().ends_with(kMark)) keys.push_back(info.key);
    return true;
  }));
  return objects.remove_all(keys);
}

bool PruneMark::names(const BackupId& id) const {
  return std::ranges::find(removed, id) != removed.end() ||
         std::ranges::find(thinned, id) != thinned.end();
}

Result<void> put_mark(store::ObjectStore& objects, const std::string& cluster,
                      const PruneMark& mark) {
  Json json;
  json["system_identifier"] = std::to_string(mark.system_identifier.value);
  json["removed"] = Json::array();
  for (const BackupId& id : mark.removed) json["removed"].push_back(id.text);
  json["thinned"] = Json::array();
  for (const BackupId& id : mark.thinned) json["thinned"].push_back(id.text);
  TRY(objects.put(mark_key(cluster, mark.lease), as_bytes(to_text(json))));
  return success();
}

Result<void> remove_mark(store::ObjectStore& objects, const std::string& cluster,
                         const std::string& lease) {
  return objects.remove(mark_key(cluster, lease));
}

Result<std::vector<PruneMark>> list_marks(store::ObjectStore& objects, const std::string& cluster) {
  std::vector<store::ObjectKey> keys;
  const std::string folder = leases_folder(cluster);
  TRY(objects.list(folder, "", [&](const store::ObjectInfo& info) {
    if (info.key.text().ends_with(kMark)) keys.push_back(info.key);
    return true;
  }));
  std::vector<PruneMark> marks;
  for (const store::ObjectKey& key : keys) {
    const std::optional<Bytes> bytes = TRY(objects.get(key));
    if (!bytes) continue;  // that prune has ended
    const Json json = TRY(parse_json(*bytes, key.text()));
    JsonFields fields(json, key.text());
    PruneMark mark;
    mark.lease = key.text().substr(folder.size());
    mark.lease.resize(mark.lease.size() - kMark.size());
    mark.system_identifier = TRY(parse_system(fields.text("system_identifier"), key));
    const auto read = [&](const char* name, std::vector<BackupId>& ids) {
      if (!json.contains(name) || !json[name].is_array()) return false;
      for (const Json& id : json[name]) {
        if (!id.is_string()) return false;
        ids.push_back({id.get<std::string>()});
      }
      return true;
    };
    if (!read("removed", mark.removed) || !read("thinned", mark.thinned)) {
      return make_error(ErrorKind::kCorrupt, key.text() + " does not say what is to go");
    }
    marks.push_back(std::move(mark));
  }
  return marks;
}

Result<std::set<std::string>> find_dead(store::ObjectStore& objects, const std::string& cluster,
                                        const std::set<std::string>& in_the_way, Clock& clock,
                                        std::stop_token stop, HeldLease* own) {
  std::set<std::string> open = in_the_way, dead;
  std::map<std::string, uint64_t> first_seen;
  const auto began = clock.monotonic();
  while (!open.empty()) {
    if (stop.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
    const std::vector<Lease> leases = TRY(list_leases(objects, cluster));
    const bool late = clock.monotonic() - began >= kLeaseDead;
    for (auto id = open.begin(); id != open.end();) {
      const auto lease = std::ranges::find(leases, *id, &Lease::id);
      const bool gone = lease == leases.end();
      const bool moved =
          !gone && lease->counter > first_seen.try_emplace(*id, lease->counter).first->second;
      const bool ended = !gone && !moved && (late || has_ended_here(lease->claim.process));
      if (ended) dead.insert(*id);
      id = gone || moved || ended ? open.erase(id) : std::next(id);
    }
    if (open.empty()) break;
    clock.sleep(kBetweenLooks);
    if (own != nullptr) TRY(own->renew_if_due());
  }
  return dead;
}

Result<void> check_not_condemned(store::ObjectStore& objects, const std::string& cluster,
                                 const LineageLayout& layout, const BackupId& backup, Clock& clock,
                                 std::stop_token stop) {
  std::set<std::string> prunes;
  for (const PruneMark& mark : TRY(list_marks(objects, cluster))) {
    if (mark.names(backup)) prunes.insert(mark.lease);
  }
  const std::set<std::string> dead = TRY(find_dead(objects, cluster, prunes, clock, stop));
  const std::vector<Lease> leases = TRY(list_leases(objects, cluster));
  for (const std::string& prune : prunes) {
    const auto lease = std::ranges::find(leases, prune, &Lease::id);
    if (lease == leases.end() || dead.contains(prune)) continue;
    return make_error(ErrorKind::kConflict,
                      fmt::format("prune on {} is about to remove backup {} or WAL after it",
                                  lease->claim.host, backup.text),
                      "run it again in a minute, when that has ended");
  }
  if (TRY(objects.info(layout.manifest(backup)))) return success();
  return make_error(ErrorKind::kMissing,
                    fmt::format("backup {} was removed by prune a moment ago", backup.text),
                    "run it again: another backup is taken");
}

}  // namespace walkback::catalog
