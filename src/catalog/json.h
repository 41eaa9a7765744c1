// Reading our own JSON objects: a field that is missing or of another type makes the object
// kCorrupt.
//
// Included by .cc files only: nlohmann/json.hpp is large.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time_text.h"
#include "pg/types.h"

namespace walkback::catalog {

inline Result<Json> parse_json(ByteView bytes, std::string_view name) {
  Json json = Json::parse(as_text(bytes), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) {
    return make_error(ErrorKind::kCorrupt, std::string(name) + " is not a JSON object");
  }
  return json;
}

// Collects the first thing wrong, so that a decoder reads all its fields and asks once.
class JsonFields {
 public:
  JsonFields(const Json& json, std::string_view name) : json_(json), name_(name) {}

  std::string text(const char* key) {
    const Json* value = find(key);
    if (!value) return {};
    if (!value->is_string()) return fail(key, "is not a string"), std::string();
    return value->get<std::string>();
  }
  uint64_t number(const char* key, uint64_t most = UINT64_MAX) {
    const Json* value = find(key);
    if (!value) return 0;
    if (!value->is_number_unsigned()) return fail(key, "is not a whole number"), 0;
    const uint64_t result = value->get<uint64_t>();
    if (result > most) return fail(key, "is too large"), 0;
    return result;
  }
  double real(const char* key) {
    const Json* value = find(key);
    if (!value) return 0;
    if (!value->is_number()) return fail(key, "is not a number"), 0;
    return value->get<double>();
  }
  bool boolean(const char* key) {
    const Json* value = find(key);
    if (!value) return false;
    if (!value->is_boolean()) return fail(key, "is not true or false"), false;
    return value->get<bool>();
  }
  Timestamp time(const char* key) {
    const std::string value = text(key);
    if (value.empty()) return {};
    Result<Timestamp> parsed = parse_iso_utc(value);
    if (!parsed.ok()) return fail(key, "is not a time"), Timestamp{};
    return *parsed;
  }
  pg::Lsn lsn(const char* key) {
    const std::string value = text(key);
    if (value.empty()) return {};
    Result<pg::Lsn> parsed = pg::Lsn::parse(value);
    if (!parsed.ok()) return fail(key, "is not an LSN"), pg::Lsn{};
    return *parsed;
  }
  bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }

  // The first thing wrong, if anything was.
  Result<void> done() const {
    if (problem_.empty()) return success();
    return make_error(ErrorKind::kCorrupt, name_ + ": " + problem_);
  }

 private:
  const Json* find(const char* key) {
    auto found = json_.find(key);
    if (found == json_.end()) return fail(key, "is missing"), nullptr;
    return &*found;
  }
  void fail(const char* key, const char* what) {
    if (problem_.empty()) problem_ = std::string("\"") + key + "\" " + what;
  }

  const Json& json_;
  std::string name_;
  std::string problem_;
};

}  // namespace walkback::catalog
