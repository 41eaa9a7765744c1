// `walkback verify`: whether every object that a backup or a recovery needs is there and is what it
// was, by reading it.
//
// What was read once is remembered in the repository and not read again, unless `deep`. What no key
// at hand opens is proved as far as it can be, and the report says how far: docs/design/verify.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/promise.h"
#include "pg/types.h"
#include "store/object_store.h"
#include "verify/proof.h"

namespace walkback::verify {

struct VerifyOptions {
  std::string cluster;
  bool deep = false;  // read everything again
  int workers = 2;
  uint64_t limit_bytes_per_s = 0;  // 0: none
  catalog::Promise promise;        // WAL that retention took away is not missed
  // Of the frames that maps name; where a repository has more, its manifests are read more than
  // once. 40 bytes each.
  size_t frames_in_memory = 2 << 20;
};

enum class Trouble : uint8_t {
  kMissing,   // an object that is needed is not there
  kDamaged,   // it is not what it was, or not what refers to it says
  kGap,       // WAL is missing behind a backup: moments between cannot be recovered
  kUnopened,  // no key at hand opens it, though they open others of its kind
};
std::string_view trouble_name(Trouble trouble);  // "missing", …

// Moments that cannot be recovered for want of WAL.
struct LostMoments {
  pg::TimelineId timeline;
  pg::Lsn from_lsn;
  std::optional<Timestamp> after;  // nothing where no backup lies before
  std::optional<Timestamp>
      until;  // the end of the first backup behind; nothing while there is none
};

struct Finding {
  Trouble trouble = Trouble::kDamaged;
  std::string object;  // as it is called where it lies
  std::string text;
  std::vector<std::string> backups;  // that need it
  ObjectClass of = ObjectClass::kManifests;
  std::optional<LostMoments> lost = {};  // with WAL
};

struct ClassReport {
  uint64_t objects = 0;
  uint64_t bytes = 0;  // stored
  uint64_t read = 0;   // objects, by this run
  uint64_t read_bytes = 0;
  std::array<uint64_t, kProofs> by_proof{};  // objects, by the strongest proof; without the damaged
  uint64_t in_trouble = 0;
  std::optional<Timestamp> oldest_proof;  // of those with any
};

struct VerifyReport {
  std::string id;  // the event's
  bool deep = false;
  std::optional<Timestamp> resumed_from;  // when the deep run began that this one went on with
  uint64_t backups = 0;
  std::array<ClassReport, kObjectClasses> classes;
  std::vector<Finding> findings;
  uint64_t findings_left_out = 0;     // there are more than anybody reads
  std::vector<std::string> warnings;  // what is no damage
  double duration_s = 0;

  bool sound() const { return findings.empty(); }
  // Every object opened and compared.
  bool all_proved() const;
  uint64_t objects() const;
  uint64_t read_bytes() const;
};

// An object in trouble is a finding, not an error: errors are for a repository that does not
// answer, and for being asked to stop. `beneath` is `objects` without encryption on top, or
// `objects` itself where there is none. Memory: workers times a pack and a segment,
// frames_in_memory, and what verify/memory.h says.
Result<VerifyReport> run_verify(const VerifyOptions& options, store::ObjectStore& objects,
                                store::ObjectStore& beneath, Clock& clock, Random& random,
                                Progress& progress, std::stop_token stop);

}  // namespace walkback::verify
