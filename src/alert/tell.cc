#include "alert/tell.h"

#include <algorithm>

namespace walkback::alert {

namespace {

constexpr std::string_view kSwitch = "dead_mans_switch";

health::AlertFacts facts_of(const std::vector<std::string>& names, const States& states) {
  health::AlertFacts facts;
  facts.channels = names.size();
  for (const std::string& name : names) {
    const auto state = states.find(name);
    if (state == states.end() || !state->second.failure) continue;
    facts.failing.push_back({name, state->second.failure->since, state->second.failure->error});
  }
  return facts;
}

std::vector<std::string> names_of(const ChannelOptions& options) {
  std::vector<std::string> names;
  auto add = [&](std::string_view name, const std::string& given) {
    if (!given.empty()) names.emplace_back(name);
  };
  add("slack", options.slack_url);
  add("webhook", options.webhook_url);
  add("pagerduty", options.pagerduty_key);
  add("email", options.email.server);
  add("command", options.command);
  add(kSwitch, options.dead_mans_switch_url);
  return names;
}

Error nobody_to_tell() {
  return make_error(ErrorKind::kInvalid, "no alert is set up",
                    "[alert] in the configuration says where alerts go: slack_url, smtp_url, …");
}

class Telling {
 public:
  Telling(const TellOptions& options, const health::Report& report, FileSystem& files,
          const Means& means)
      : options_(options), report_(report), files_(files), means_(means) {}

  Result<Told> run() {
    if (names_of(options_.channels).empty()) return nobody_to_tell();
    const auto channels = TRY(open_channels(options_.channels, means_));
    const auto lock = files_.lock_directory(parent_path(options_.state_file));
    if (lock.ok() && *lock == nullptr) return Told{{}, TRY(known_failures(options_, files_))};
    Result<States> states = load_states(files_, options_.state_file);
    if (states.ok()) states_ = *std::move(states);
    for (const auto& channel : channels) tell(*channel);
    if (!options_.channels.dead_mans_switch_url.empty()) ping_switch();
    told_.facts = facts_of(names_of(options_.channels), states_);
    if (unwritten_) told_.facts.state_error = unwritten_->message;
    return std::move(told_);
  }

 private:
  void tell(Channel& channel) {
    ChannelState& state = states_[channel.name()];
    const std::optional<Reason> reason = due(state, report_, options_.repeat);
    if (!reason) return;
    const Result<void> sent = channel.send({*reason, report_, options_.host});
    note(channel.name(), *reason, sent);
    if (sent.ok()) {
      remember_told(state, report_);
    } else {
      remember_failure(state, report_.at, sent.error());
    }
    save();
  }

  // That something is critical the switch's keeper shall find out too, by our silence.
  void ping_switch() {
    if (report_.status() == health::Level::kCritical) return;
    ChannelState& state = states_[std::string(kSwitch)];
    const Result<void> sent = ping(options_.channels.dead_mans_switch_url, means_);
    const bool failed_before = state.failure.has_value();
    if (!sent.ok()) {
      note(std::string(kSwitch), Reason::kChange, sent);
      remember_failure(state, report_.at, sent.error());
    } else {
      state.failure.reset();
    }
    if (!sent.ok() || failed_before) save();
  }

  void note(std::string name, Reason reason, const Result<void>& sent) {
    told_.deliveries.push_back(
        {std::move(name), reason, sent.ok() ? std::nullopt : std::optional(sent.error())});
  }

  void save() {
    const Result<void> saved = save_states(files_, options_.state_file, states_);
    if (!saved.ok()) unwritten_ = saved.error();
  }

  const TellOptions& options_;
  const health::Report& report_;
  FileSystem& files_;
  const Means& means_;
  States states_;
  std::optional<Error> unwritten_;
  Told told_;
};

}  // namespace

bool tells_anybody(const TellOptions& options) { return !names_of(options.channels).empty(); }

Result<health::AlertFacts> known_failures(const TellOptions& options, FileSystem& files) {
  return facts_of(names_of(options.channels), TRY(load_states(files, options.state_file)));
}

Result<Told> tell(const TellOptions& options, const health::Report& report, FileSystem& files,
                  const Means& means) {
  return Telling(options, report, files, means).run();
}

Result<std::vector<Delivery>> tell_test(const TellOptions& options, const health::Report& report,
                                        const Means& means) {
  std::vector<Delivery> deliveries;
  auto note = [&](std::string name, const Result<void>& sent) {
    deliveries.push_back(
        {std::move(name), Reason::kTest, sent.ok() ? std::nullopt : std::optional(sent.error())});
  };
  for (const auto& channel : TRY(open_channels(options.channels, means))) {
    note(channel->name(), channel->send({Reason::kTest, report, options.host}));
  }
  const std::string& url = options.channels.dead_mans_switch_url;
  if (!url.empty()) note(std::string(kSwitch), ping(url, means));
  if (deliveries.empty()) return nobody_to_tell();
  return deliveries;
}

Result<std::vector<Probed>> probe_all(const ChannelOptions& options, const Means& means) {
  std::vector<Probed> probed;
  for (const auto& channel : TRY(open_channels(options, means))) {
    probed.push_back({channel->name(), channel->probe()});
  }
  const std::string& url = options.dead_mans_switch_url;
  if (!url.empty()) probed.push_back({std::string(kSwitch), probe_switch(url, means)});
  return probed;
}

}  // namespace walkback::alert
