#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "agent/agent.h"
#include "alert/tell.h"
#include "base/sort_unique.h"
#include "cli/agent_text.h"
#include "cli/alert_options.h"
#include "cli/commands.h"
#include "cli/health_facts.h"
#include "cli/schedule_options.h"
#include "cli/status_text.h"
#include "cli/version.h"
#include "config/keys.h"
#include "health/rules.h"
#include "metrics/expose.h"
#include "metrics/listener.h"
#include "scratch/leftovers.h"

namespace walkback::cli {

namespace {

// It looks again in a minute.
constexpr int kLongestSilence_s = 10;

// The figures of the last minute, for whoever asks meanwhile.
class Board {
 public:
  static Result<std::unique_ptr<Board>> open(const std::string& address) {
    return std::make_unique<Board>(TRY(metrics::Listener::open(address)));
  }
  explicit Board(std::unique_ptr<metrics::Listener> listener) : listener_(std::move(listener)) {}

  void show(std::string text) {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }

 private:
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

  const std::unique_ptr<metrics::Listener> listener_;
  std::mutex mutex_;
  std::string text_;
  std::jthread server_{[this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      listener_->serve(std::chrono::milliseconds(500), [this] { return text(); });
    }
  }};
};

class AgentCommand {
 public:
  AgentCommand(config::Config config, Session& session)
      : config_(std::move(config)), session_(session), limits_(health_limits(config_)) {
    config_.s3_timeout_s = std::min(config_.s3_timeout_s, kLongestSilence_s);
  }

  agent::Parts parts(std::stop_token stop) {
    Env& env = session_.env();
    return {
        .repository = [this] { return session_.open_repository(config_, Access::kMetadata); },
        .wal_since_backup =
            [this](store::ObjectStore& objects) {
              return wal_since_backup(config_, objects, session_);
            },
        .start = [this](schedule::Job job) { return agent::start_child(command(job)); },
        .watch = [this] { watch(); },
        .say = [this](const std::string& line) { say(line); },
        .warn = [this](const Error& error) { session_.warn(error); },
        .clock = env.clock,
        .random = env.random,
        .stop = std::move(stop),
    };
  }

  health::Level health() const { return health_; }
  // A port that is taken, or an address that this host has not yet, is no reason to back nothing
  // up: each look at health tries again.
  Result<void> serve_metrics() {
    if (config_.metrics_listen.empty()) return success();
    const Result<void> opened = open_board();
    if (!opened.ok() && opened.error().kind == ErrorKind::kInvalid) return opened;
    serves_ = true;
    if (!opened.ok()) {
      session_.warn(make_error(opened.error().kind, "metrics: " + opened.error().message,
                               "the agent goes on without them, and tries again each minute"));
    }
    return success();
  }
  // What a drill left that was killed with everything else of ours: it takes a cluster's room, and
  // the next drill may be a month away.
  void clean_up() {
    if (config_.drill_directory.empty()) return;
    scratch::clean_up_leftovers(session_.env().files, config_.drill_directory, session_.env().clock,
                                session_.progress());
  }
  void say(const std::string& line) {
    if (!session_.global().quiet) session_.env().output.err(line + "\n");
  }

 private:
  // As by hand, with the same configuration.
  std::vector<std::string> command(schedule::Job job) const {
    std::vector<std::string> command{session_.env().program, "--config", session_.config_path(),
                                     "--cluster", config_.cluster};
    if (!session_.global().verbose) command.emplace_back("--quiet");
    command.emplace_back(schedule::job_name(job));
    return command;
  }

  Result<void> open_board() {
    board_ = TRY(Board::open(config_.metrics_listen));
    return success();
  }

  void try_to_serve() {
    if (open_board().ok()) say("metrics: at " + config_.metrics_listen + " from now on");
  }

  // When it changes, and at first when not all is well.
  void say_health(const health::Report& report) {
    std::string line = fmt::format("health: {}", health::level_name(report.status()));
    std::vector<std::string> rules;
    for (const health::Finding& finding : report.findings) {
      if (finding.level != health::Level::kHealthy) rules.push_back(finding.rule);
    }
    sort_unique(rules);
    if (!rules.empty()) line += fmt::format(" ({})", fmt::join(rules, ", "));
    if (line != said_health_ && (!said_health_.empty() || !rules.empty())) say(line);
    said_health_ = std::move(line);
  }

  // As `status --alert`.
  void watch() {
    health::Facts facts = health_facts(config_, limits_, session_);
    const health::Report report = health::judge(facts, limits_);
    health_ = report.status();
    say_health(report);
    if (!board_ && serves_) try_to_serve();
    if (board_) {
      stored_.add_to(facts, config_, session_);
      board_->show(metrics::expose(facts, limits_, report, version_number()));
    }
    const alert::TellOptions options = alert_options(config_, session_);
    if (!alert::tells_anybody(options)) return;
    const auto told = alert::tell(options, completed(report, session_.suggestion()),
                                  session_.env().files, session_.env().alert_means());
    // A channel that fails is a finding of the next look.
    if (!told.ok()) session_.warn(told.error());
  }

  config::Config config_;
  Session& session_;
  const health::Limits limits_;
  bool serves_ = false;
  std::unique_ptr<Board> board_;
  StoredByClass stored_;
  std::string said_health_;
  health::Level health_ = health::Level::kHealthy;
};

void say_plan(const schedule::Schedule& schedule, const config::Config& config,
              AgentCommand& agent) {
  agent.say(schedule_text(schedule));
  if (config.drill_directory.empty() && config.schedule_drill != config::kNever) {
    agent.say("drill: never, for drill.directory is not set");
  }
}

}  // namespace

Result<ExitStatus> run_agent(const AgentOptions& options, Session& session) {
  const config::Config config = TRY(session.load_config());
  TRY(session.check_repository_owner(config));
  const agent::Options agent{
      config.cluster,
      TRY(session.failing_with(ExitStatus::kBadUsage, schedule_of(config, session.env().files)))};
  session.remember_small_objects();
  AgentCommand command(config, session);
  const agent::Parts parts = command.parts(session.watch_interrupts(OnInterrupt::kAskToStop));
  if (options.once) {
    const agent::OnceReport report = TRY(agent::run_once(agent, parts));
    session.result(once_text(report, command.health()), once_json(report, command.health()));
    return report.done() ? ExitStatus::kDone : ExitStatus::kFailed;
  }
  TRY(session.failing_with(ExitStatus::kBadUsage, command.serve_metrics()));
  say_plan(agent.schedule, config, command);
  command.clean_up();
  agent::run(agent, parts);
  command.say("the agent has ended");
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
