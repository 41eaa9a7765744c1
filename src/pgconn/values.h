// What stands in an answer, for who knows what a statement gives: NULL is "", 0 and false.
#pragma once

#include <charconv>
#include <concepts>
#include <string>

#include "pgconn/connection.h"

namespace walkback::pgconn {

inline const std::string& text(const Value& value) {
  static const std::string empty;
  return value ? *value : empty;
}

// As PostgreSQL writes one.
inline bool truth(const Value& value) { return value == "t"; }

// What is no number, or out of T's range, is 0, too.
template <std::integral T>
T number(const Value& value) {
  T found{};
  if (value) std::from_chars(value->data(), value->data() + value->size(), found);
  return found;
}

}  // namespace walkback::pgconn
