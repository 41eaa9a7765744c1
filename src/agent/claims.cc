#include "agent/claims.h"

#include <fmt/format.h>

#include <climits>
#include <vector>

#include "base/host_name.h"
#include "base/whole_number.h"
#include "catalog/json.h"
#include "catalog/layout.h"
#include "catalog/process_identity.h"

namespace walkback::agent {

namespace {

struct Claim {
  store::ObjectKey key;
  uint64_t number = 0;
  Timestamp at;
  std::string process;
  int failures = 0;
};

std::string folder_of(const std::string& cluster, schedule::Job job) {
  return fmt::format("{}claims/{}/", catalog::cluster_folder(cluster), schedule::job_name(job));
}

// "20261126T020000Z"
std::string instant_text(Timestamp instant) {
  constexpr int64_t kSecond_us = 1'000'000;
  std::string text = to_iso_utc({instant.unix_us / kSecond_us * kSecond_us});
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

Claim decode(ByteView bytes, const store::ObjectKey& key, uint64_t number) {
  const Result<Json> parsed = catalog::parse_json(bytes, key.text());
  const Json json = parsed.ok() ? *parsed : Json::object();
  catalog::JsonFields fields(json, key.text());
  Claim claim{key, number, fields.time("claimed_at"), fields.text("process"),
              static_cast<int>(fields.number("failures", INT_MAX))};
  // What cannot be read stops nobody.
  if (!fields.done().ok()) claim.at = {};
  return claim;
}

std::string encode(const Work& work, Timestamp now) {
  return to_text(Json{{"claimed_at", to_iso_utc(now)},
                      {"host", host_name()},
                      {"process", catalog::this_process()},
                      {"failures", work.failures}});
}

// Who put it is gone, or has tried.
bool is_spent(const Claim& claim, const Work& work, Timestamp now) {
  const auto age = now - claim.at;
  return age > kClaimHeld || age < -kClaimHeld || claim.failures < work.failures ||
         catalog::has_ended_here(claim.process);
}

// The newest claim to this work; nothing when there is none.
Result<std::optional<Claim>> newest(store::ObjectStore& objects, const std::string& prefix) {
  constexpr std::string_view kSuffix = ".json";
  std::optional<uint64_t> highest;
  TRY(objects.list(prefix, "", [&](const store::ObjectInfo& info) {
    std::string_view name = std::string_view(info.key.text()).substr(prefix.size());
    if (!name.ends_with(kSuffix)) return true;
    name.remove_suffix(kSuffix.size());
    const auto number = whole_number<uint64_t>(name);
    if (number && *number >= highest.value_or(0)) highest = number;
    return true;
  }));
  if (!highest) return std::optional<Claim>();
  const store::ObjectKey key(fmt::format("{}{}.json", prefix, *highest));
  const std::optional<Bytes> bytes = TRY(objects.get(key));
  if (!bytes) return std::optional<Claim>();  // released meanwhile
  return std::optional(decode(*bytes, key, *highest));
}

// Of runs before this one: whoever put them is gone, or comes too late and sees it in the history.
Result<void> remove_older(store::ObjectStore& objects, const std::string& folder,
                          const store::ObjectKey& own) {
  std::vector<store::ObjectKey> older;
  TRY(objects.list(folder, "", [&](const store::ObjectInfo& info) {
    if (info.key < own) older.push_back(info.key);
    return true;
  }));
  return objects.remove_all(older);
}

}  // namespace

Result<std::optional<store::ObjectKey>> take_claim(store::ObjectStore& objects,
                                                   const std::string& cluster, const Work& work,
                                                   Clock& clock) {
  const std::string folder = folder_of(cluster, work.job);
  const std::string prefix = fmt::format("{}{}-", folder, instant_text(work.instant));
  const std::optional<Claim> there = TRY(newest(objects, prefix));
  if (there && !is_spent(*there, work, clock.now())) return std::optional<store::ObjectKey>();
  const store::ObjectKey key(fmt::format("{}{}.json", prefix, there ? there->number + 1 : 0));
  if (TRY(objects.put(key, as_bytes(encode(work, clock.now())))) ==
      store::PutOutcome::kAlreadyExists) {
    return std::optional<store::ObjectKey>();
  }
  (void)remove_older(objects, folder, key);  // who may not remove leaves them
  return std::optional(key);
}

}  // namespace walkback::agent
