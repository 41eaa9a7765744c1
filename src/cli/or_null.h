// JSON of what may not be there. Included by .cc files only, as base/json.h is.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "base/time_text.h"

namespace walkback::cli {

inline Json time_or_null(std::optional<Timestamp> time) {
  return time ? Json(to_iso_utc(*time)) : Json(nullptr);
}

inline Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

}  // namespace walkback::cli
