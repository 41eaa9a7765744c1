#include "repo/repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/time_text.h"

namespace walkback::repo {

namespace {

using nlohmann::json;

std::string to_text(const RepositoryInfo& info) {
  const json marker = {{"format_version", info.format_version},
                       {"id", info.id},
                       {"encryption", info.encryption},
                       {"created", to_iso_utc(info.created)}};
  return marker.dump(2) + "\n";
}

std::string encryption_of(const store::ObjectStore& objects) {
  return objects.encrypted() ? "age" : "none";
}

bool is_id(const std::string& text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Nothing when a field is absent or of another type.
template <typename T>
std::optional<T> field(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return std::nullopt;
  if constexpr (std::is_same_v<T, std::string>) {
    if (!found->is_string()) return std::nullopt;
  } else {
    if (!found->is_number_integer()) return std::nullopt;
  }
  return found->get<T>();
}

Result<RepositoryInfo> parse_marker(ByteView bytes, const std::string& where) {
  const Error damaged = make_error(ErrorKind::kCorrupt, where + ": walkback.json is damaged",
                                   "restore this object from another copy of the repository");
  const json marker = json::parse(as_text(bytes), nullptr, /*allow_exceptions=*/false);
  if (!marker.is_object()) return damaged;
  const auto version = field<int64_t>(marker, "format_version");
  if (!version || *version < 1) return damaged;
  // Before anything else: what a later version means by the other fields is not known here.
  if (*version > kFormatVersion) {
    return make_error(ErrorKind::kUnsupported,
                      where + ": the repository has format version " + std::to_string(*version) +
                          "; this walkback reads up to " + std::to_string(kFormatVersion),
                      "use a newer walkback");
  }
  const auto id = field<std::string>(marker, "id");
  const auto encryption = field<std::string>(marker, "encryption");
  const auto created = field<std::string>(marker, "created");
  if (!id || !is_id(*id) || !encryption || !created) return damaged;
  const Result<Timestamp> time = parse_iso_utc(*created);
  if (!time.ok()) return damaged;
  return RepositoryInfo{static_cast<int>(*version), *id, *encryption, *time};
}

}  // namespace

const store::ObjectKey& marker_key() {
  static const store::ObjectKey key("walkback.json");
  return key;
}

Result<RepositoryInfo> create_repository(store::ObjectStore& objects, Clock& clock,
                                         Random& random) {
  const RepositoryInfo info{kFormatVersion, random.hex(16), encryption_of(objects), clock.now()};
  const store::PutOutcome outcome =
      TRY_CONTEXT(objects.put(marker_key(), as_bytes(to_text(info))), "creating the repository");
  // Another init was first, today or long ago: its repository is the one.
  if (outcome == store::PutOutcome::kAlreadyExists) return open_repository(objects);
  return info;
}

Result<RepositoryInfo> open_repository(store::ObjectStore& objects) {
  return open_repository_beneath(objects, encryption_of(objects));
}

Result<RepositoryInfo> open_repository_beneath(store::ObjectStore& objects,
                                               std::string_view encryption) {
  const std::optional<Bytes> marker =
      TRY_CONTEXT(objects.get(marker_key()), "opening the repository");
  if (!marker) {
    return make_error(ErrorKind::kMissing,
                      objects.description() + " is no walkback repository: it has no walkback.json",
                      "compare repository.url with where the repository lies; only where none ever "
                      "was, `walkback init` makes one");
  }
  RepositoryInfo info = TRY(parse_marker(*marker, objects.description()));
  if (info.encryption == encryption) return info;
  return make_error(
      ErrorKind::kInvalid,
      fmt::format("{} has encryption \"{}\", the configuration says \"{}\"", objects.description(),
                  info.encryption, encryption),
      "a repository keeps what it was made with: set repository.encryption to that, or use another "
      "repository.url");
}

}  // namespace walkback::repo
