#include "alert/state.h"

#include "base/json.h"
#include "base/time_text.h"

namespace walkback::alert {

namespace {

using health::Level;

constexpr uint64_t kLargestFile = 1 << 20;
constexpr uint32_t kMode = 0600;

Json encode(const ChannelState& state) {
  Json json = Json::object();
  if (state.told) {
    Json wrong = Json::object();
    for (const auto& [key, level] : state.told->wrong) wrong[key] = level_name(level);
    json["told"] = {{"at", to_iso_utc(state.told->at)},
                    {"status", level_name(state.told->status)},
                    {"wrong", std::move(wrong)}};
  }
  Json lately = Json::array();
  for (const Timestamp time : state.lately) lately.push_back(to_iso_utc(time));
  json["lately"] = std::move(lately);
  if (state.failure) {
    json["failure"] = {{"since", to_iso_utc(state.failure->since)},
                       {"tried", to_iso_utc(state.failure->tried)},
                       {"error", state.failure->error},
                       {"may_have_told", state.failure->may_have_told}};
  }
  return json;
}

Level level_of(const std::string& name) {
  for (const Level level : {Level::kHealthy, Level::kWarning, Level::kCritical}) {
    if (health::level_name(level) == name) return level;
  }
  return Level::kHealthy;
}

// What is no time was long ago.
Timestamp time_of(const Json& json) {
  const Result<Timestamp> time = parse_iso_utc(json.get<std::string>());
  return time.ok() ? *time : Timestamp{};
}

ChannelState decode(const Json& json) {
  ChannelState state;
  if (json.contains("told")) {
    const Json& told = json.at("told");
    state.told = ChannelState::Told{
        time_of(told.at("at")), level_of(told.at("status").get<std::string>()), {}};
    for (const auto& [key, level] : told.at("wrong").items()) {
      state.told->wrong[key] = level_of(level.get<std::string>());
    }
  }
  for (const Json& time : json.at("lately")) state.lately.push_back(time_of(time));
  if (json.contains("failure")) {
    const Json& failure = json.at("failure");
    state.failure = ChannelState::Failure{
        time_of(failure.at("since")), time_of(failure.at("tried")),
        failure.at("error").get<std::string>(), failure.at("may_have_told").get<bool>()};
  }
  return state;
}

}  // namespace

Result<States> load_states(FileSystem& files, const std::string& path) {
  const Result<Bytes> text = read_file(files, path, kLargestFile);
  if (!text.ok() && text.error().kind == ErrorKind::kMissing) return States();
  if (!text.ok()) return text.error();
  const Json json = Json::parse(as_text(*text), nullptr, /*allow_exceptions=*/false);
  States states;
  try {
    for (const auto& [name, state] : json.at("channels").items()) states[name] = decode(state);
  } catch (const Json::exception&) {
    return States();
  }
  return states;
}

Result<void> save_states(FileSystem& files, const std::string& path, const States& states) {
  Json channels = Json::object();
  for (const auto& [name, state] : states) channels[name] = encode(state);
  return replace_file(files, path, as_bytes(to_text({{"channels", std::move(channels)}})), kMode);
}

}  // namespace walkback::alert
