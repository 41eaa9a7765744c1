#include "restore/server.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

#include "base/file_system.h"
#include "pgconn/connection.h"
#include "pgconn/values.h"
#include "restore/spawn.h"
#include "restore/superusers.h"

namespace walkback::restore {

namespace {

using namespace std::chrono_literals;

constexpr uint64_t kLogTail = 256 << 10;

// In conninfo, between single quotes.
std::string quoted(std::string_view value) {
  std::string text = "'";
  for (char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

// What the server wrote since `from`, at most its tail. Empty when it cannot be read.
std::string log_since(const std::string& path, uint64_t from) {
  Result<std::unique_ptr<File>> file = system_files().open_read(path);
  if (!file.ok()) return {};
  Result<uint64_t> size = (*file)->size();
  if (!size.ok() || *size <= from) return {};
  Bytes bytes(std::min(*size - from, kLogTail));
  Result<size_t> got = (*file)->read_at(*size - bytes.size(), bytes);
  return got.ok() ? std::string(as_text(ByteView(bytes).first(*got))) : std::string();
}

// "FATAL: could not … (max_connections = 100 is a lower setting …)": its last FATAL or PANIC, else
// ERROR, with the details that follow; else its last line.
std::string last_words(std::string_view log) {
  std::string words, details;
  std::string last_line;
  bool after_words = false;
  int rank = 0;
  auto from_keyword = [](std::string_view line, std::string_view keyword) -> std::string {
    size_t at = line.find(keyword);
    return at == std::string_view::npos ? std::string() : std::string(line.substr(at));
  };
  while (!log.empty()) {
    std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(log.size(), line.size() + 1));
    if (!line.empty()) last_line = line;
    int found_rank = 0;
    std::string found;
    for (auto [keyword, keyword_rank] :
         {std::pair{"PANIC:  ", 2}, {"FATAL:  ", 2}, {"ERROR:  ", 1}}) {
      if (found.empty() && !(found = from_keyword(line, keyword)).empty())
        found_rank = keyword_rank;
    }
    if (!found.empty() && found_rank >= rank) {
      words = found;
      rank = found_rank;
      details.clear();
      after_words = true;
    } else if (after_words) {
      std::string detail = from_keyword(line, "DETAIL:  ");
      if (detail.empty()) detail = from_keyword(line, "HINT:  ");
      after_words = !detail.empty();
      if (after_words) details += " " + detail;
    }
  }
  return words.empty() ? last_line : words + details;
}

class StartedServer final : public CopyServer {
 public:
  StartedServer(const ServerOptions& options, pid_t pid, uint64_t log_start)
      : options_(options), pid_(pid), log_start_(log_start) {}

  Result<ReplayState> state() override {
    if (has_exited()) return exit_error();
    if (!says_it_is_ready()) return ReplayState{};
    Result<ReplayState> answer = ask();
    if (answer.ok()) {
      turned_away_since_.reset();
      return answer;
    }
    session_.reset();
    if (has_exited()) return exit_error();
    const auto now = std::chrono::steady_clock::now();
    if (!turned_away_since_) turned_away_since_ = now;
    if (now - *turned_away_since_ < options_.patience) return ReplayState{};
    return make_error(
        ErrorKind::kDenied,
        fmt::format("the copy's server runs and lets nobody in to ask where it stands: {}",
                    answer.error().message),
        fmt::format("look for yourself: psql -h {} -p {}; its pg_hba.conf and log are in {}",
                    options_.socket_directory, options_.port, options_.data_directory));
  }

  Result<void> stop() override { return stop_by(SIGINT); }
  Result<void> end() override { return stop_by(SIGQUIT); }

  int pid() const override { return pid_; }
  std::string role() const override { return role_; }

 private:
  // Fast or immediate shutdown (src/backend/postmaster/postmaster.c, pmdie).
  Result<void> stop_by(int number) {
    session_.reset();
    if (has_exited()) return success();
    if (kill(pid_, number) != 0) return errno_error(errno, "stopping the copy's server");
    while (!has_exited()) std::this_thread::sleep_for(20ms);
    return success();
  }

  bool has_exited() {
    if (!exited_) exited_ = waitpid(pid_, nullptr, WNOHANG) == pid_;
    return exited_;
  }

  Error exit_error() const {
    std::string words = last_words(log_since(options_.log_file, log_start_));
    return make_error(
        ErrorKind::kIo,
        words.empty() ? "the copy's server has exited" : "the copy's server has exited: " + words,
        // What ends with us is removed with its log, unless its keeper says where it is.
        options_.ends_with_us ? "" : "its log is " + options_.log_file);
  }

  // Line 8 of postmaster.pid (src/include/utils/pidfile.h): a connection before it says so would
  // only leave a FATAL line in the log.
  bool says_it_is_ready() const {
    Result<Bytes> file =
        read_file(system_files(), join_path(options_.data_directory, "postmaster.pid"));
    if (!file.ok()) return false;
    std::string_view text = as_text(*file);
    for (int line = 1; line < 8; ++line) {
      size_t end = text.find('\n');
      if (end == std::string_view::npos) return false;
      text.remove_prefix(end + 1);
    }
    return text.starts_with("ready") || text.starts_with("standby");
  }

  // The owner's role, else a superuser by the copy's own files: `initdb -U dba` makes no role
  // "postgres". In a database that initdb makes; where one was dropped, in the other.
  Result<void> connect() {
    std::vector<std::string> users = {own_user_name()};
    for (std::string& user : find_superusers(system_files(), options_.data_directory)) {
      if (user != users.front()) users.push_back(std::move(user));
    }
    if (users.size() == 1) users.push_back("postgres");
    std::optional<Error> first;
    for (const std::string& user : users) {
      for (const char* database : {"postgres", "template1"}) {
        pgconn::ConnectOptions how;
        how.conninfo =
            fmt::format("host={} port={} user={} dbname={}", quoted(options_.socket_directory),
                        options_.port, quoted(user), database);
        how.connect_timeout_s = 5;
        Result<std::unique_ptr<pgconn::Connection>> session = pgconn::connect(how);
        if (session.ok()) {
          session_ = std::move(session).value();
          role_ = user;
          return success();
        }
        if (!first) first = std::move(session).error();
      }
    }
    return *std::move(first);
  }

  Result<ReplayState> ask() {
    if (session_ == nullptr) TRY(connect());
    // From 14 on "paused" can be told from "asked to pause".
    const char* paused = options_.server_version_num >= 140000
                             ? "pg_get_wal_replay_pause_state() = 'paused'"
                             : "pg_is_wal_replay_paused()";
    pgconn::Table answer = TRY(session_->query(
        fmt::format("SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN {} END, "
                    "pg_last_wal_replay_lsn(),"
                    " (extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000000)::bigint",
                    paused)));
    const pgconn::Row& row = answer.rows.at(0);
    ReplayState state;
    state.accepting_connections = true;
    state.in_recovery = row.at(0) == "t";
    state.paused = row.at(1) == "t";
    if (row.at(2)) state.replayed = TRY(pg::Lsn::parse(*row.at(2)));
    if (row.at(3)) state.last_commit = Timestamp{pgconn::number<int64_t>(row.at(3))};
    return state;
  }

  const ServerOptions options_;
  const pid_t pid_;
  const uint64_t log_start_;
  bool exited_ = false;
  std::unique_ptr<pgconn::Connection> session_;
  std::string role_;
  std::optional<std::chrono::steady_clock::time_point> turned_away_since_;
};

CommandLine server_command(const ServerOptions& options) {
  CommandLine command = {join_path(options.binaries, "postgres"), "-D", options.data_directory};
  auto set = [&](std::string_view name, std::string_view value) {
    command.push_back("-c");
    command.push_back(fmt::format("{}={}", name, value));
  };
  set("config_file", join_path(options.data_directory, "postgresql.conf"));
  set("data_directory", options.data_directory);
  set("hba_file", join_path(options.data_directory, "pg_hba.conf"));
  set("ident_file", join_path(options.data_directory, "pg_ident.conf"));
  // It has no value that means none.
  set("external_pid_file", join_path(options.data_directory, "walkback-recovery.pid"));
  set("port", std::to_string(options.port));
  set("unix_socket_directories", options.socket_directory);
  // The log is read by us too.
  set("log_destination", "stderr");
  set("logging_collector", "off");
  set("lc_messages", "C");
  for (const auto& [name, value] : options.settings) set(name, value);
  return command;
}

constexpr std::string_view kNameAnotherPort =
    "name another one with --port; without it a free one is found";

std::string port_lock(int port) { return fmt::format("port/{}", port); }

// Bound and closed again: the port, or what keeps it from being listened on.
Result<int> try_port(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno_error(errno, "making a socket");
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  bool bound = bind(fd, generic, size) == 0 && getsockname(fd, generic, &size) == 0;
  const int problem = errno;
  close(fd);
  if (bound) return ntohs(address.sin_port);
  if (problem == EADDRINUSE) {
    return make_error(ErrorKind::kConflict,
                      fmt::format("port {} is taken: something listens on it", port),
                      std::string(kNameAnotherPort));
  }
  return errno_error(problem, fmt::format("listening on port {}", port))
      .with_hint(kNameAnotherPort);
}

}  // namespace

Result<std::unique_ptr<CopyServer>> start_copy(const ServerOptions& options) {
  if (geteuid() == 0) {
    return make_error(ErrorKind::kDenied, "PostgreSQL does not run as root",
                      "run this as the user who owns the copy: sudo -u postgres walkback …");
  }
  Result<std::optional<FileInfo>> log = system_files().status(options.log_file);
  const uint64_t log_start = log.ok() && *log ? (*log)->size : 0;
  const CommandLine command = server_command(options);
  const pid_t pid = options.ends_with_us ? TRY(start_tied(command, options.log_file))
                                         : TRY(start_detached(command, options.log_file));
  return std::unique_ptr<CopyServer>(std::make_unique<StartedServer>(options, pid, log_start));
}

Result<std::string> choose_socket_directory(const std::string& data_directory) {
  const size_t longest = join_path(data_directory, ".s.PGSQL.65535").size();
  // unix_socket_directories is a list with commas and quotes of its own.
  bool fits = longest < sizeof(sockaddr_un::sun_path) &&
              data_directory.find_first_of(",\"") == std::string::npos;
  if (fits) return data_directory;
  std::string directory = "/tmp/walkback-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return errno_error(errno, "making a directory in /tmp");
  return directory;
}

Result<ReservedPort> reserve_free_port() {
  constexpr int kFirst = 5433, kLast = 5532, kMoreTries = 100;
  for (int i = 0; i <= kLast - kFirst + kMoreTries; ++i) {
    // Behind the last one, any that the system gives.
    const Result<int> free = try_port(kFirst + i <= kLast ? kFirst + i : 0);
    if (!free.ok()) continue;
    std::optional<HostLock> lock = TRY(HostLock::take(port_lock(*free)));
    if (lock) return ReservedPort{*free, *std::move(lock)};
  }
  return make_error(ErrorKind::kTransient, "no free port on this host", "name one with --port");
}

Result<ReservedPort> reserve_port(int port) {
  TRY(try_port(port));
  std::optional<HostLock> lock = TRY(HostLock::take(port_lock(port)));
  if (lock) return ReservedPort{port, *std::move(lock)};
  return make_error(ErrorKind::kConflict,
                    fmt::format("port {} is taken by another recovery, which goes on", port),
                    std::string(kNameAnotherPort));
}

Result<void> check_port_is_free(int port) {
  TRY(try_port(port));
  return success();
}

}  // namespace walkback::restore
