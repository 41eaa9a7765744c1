#include "backup/reread_turns.h"

#include <numeric>

#include "codec/frame.h"

namespace walkback::backup {

namespace {

// 2^64 divided by the golden ratio: turn after turn falls into the largest gap that those before it
// left, so that a file's turns are spread over the period (Knuth, The Art of Computer Programming
// 3, section 6.4).
constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;

// In 2^-64 of it, by long division: a product with 2^64 fits no integer.
uint64_t place_in_period(Timestamp time, int64_t period) {
  int64_t rest = (time.unix_us % period + period) % period;
  uint64_t place = 0;
  for (int bit = 0; bit < 64; ++bit) {
    rest *= 2;
    place = place << 1 | (rest >= period ? 1 : 0);
    if (rest >= period) rest -= period;
  }
  return place;
}

}  // namespace

RereadTurns RereadTurns::all() {
  RereadTurns turns;
  turns.all_ = true;
  return turns;
}

RereadTurns RereadTurns::between(Timestamp parent_started_at, Timestamp started_at,
                                 std::chrono::microseconds period) {
  if (period.count() <= 0 || started_at <= parent_started_at) return none();
  if (started_at - parent_started_at >= period) return all();
  RereadTurns turns;
  turns.from_ = place_in_period(parent_started_at, period.count());
  turns.length_ = place_in_period(started_at, period.count()) - turns.from_;
  return turns;
}

std::vector<uint32_t> RereadTurns::of(catalog::Place place, std::string_view name,
                                      uint32_t count) const {
  std::vector<uint32_t> found;
  if (all_) {
    found.resize(count);
    std::iota(found.begin(), found.end(), 0);
  } else if (length_ > 0) {
    uint64_t at = codec::hash_frame(as_bytes(name)) +
                  (place == catalog::Place::kConfiguration ? kGolden / 2 : 0) - from_;
    for (uint32_t turn = 0; turn < count; ++turn, at += kGolden) {
      if (at < length_) found.push_back(turn);
    }
  }
  return found;
}

}  // namespace walkback::backup
