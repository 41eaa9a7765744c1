#include "pgconn/testing/scratch_cluster.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace walkback::pgconn::testing {

namespace {

using namespace std::chrono_literals;

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

template <typename T>
T value_or_throw(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

// The session that start_as_owner() made for the server: its postmaster and all children.
bool any_process_in_session(pid_t session) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (getsid(std::stoi(name)) != session) continue;
    std::string stat = read_text(entry.path() / "stat");
    size_t state = stat.rfind(") ");
    if (state != std::string::npos && stat[state + 2] != 'Z') return true;
  }
  return false;
}

}  // namespace

int free_port() {
  int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  bool bound = bind(socket_fd, generic, size) == 0 && getsockname(socket_fd, generic, &size) == 0;
  close(socket_fd);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

std::string ScratchCluster::binaries() {
  for (int major = 18; major >= 13; --major) {
    std::string directory = "/usr/lib/postgresql/" + std::to_string(major) + "/bin";
    if (std::filesystem::exists(directory + "/postgres")) return directory;
  }
  throw std::runtime_error("PostgreSQL is not installed in /usr/lib/postgresql");
}

ScratchCluster::ScratchCluster(const Arguments& initdb_arguments) : port_(free_port()) {
  Arguments initdb = {
      binaries() + "/initdb", "--no-sync", "-A",    "trust", "-U", "postgres", "-E", "UTF8",
      "--locale=C",           "-D",        pgdata()};
  initdb.insert(initdb.end(), initdb_arguments.begin(), initdb_arguments.end());
  run_as_owner_or_throw(initdb);
  configure(
      "listen_addresses = '127.0.0.1'\n"
      "port = " +
      std::to_string(port_) + "\n" + "unix_socket_directories = '" + directory() +
      "'\n"
      "fsync = off\n"
      "shared_buffers = 16MB\n"
      "logging_collector = off\n"
      "log_destination = 'stderr'\n");
}

ScratchCluster::~ScratchCluster() {
  if (running()) end_with(SIGQUIT);
}

void ScratchCluster::configure(std::string_view lines) {
  std::ofstream file(pgdata() + "/postgresql.conf", std::ios::app);
  file << "\n" << lines << "\n";
  if (!file.flush()) throw std::runtime_error("cannot write postgresql.conf");
}

void ScratchCluster::start() {
  pid_ = start_as_owner({binaries() + "/postgres", "-D", pgdata()}, log_file());
  wait_until_ready();
}

void ScratchCluster::wait_until_ready() {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!pgconn::connect({.conninfo = conninfo()}).ok()) {
    bool exited = waitpid(pid_, nullptr, WNOHANG) == pid_;
    if (exited) pid_ = 0;
    if (exited || std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("the scratch cluster does not start: " + read_text(log_file()));
    }
    std::this_thread::sleep_for(20ms);
  }
}

void ScratchCluster::stop() { end_with(SIGINT); }

void ScratchCluster::crash() {
  // Stopped first, so that it neither restarts its children nor tidies up while they are killed.
  kill(pid_, SIGSTOP);
  kill(pid_, SIGKILL);
  const pid_t session = pid_;
  end_with(SIGKILL);
  // The children notice by themselves that their postmaster died.
  while (any_process_in_session(session)) std::this_thread::sleep_for(10ms);
}

void ScratchCluster::end_with(int signal) {
  kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

Value ScratchCluster::sql(std::string_view statement, const std::string& database) {
  Table answer = value_or_throw(connect(database)->query(statement));
  if (answer.rows.empty() || answer.rows[0].empty()) return std::nullopt;
  return answer.rows[0][0];
}

std::unique_ptr<Connection> ScratchCluster::connect(const std::string& database) {
  return value_or_throw(pgconn::connect({.conninfo = conninfo(database)}));
}

std::string ScratchCluster::conninfo(const std::string& database) const {
  return "host=" + directory() + " port=" + std::to_string(port_) +
         " user=postgres dbname=" + database;
}

}  // namespace walkback::pgconn::testing
