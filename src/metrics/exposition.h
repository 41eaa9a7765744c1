// Prometheus' text format, version 0.0.4: families with their help and type, samples with labels.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace walkback::metrics {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

// Samples of one family must follow each other. A family without a sample is left out.
class Exposition {
 public:
  // Every later sample has these first.
  explicit Exposition(Labels common) : common_(std::move(common)) {}

  // A figure that may fall.
  Exposition& gauge(std::string_view name, std::string_view help);
  // One that only grows, or begins again at 0: its name ends in "_total".
  Exposition& counter(std::string_view name, std::string_view help);

  Exposition& sample(double value, const Labels& labels = {});
  Exposition& sample(uint64_t value, const Labels& labels = {});
  Exposition& sample(bool value, const Labels& labels = {});
  Exposition& sample(Timestamp value, const Labels& labels = {});  // in seconds

  const std::string& text() const { return text_; }

 private:
  Exposition& family(std::string_view name, std::string_view help, std::string_view type);
  Exposition& write(std::string_view value, const Labels& labels);

  Labels common_;
  std::string name_;
  std::string head_;  // of the family, until its first sample
  std::string text_;
};

}  // namespace walkback::metrics
