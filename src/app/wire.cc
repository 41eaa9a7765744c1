#include "app/wire.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>

#include "app/interrupts.h"
#include "app/standard_output.h"
#include "app/stores.h"
#include "cli/errors.h"
#include "net/curl_client.h"
#include "net/mail.h"
#include "pgconn/connection.h"

extern char** environ;

namespace walkback::app {

namespace {

config::Environment process_environment() {
  config::Environment pairs;
  for (char** entry = environ; entry && *entry; ++entry) {
    std::string_view text = *entry;
    size_t equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with("WALKBACK_")) continue;
    pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return pairs;
}

std::string variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value ? value : "";
}

std::string own_path() {
  std::array<char, PATH_MAX> path{};
  ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  return length > 0 ? std::string(path.data(), static_cast<size_t>(length)) : "walkback";
}

std::string working_directory() {
  std::array<char, PATH_MAX> path{};
  return getcwd(path.data(), path.size()) ? std::string(path.data()) : "/";
}

size_t terminal_columns() {
  struct winsize size {};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::string user_name(uint32_t id) {
  std::array<char, 16384> buffer{};
  struct passwd entry {};
  struct passwd* found = nullptr;
  if (getpwuid_r(id, &entry, buffer.data(), buffer.size(), &found) == 0 && found) {
    return found->pw_name;
  }
  return fmt::format("user {}", id);
}

}  // namespace

struct Wiring::State {
  StandardOutput output;
  Interrupts interrupts;
  Stores stores{system_files(),
                system_clock(),
                system_random(),
                keys::system_gpg(),
                variable,
                geteuid(),
                [this](const Error& error) { output.err(cli::warning_lines(error)); }};
  // Of its own: no limits of the bucket's, and not counted as its traffic.
  net::TrafficCounters alert_traffic;
  std::unique_ptr<net::HttpClient> alert_http =
      net::make_curl_client({}, system_clock(), alert_traffic);
  std::unique_ptr<net::MailClient> alert_mail = net::make_curl_mail_client();
  cli::Env env{
      .files = system_files(),
      .clock = system_clock(),
      .random = system_random(),
      .output = output,
      .environment = process_environment(),
      .program = own_path(),
      .working_directory = working_directory(),
      .stderr_is_terminal = isatty(STDERR_FILENO) == 1,
      .terminal_columns = terminal_columns(),
      .user_id = geteuid(),
      .sudo_user = variable("SUDO_USER"),
      .user_name = user_name,
      .open_store =
          [this](const config::Config& config, cli::Access access, std::stop_token stop) {
            return stores.open(config, access, std::move(stop));
          },
      .open_beneath =
          [this](const config::Config& config, cli::Access access, std::stop_token stop) {
            return stores.open_beneath(config, access, std::move(stop));
          },
      .probe = [this](const config::Config& config,
                      std::stop_token stop) { return stores.probe(config, std::move(stop)); },
      .pack_storage_class = pack_storage_class,
      .traffic =
          [this] {
            const net::Traffic traffic = stores.traffic();
            return traffic.all_requests() > 0 ? traffic.text() : std::string();
          },
      .store_ahead = [this] { return stores.store_ahead(); },
      .alert_means =
          [this] {
            return alert::Means{*alert_http, *alert_mail, system_clock(), system_random()};
          },
      .connect = pgconn::connect,
      .watch_interrupts = [this](cli::OnInterrupt mode) { return interrupts.watch(mode); }};
};

Wiring::Wiring() : state_(std::make_unique<State>()) {}
Wiring::~Wiring() = default;
cli::Env& Wiring::env() { return state_->env; }

}  // namespace walkback::app
