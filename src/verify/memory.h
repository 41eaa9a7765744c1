// What was verified before, and what this run adds: records in the repository, so that any host
// goes on where another stopped, and a run that was killed loses no more than its last seconds.
//
// About 150 bytes for each pack and segment, and 4 for each frame.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/layout.h"
#include "codec/frame.h"
#include "store/object_store.h"
#include "verify/proof.h"

namespace walkback::verify {

struct Known {
  Proof proof = Proof::kPresent;
  Timestamp proved_at;  // when that proof was last given
  Timestamp read_at;    // when it was last read, for whatever proof
  uint64_t stored_bytes = 0;
  std::optional<codec::ContentHash> stored_hash;
  std::vector<uint32_t> frames;  // fingerprints, ascending
  // When it was last found damaged or missing: a proof of before says nothing any more. Set alone,
  // without any proof, in what a run writes down of an object in trouble.
  std::optional<Timestamp> damaged_at = {};

  bool has_proof() const { return proved_at > Timestamp{}; }
  bool is_in_doubt() const { return damaged_at && *damaged_at >= proved_at; }
};

struct RunIdentity {
  std::string id;  // the event's
  Timestamp started_at;
  bool deep = false;
};

class Memory {
 public:
  // A record that cannot be read is passed over: what it said is verified again.
  static Result<std::unique_ptr<Memory>> load(store::ObjectStore& objects,
                                              const catalog::LineageLayout& layout,
                                              const RunIdentity& run, Clock& clock);

  // What earlier runs knew; any thread. A name is one below the lineage's folder.
  const Known* find(const std::string& name) const;
  // What was read since then counts as read by this run: its beginning, or that of the deep run
  // that it goes on with.
  Timestamp since() const { return since_; }
  bool resumes() const { return since_ < run_.started_at; }

  // Any thread. Written down at the latest with the next call after `kPeriod`.
  Result<void> remember(const std::string& name, Known known);
  // All of it is durable.
  Result<void> flush();
  // As flush(), and the run has come to its end. Many records become few: `is_there` says which of
  // the old names still matter.
  Result<void> finish(const std::function<bool(const std::string&)>& is_there);
  // Set where this host may read the repository and not write to it: nothing is remembered then.
  const std::optional<Error>& not_writable() const { return not_writable_; }

 private:
  static constexpr std::chrono::seconds kPeriod{10};

  Memory(store::ObjectStore& objects, const catalog::LineageLayout& layout, RunIdentity run,
         Clock& clock);
  Result<void> load_records();
  using Entries = std::vector<std::pair<std::string, Known>>;
  Result<void> write(const Entries& entries, bool finished);
  Result<void> write_pending(bool finished);
  Result<void> compact(const std::function<bool(const std::string&)>& is_there);

  store::ObjectStore& objects_;
  const catalog::LineageLayout layout_;
  const RunIdentity run_;
  Clock& clock_;
  Timestamp since_;
  bool others_unfinished_ = false;  // a deep run that somebody may go on with

  std::unordered_map<std::string, Known> loaded_;
  std::vector<store::ObjectKey> records_;  // that were read

  std::mutex mutex_;  // guards all below
  Entries pending_;
  size_t pending_bytes_ = 0;
  std::unordered_map<std::string, Known> added_;  // what was written down by this run
  int written_ = 0;                               // records, by this run
  std::optional<Error> not_writable_;
  std::chrono::nanoseconds last_write_;
};

}  // namespace walkback::verify
