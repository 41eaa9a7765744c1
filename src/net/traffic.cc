#include "net/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace walkback::net {
namespace {

constexpr double kBurstSeconds = 0.1;

std::string size_text(uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1'000) return fmt::format("{} bytes", bytes);
  double value = static_cast<double>(bytes) / 1'000;
  size_t unit = 0;
  for (; value >= 999.95 && unit + 1 < kUnits.size(); ++unit) value /= 1'000;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace

uint64_t Traffic::all_requests() const {
  return std::accumulate(requests.begin(), requests.end(), uint64_t{0});
}

std::string Traffic::text() const {
  std::string text;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i] == 0) continue;
    text += fmt::format("{} {}, ", requests[i], method_name(static_cast<Method>(i)));
  }
  return fmt::format("{}{} sent, {} received, {} {}", text.empty() ? "no requests, " : text,
                     size_text(bytes_sent), size_text(bytes_received), retries,
                     retries == 1 ? "retry" : "retries");
}

Traffic TrafficCounters::totals() const {
  Traffic traffic;
  for (size_t i = 0; i < kMethodCount; ++i) traffic.requests[i] = requests_[i];
  traffic.bytes_sent = sent_;
  traffic.bytes_received = received_;
  traffic.retries = retries_;
  return traffic;
}

TokenBucket::TokenBucket(Clock& clock, uint64_t per_second)
    : clock_(clock),
      per_second_(static_cast<double>(per_second)),
      burst_(std::max(per_second_ * kBurstSeconds, 1.0)),
      tokens_(burst_),
      filled_at_(clock.monotonic()) {}

void TokenBucket::refill() {
  std::chrono::nanoseconds now = clock_.monotonic();
  double seconds = std::chrono::duration<double>(now - filled_at_).count();
  tokens_ = std::min(burst_, tokens_ + seconds * per_second_);
  filled_at_ = now;
}

void TokenBucket::take(uint64_t amount) {
  if (per_second_ == 0) return;
  std::lock_guard lock(mutex_);
  refill();
  tokens_ -= static_cast<double>(amount);
}

std::chrono::nanoseconds TokenBucket::delay() {
  if (per_second_ == 0) return std::chrono::nanoseconds(0);
  std::lock_guard lock(mutex_);
  refill();
  if (tokens_ > 0) return std::chrono::nanoseconds(0);
  // A little more than the debt, so that one wait is enough in spite of rounding.
  return std::chrono::nanoseconds(static_cast<int64_t>(-tokens_ / per_second_ * 1e9) + 1'000);
}

Throttle::Throttle(Clock& clock, const Limits& limits)
    : both_(clock, limits.bytes_per_s),
      upload_(clock, limits.upload_bytes_per_s),
      download_(clock, limits.download_bytes_per_s),
      requests_(clock, limits.requests_per_s) {}

void Throttle::take_upload(uint64_t bytes) {
  both_.take(bytes);
  upload_.take(bytes);
}

void Throttle::take_download(uint64_t bytes) {
  both_.take(bytes);
  download_.take(bytes);
}

std::chrono::nanoseconds Throttle::upload_delay() {
  return std::max(both_.delay(), upload_.delay());
}

std::chrono::nanoseconds Throttle::download_delay() {
  return std::max(both_.delay(), download_.delay());
}

}  // namespace walkback::net
