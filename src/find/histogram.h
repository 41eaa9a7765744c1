// Rows taken and rows added over time, when neither its beginning nor its end is known beforehand.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace walkback::find {

class Histogram {
 public:
  // Apart: a nightly load of millions would hide the thousand that were deleted beside it.
  struct Rows {
    uint64_t taken = 0;  // deleted, updated, or gone with their table
    uint64_t added = 0;
    Rows& operator+=(const Rows& other) {
      taken += other.taken;
      added += other.added;
      return *this;
    }
    bool operator==(const Rows&) const = default;
  };
  struct Column {
    Timestamp begin;
    Rows rows;
  };

  void add(Timestamp time, const Rows& rows);
  // At most that many columns of equal width, from the first time added to the last; nothing when
  // none was.
  std::vector<Column> columns(size_t most) const;

 private:
  static constexpr size_t kMostBins = 4096;

  size_t bin_of(int64_t time_us) const {
    return static_cast<size_t>((time_us - begin_us_) / width_us_);
  }
  void make_room(int64_t time_us);

  int64_t width_us_ = 1000;
  int64_t begin_us_ = 0;
  std::vector<Rows> bins_;
  std::optional<int64_t> first_us_, last_us_;
};

}  // namespace walkback::find
