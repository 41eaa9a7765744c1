#include "store/watched_place.h"

#include <fmt/format.h>

namespace walkback::store {

Error as_outage(Error error) {
  if (error.kind == ErrorKind::kMissing) error.kind = ErrorKind::kTransient;
  return error;
}

bool WatchedPlace::failed_lately() {
  std::lock_guard lock(mutex_);
  return clock_.monotonic() < rests_until_;
}

Result<void> WatchedPlace::admitted(const ObjectKey& completeness, std::optional<Bytes>& whole) {
  if (admission_) return *admission_;
  if (failed_lately()) return silence();
  Result<std::optional<Bytes>> there = (place_.quick ? *place_.quick : store()).get(completeness);
  if (!there.ok()) return *(silence_ = as_outage(std::move(there).error()));
  admission_ = success();
  if (!*there) {
    admission_ = make_error(
        ErrorKind::kTransient,
        fmt::format("{} is no walkback repository: it has no {}", store().description(),
                    completeness.text()),
        "mount its disk; if it is a new place, `walkback init` copies the repository to it");
  } else if (whole && *whole != **there) {
    admission_ = make_error(
        ErrorKind::kTransient,
        fmt::format("{} is another repository than its other place", store().description()),
        "mount the right disk, or correct its url");
  } else {
    whole = *std::move(*there);
  }
  return *admission_;
}

bool WatchedPlace::failed() {
  std::lock_guard lock(mutex_);
  failed_at_s_ = now_s();
  rests_until_ = clock_.monotonic() + kRestAfterFailure;
  return !std::exchange(told_, true);
}

void WatchedPlace::failed_before(int64_t at_s) {
  std::lock_guard lock(mutex_);
  failed_at_s_ = at_s;
  const int64_t rest_s = at_s + kRestAfterFailure.count() - now_s();
  const bool rests = rest_s > 0 && rest_s <= kRestAfterFailure.count();
  if (rests) rests_until_ = clock_.monotonic() + std::chrono::seconds(rest_s);
}

int64_t WatchedPlace::failed_at_s() {
  std::lock_guard lock(mutex_);
  return failed_at_s_ == 0 ? now_s() : failed_at_s_;
}

Error WatchedPlace::silence() const {
  if (silence_) return *silence_;
  return make_error(ErrorKind::kTransient,
                    store().description() + " failed another command a moment ago, and rests",
                    "`walkback check` says what is wrong");
}

}  // namespace walkback::store
