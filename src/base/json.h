// JSON as walkback writes it: fields in the order in which they were set.
//
// Included by .cc files only: nlohmann/json.hpp is large.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace walkback {

using Json = nlohmann::ordered_json;

// Text from elsewhere, such as a path or a label, need not be UTF-8, and JSON must be: what is not
// becomes U+FFFD.
inline std::string to_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace walkback
