#include "metrics/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "base/whole_number.h"

namespace walkback::metrics {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{2};
constexpr size_t kLongestRequest = 8192;  // bytes

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

std::optional<Address> parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string host(text.substr(0, colon));
  const auto port = whole_number<uint16_t>(text.substr(colon + 1));
  if (!port) return std::nullopt;
  Address address;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    auto& six = reinterpret_cast<sockaddr_in6&>(address.storage);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(*port);
    address.size = sizeof(six);
    if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) return address;
    return std::nullopt;
  }
  auto& four = reinterpret_cast<sockaddr_in&>(address.storage);
  four.sin_family = AF_INET;
  four.sin_port = htons(*port);
  address.size = sizeof(four);
  if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) return address;
  return std::nullopt;
}

int port_of(int socket) {
  Address bound;
  bound.size = sizeof(bound.storage);
  getsockname(socket, reinterpret_cast<sockaddr*>(&bound.storage), &bound.size);
  const bool six = bound.storage.ss_family == AF_INET6;
  return ntohs(six ? reinterpret_cast<sockaddr_in6&>(bound.storage).sin6_port
                   : reinterpret_cast<sockaddr_in&>(bound.storage).sin_port);
}

// Who asks, for as long as there is patience with all of it.
class Caller {
 public:
  explicit Caller(int socket) : socket_(socket) {
    const timeval patience{kPatience.count(), 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  }
  ~Caller() { close(socket_); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // Its first line, once the header is whole; empty where it never is.
  std::string request() {
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
      std::array<char, 1024> buffer{};
      const ssize_t got = recv(socket_, buffer.data(), buffer.size(), 0);
      if (got <= 0 || late() || request.size() > kLongestRequest) return {};
      request.append(buffer.data(), static_cast<size_t>(got));
    }
    return request.substr(0, request.find("\r\n"));
  }

  void answer(std::string_view status, std::string_view body) {
    const std::string head = fmt::format(
        "HTTP/1.1 {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        "Content-Length: {}\r\nConnection: close\r\n\r\n",
        status, body.size());
    if (send_all(head)) send_all(body);
  }

 private:
  bool late() const { return Clock::now() > deadline_; }
  bool send_all(std::string_view text) {
    while (!text.empty() && !late()) {
      const ssize_t sent = send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<size_t>(sent));
    }
    return text.empty();
  }

  const int socket_;
  const Clock::time_point deadline_ = Clock::now() + kPatience;
};

void answer(Caller& caller, const std::function<std::string()>& text) {
  const std::string request = caller.request();
  if (request.empty()) return;
  const size_t method_end = request.find(' ');
  const std::string_view method = std::string_view(request).substr(0, method_end);
  const std::string_view rest = std::string_view(request).substr(method.size());
  const std::string_view path = rest.substr(0, rest.rfind(" HTTP/1."));
  if (method != "GET") return caller.answer("405 Method Not Allowed", "only GET is answered\n");
  if (path != " /metrics") return caller.answer("404 Not Found", "figures are at /metrics\n");
  caller.answer("200 OK", text());
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(std::string_view address) {
  const std::optional<Address> parsed = parse(address);
  if (!parsed) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("\"{}\" is no address to listen on", address),
                      "an address and a port, such as 127.0.0.1:9717 or [::1]:9717");
  }
  const int socket = ::socket(parsed->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return errno_error(errno, fmt::format("listening on {}", address));
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(socket, reinterpret_cast<const sockaddr*>(&parsed->storage), parsed->size) != 0 ||
      listen(socket, SOMAXCONN) != 0) {
    const int problem = errno;
    close(socket);
    if (problem != EADDRINUSE) return errno_error(problem, fmt::format("listening on {}", address));
    return make_error(ErrorKind::kConflict, fmt::format("{} is taken by another program", address),
                      "choose another port");
  }
  return std::unique_ptr<Listener>(new Listener(socket, port_of(socket)));
}

Listener::~Listener() { close(socket_); }

void Listener::serve(std::chrono::milliseconds at_most, const std::function<std::string()>& text) {
  pollfd waits{socket_, POLLIN, 0};
  if (poll(&waits, 1, static_cast<int>(at_most.count())) <= 0) return;
  const int socket = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
  if (socket < 0) return;
  Caller caller(socket);
  answer(caller, text);
}

}  // namespace walkback::metrics
