#include "find/histogram.h"

#include <algorithm>

namespace walkback::find {

void Histogram::add(Timestamp time, const Rows& rows) {
  if (!first_us_) {
    begin_us_ = time.unix_us;
    bins_.assign(kMostBins, {});
  }
  first_us_ = std::min(first_us_.value_or(time.unix_us), time.unix_us);
  last_us_ = std::max(last_us_.value_or(time.unix_us), time.unix_us);
  make_room(time.unix_us);
  bins_[bin_of(time.unix_us)] += rows;
}

// Twice the width, until the time has a bin: on the left half, or for an earlier time on the right.
void Histogram::make_room(int64_t time_us) {
  while (time_us < begin_us_ || bin_of(time_us) >= kMostBins) {
    const bool earlier = time_us < begin_us_;
    const size_t offset = earlier ? kMostBins / 2 : 0;
    std::vector<Rows> wider(kMostBins);
    for (size_t i = 0; i < kMostBins; ++i) wider[offset + i / 2] += bins_[i];
    bins_.swap(wider);
    width_us_ *= 2;
    if (earlier) begin_us_ -= static_cast<int64_t>(kMostBins / 2) * width_us_;
  }
}

std::vector<Histogram::Column> Histogram::columns(size_t most) const {
  if (!first_us_ || most == 0) return {};
  const size_t first = bin_of(*first_us_), last = bin_of(*last_us_);
  const size_t bins_each = (last - first) / most + 1;
  std::vector<Column> columns((last - first) / bins_each + 1);
  for (size_t i = 0; i < columns.size(); ++i) {
    columns[i].begin.unix_us = begin_us_ + static_cast<int64_t>(first + i * bins_each) * width_us_;
  }
  for (size_t i = first; i <= last; ++i) columns[(i - first) / bins_each].rows += bins_[i];
  return columns;
}

}  // namespace walkback::find
