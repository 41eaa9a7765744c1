#include "verify/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "catalog/sealed_message.h"
#include "catalog/verified.h"
#include "catalog/verified.pb.h"

namespace walkback::verify {

namespace proto = catalog::proto::verified;

namespace {

constexpr int kCompressionLevel = 3;
// About, before compression.
constexpr size_t kRecordBytes = 16 << 20;
// A year of nightly runs must not make the next one read 365 of them.
constexpr size_t kManyRecords = 32;
// What was read longer ago than this counts for no deep run: it would be called read today.
constexpr std::chrono::hours kLongestPause{7 * 24};

// The stronger proof, the newest of it; and the first hash: what comes later is compared with that.
void merge_proofs(Known& known, Known other) {
  const bool better =
      other.stored_bytes == known.stored_bytes
          ? std::pair(other.proof, other.proved_at) > std::pair(known.proof, known.proved_at)
          : other.read_at > known.read_at;
  const Timestamp read_at = std::max(known.read_at, other.read_at);
  std::optional<codec::ContentHash> hash = known.stored_hash;
  if (!hash || known.stored_bytes != other.stored_bytes) hash = other.stored_hash;
  if (better) known = std::move(other);
  known.read_at = read_at;
  known.stored_hash = hash;
}

void merge(Known& known, Known other) {
  const std::optional<Timestamp> damaged_at = std::max(known.damaged_at, other.damaged_at);
  if (!known.has_proof()) {
    known = std::move(other);
  } else if (other.has_proof()) {
    merge_proofs(known, std::move(other));
  }
  known.damaged_at = damaged_at;
}

size_t bytes_of(const std::string& name, const Known& known) {
  return name.size() + known.frames.size() * sizeof(uint32_t) + 48;
}

std::optional<Known> decode(const proto::Object& object) {
  Known known;
  if (object.proof() < proto::PRESENT || object.proof() > proto::PROVED) return std::nullopt;
  known.proof = static_cast<Proof>(object.proof());
  known.proved_at = known.read_at = {object.at_unix_us()};
  known.stored_bytes = object.stored_bytes();
  if (!object.stored_hash().empty()) {
    known.stored_hash.emplace();
    if (object.stored_hash().size() != known.stored_hash->bytes.size()) return std::nullopt;
    std::ranges::copy(as_bytes(object.stored_hash()), known.stored_hash->bytes.begin());
  }
  known.frames.assign(object.frames().begin(), object.frames().end());
  if (object.damaged_at_unix_us() > 0) known.damaged_at = {object.damaged_at_unix_us()};
  if (!std::ranges::is_sorted(known.frames)) return std::nullopt;
  return known;
}

void encode(const std::string& name, const Known& known, proto::Object& object) {
  object.set_name(name);
  object.set_stored_bytes(known.stored_bytes);
  object.set_proof(static_cast<proto::Proof>(known.proof));
  object.set_at_unix_us(known.proved_at.unix_us);
  if (known.stored_hash) {
    object.set_stored_hash(known.stored_hash->bytes.data(), known.stored_hash->bytes.size());
  }
  object.mutable_frames()->Assign(known.frames.begin(), known.frames.end());
  if (known.damaged_at) object.set_damaged_at_unix_us(known.damaged_at->unix_us);
}

// What its records say of one earlier deep run.
struct DeepRun {
  Timestamp started_at;
  Timestamp since;
  bool finished = false;
};

}  // namespace

Memory::Memory(store::ObjectStore& objects, const catalog::LineageLayout& layout, RunIdentity run,
               Clock& clock)
    : objects_(objects),
      layout_(layout),
      run_(std::move(run)),
      clock_(clock),
      since_(run_.started_at),
      last_write_(clock.monotonic()) {}

Result<std::unique_ptr<Memory>> Memory::load(store::ObjectStore& objects,
                                             const catalog::LineageLayout& layout,
                                             const RunIdentity& run, Clock& clock) {
  std::unique_ptr<Memory> memory(new Memory(objects, layout, run, clock));
  TRY(memory->load_records());
  return memory;
}

Result<void> Memory::load_records() {
  std::map<std::string, DeepRun> deep_runs;
  TRY(catalog::each_verified(
      objects_, layout_, [&](const store::ObjectKey& key, const proto::Record& record) {
        records_.push_back(key);
        if (record.deep()) {
          DeepRun& deep = deep_runs[record.run()];
          deep.started_at = {record.run_started_unix_us()};
          deep.since = {record.deep_since_unix_us()};
          deep.finished |= record.finished();
        }
        for (const proto::Object& object : record.object()) {
          std::optional<Known> known = decode(object);
          if (!known) continue;
          const auto [at, is_new] = loaded_.try_emplace(object.name(), *known);
          if (!is_new) merge(at->second, *std::move(known));
        }
      }));
  const auto newest = std::ranges::max_element(
      deep_runs, {}, [](const auto& run) { return run.second.started_at; });
  if (newest == deep_runs.end() || newest->second.finished) return success();
  if (run_.started_at - newest->second.since > kLongestPause) return success();
  if (run_.deep) {
    since_ = newest->second.since;
  } else {
    others_unfinished_ = true;
  }
  return success();
}

const Known* Memory::find(const std::string& name) const {
  const auto found = loaded_.find(name);
  return found == loaded_.end() ? nullptr : &found->second;
}

Result<void> Memory::remember(const std::string& name, Known known) {
  std::lock_guard lock(mutex_);
  pending_bytes_ += bytes_of(name, known);
  pending_.emplace_back(name, std::move(known));
  const bool due = clock_.monotonic() - last_write_ >= kPeriod;
  return due || pending_bytes_ >= kRecordBytes ? write_pending(false) : success();
}

Result<void> Memory::flush() {
  std::lock_guard lock(mutex_);
  return pending_.empty() ? success() : write_pending(false);
}

Result<void> Memory::finish(const std::function<bool(const std::string&)>& is_there) {
  std::lock_guard lock(mutex_);
  // A deep run's end is of use without any object: the next one begins anew.
  if (!pending_.empty() || run_.deep) TRY(write_pending(true));
  if (records_.size() < kManyRecords || others_unfinished_ || not_writable_) return success();
  return compact(is_there);
}

Result<void> Memory::write_pending(bool finished) {
  TRY(write(pending_, finished));
  for (auto& [name, known] : pending_) added_.insert_or_assign(std::move(name), std::move(known));
  pending_.clear();
  pending_bytes_ = 0;
  last_write_ = clock_.monotonic();
  return success();
}

Result<void> Memory::write(const Entries& entries, bool finished) {
  if (not_writable_) return success();
  proto::Record record;
  record.set_run(run_.id);
  record.set_run_started_unix_us(run_.started_at.unix_us);
  record.set_deep(run_.deep);
  if (run_.deep) record.set_deep_since_unix_us(since_.unix_us);
  record.set_finished(finished);
  for (const auto& [name, known] : entries) encode(name, known, *record.add_object());
  const store::ObjectKey key(
      fmt::format("{}{}-{:04}.zst", layout_.verified_folder(), run_.id, ++written_));
  const Result<store::PutOutcome> put =
      catalog::put_sealed(objects_, key, repo::SealedKind::kVerified, catalog::kVerifiedVersion,
                          kCompressionLevel, record.SerializeAsString());
  if (put.ok()) return success();
  if (put.error().kind != ErrorKind::kDenied) return put.error();
  not_writable_ = put.error();
  return success();
}

Result<void> Memory::compact(const std::function<bool(const std::string&)>& is_there) {
  for (const auto& [name, known] : added_) {
    const auto [at, is_new] = loaded_.try_emplace(name, known);
    if (!is_new) merge(at->second, known);
  }
  Entries entries;
  size_t bytes = 0;
  for (const auto& [name, known] : loaded_) {
    if (!is_there(name)) continue;
    entries.emplace_back(name, known);
    bytes += bytes_of(name, known);
    if (bytes < kRecordBytes) continue;
    TRY(write(entries, true));
    entries.clear();
    bytes = 0;
  }
  if (!entries.empty()) TRY(write(entries, true));
  if (not_writable_) return success();
  // What this run wrote before says nothing that is not in there, and is read once more at most.
  return objects_.remove_all(records_);
}

}  // namespace walkback::verify
