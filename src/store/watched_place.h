// One of the two places of a mirrored store, and whether it answers. Internal to store.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "store/mirrored_store.h"

namespace walkback::store {

// That a place is missing must not read as if an object in it were.
Error as_outage(Error error);

// Thread-safe but for admitted().
class WatchedPlace {
 public:
  WatchedPlace(MirrorPlace place, Clock& clock) : place_(std::move(place)), clock_(clock) {}

  ObjectStore& store() const { return *place_.store; }
  bool required() const { return place_.required; }

  // Not to be written to now.
  bool rests() { return !place_.required && failed_lately(); }
  // Not the one to be asked first.
  bool failed_lately();
  // A place without what makes it one is a disk that is not mounted, and one that is another
  // repository a wrong disk: looked at once, and again after a rest when it did not answer. `whole`
  // is what the other place has, once it is known.
  Result<void> admitted(const ObjectKey& completeness, std::optional<Bytes>& whole);
  // It failed now. Whether nobody was told of it yet.
  bool failed();
  // Another process found it failing, seconds since 1970.
  void failed_before(int64_t at_s);
  // Now, where it did not.
  int64_t failed_at_s();

 private:
  int64_t now_s() { return clock_.now().unix_us / 1'000'000; }
  Error silence() const;

  const MirrorPlace place_;
  Clock& clock_;
  std::optional<Result<void>> admission_;
  std::optional<Error> silence_;  // why there is none yet
  std::mutex mutex_;
  std::chrono::nanoseconds rests_until_{std::chrono::nanoseconds::min()};
  int64_t failed_at_s_ = 0;
  bool told_ = false;
};

}  // namespace walkback::store
