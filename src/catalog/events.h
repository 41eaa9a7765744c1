// Events: what was tried, and how it ended. Two immutable objects an attempt, one when it begins
// and one when it ends, so that an attempt that was killed is still seen: it has no end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/drill_summary.h"
#include "catalog/unreadable.h"
#include "store/object_store.h"

namespace walkback::catalog {

// Of a verification that came to its end.
struct VerifySummary {
  uint64_t in_trouble = 0;  // objects, gaps among them
  uint64_t gaps = 0;        // in the WAL

  // What is there is what it should be; that WAL is missing is known from its indexes, too.
  bool only_gaps() const { return in_trouble == gaps; }
};

struct Event {
  std::string id;    // "20261122T154659Z-3f9a"; for a backup its id
  std::string kind;  // "backup", "recover", "adopt", "init"
  Timestamp started_at;
  std::string host;
  std::optional<Timestamp> ended_at;  // none: running, or killed
  bool succeeded = false;
  std::string error;   // the message, when it failed
  std::string detail;  // one line for people
  std::optional<BackupSummary> backup;
  std::optional<DrillSummary> drill;  // of one that got so far as to recover, failed ones too
  std::optional<VerifySummary> verify;
  // Of a prune: the backups that it, and those before it that were killed, removed; empty until it
  // ended. Nothing in what older programs wrote: of those it is not known.
  std::optional<std::vector<BackupId>> removed;
  std::string process;   // who runs it, see process_identity.h; empty in what older programs wrote
  std::string location;  // of a backup that was made: the folder of its objects in the repository
  bool killed = false;   // has no end and will have none: see find_killed()
  bool interrupted = false;  // failed for being asked to end: of itself it says nothing
};

// "done", "failed", "killed", or "no_end": it runs, or was killed unseen.
std::string_view outcome_name(const Event& event);

// A new attempt on this host, beginning now.
Event new_event(std::string kind, Clock& clock, Random& random);

// Writes the beginning; end() writes the end, a failure when there is an error. Events are a
// record, not a promise: a caller reports a failure to write one and goes on.
class EventRecorder {
 public:
  EventRecorder(store::ObjectStore& objects, std::string cluster, Clock& clock);
  Result<void> begin(const Event& event);
  Result<void> end(Event event, const Error* error);

 private:
  store::ObjectStore& objects_;
  const std::string cluster_;
  Clock& clock_;
};

// Oldest first. One that cannot be read is told to `unreadable` and left out; without it, that is
// the error.
Result<std::vector<Event>> list_events(store::ObjectStore& objects, const std::string& cluster,
                                       const OnUnreadable& unreadable = {});

// The last drill of this lineage that ended and tried to prove something, whatever came of it;
// nothing when there was none. Reads two objects, however long the history is.
Result<std::optional<Event>> last_drill(store::ObjectStore& objects, const std::string& cluster,
                                        pg::SystemIdentifier lineage);

// An attempt that is announced has its lease after a few requests: this long is far beyond that and
// beyond what the clocks of hosts differ by.
inline constexpr std::chrono::minutes kLeaseTaken{10};

// Sets `killed` of those without an end whose process is gone: for certain when it was one of this
// host's; of a kind that holds a lease, when no lease of that process is left. One whose lease is
// still there may be running elsewhere, until a prune takes the lease for dead.
Result<void> find_killed(store::ObjectStore& objects, const std::string& cluster, Clock& clock,
                         std::vector<Event>& events);

}  // namespace walkback::catalog
