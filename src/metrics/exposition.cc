#include "metrics/exposition.h"

#include <fmt/format.h>

#include <cmath>

#include "base/check.h"
#include "base/utf8.h"

namespace walkback::metrics {

namespace {

// A server refuses the whole answer for one byte that is not UTF-8.
std::string escape_label(const std::string& value) {
  std::string escaped;
  for (const char c : escape_invalid_utf8(value)) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

void append_labels(std::string& line, const Labels& labels, bool& first) {
  for (const auto& [name, value] : labels) {
    line += fmt::format("{}{}=\"{}\"", first ? "{" : ",", name, escape_label(value));
    first = false;
  }
}

}  // namespace

Exposition& Exposition::family(std::string_view name, std::string_view help,
                               std::string_view type) {
  name_ = name;
  head_ = fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  return *this;
}

Exposition& Exposition::gauge(std::string_view name, std::string_view help) {
  CHECK(!name.ends_with("_total"));
  return family(name, help, "gauge");
}

Exposition& Exposition::counter(std::string_view name, std::string_view help) {
  CHECK(name.ends_with("_total"));
  return family(name, help, "counter");
}

Exposition& Exposition::write(std::string_view value, const Labels& labels) {
  text_ += head_;
  head_.clear();
  text_ += name_;
  bool first = true;
  append_labels(text_, common_, first);
  append_labels(text_, labels, first);
  text_ += fmt::format("{} {}\n", first ? "" : "}", value);
  return *this;
}

Exposition& Exposition::sample(double value, const Labels& labels) {
  if (std::isnan(value)) return write("NaN", labels);
  if (std::isinf(value)) return write(value > 0 ? "+Inf" : "-Inf", labels);
  return write(fmt::format("{}", value), labels);
}

Exposition& Exposition::sample(uint64_t value, const Labels& labels) {
  return write(fmt::format("{}", value), labels);
}

Exposition& Exposition::sample(bool value, const Labels& labels) {
  return write(value ? "1" : "0", labels);
}

Exposition& Exposition::sample(Timestamp value, const Labels& labels) {
  constexpr double kMicroseconds = 1e6;
  return write(fmt::format("{:.3f}", static_cast<double>(value.unix_us) / kMicroseconds), labels);
}

}  // namespace walkback::metrics
