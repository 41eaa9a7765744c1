#include "net/testing/stub_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/check.h"

namespace walkback::net::testing {
namespace {

// One connection's bytes, read forward.
class Incoming {
 public:
  explicit Incoming(int socket) : socket_(socket) {}

  // Up to and without "\r\n"; nothing at the end of the connection.
  std::optional<std::string> line() {
    size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
      constexpr char kTlsHandshake = 0x16;  // nobody here speaks TLS
      if (!more() || buffer_.front() == kTlsHandshake) return std::nullopt;
    }
    std::string text = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return text;
  }

  std::optional<std::string> bytes(size_t size) {
    while (buffer_.size() < size) {
      if (!more()) return std::nullopt;
    }
    std::string text = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return text;
  }

 private:
  bool more() {
    std::array<char, 65'536> piece;
    ssize_t got = ::recv(socket_, piece.data(), piece.size(), 0);
    if (got <= 0) return false;
    buffer_.append(piece.data(), static_cast<size_t>(got));
    return true;
  }

  int socket_;
  std::string buffer_;
};

std::optional<SeenRequest> read_request(Incoming& incoming) {
  SeenRequest request;
  auto first = incoming.line();
  if (!first) return std::nullopt;
  size_t space = first->find(' ');
  request.method = first->substr(0, space);
  request.target = first->substr(space + 1, first->rfind(' ') - space - 1);
  for (;;) {
    auto line = incoming.line();
    if (!line) return std::nullopt;
    if (line->empty()) break;
    size_t colon = line->find(':');
    std::string name = line->substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    size_t value = std::min(line->find_first_not_of(' ', colon + 1), line->size());
    request.headers.push_back({name, line->substr(value)});
  }
  std::string length = request.header("content-length");
  auto body = incoming.bytes(length.empty() ? 0 : std::stoull(length));
  if (!body) return std::nullopt;
  request.body = *body;
  return request;
}

// False once the peer is gone.
bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string on_the_wire(const Answer& answer, bool is_head) {
  if (!answer.raw.empty()) return answer.raw;
  std::string text = fmt::format("HTTP/1.1 {} Whatever\r\n", answer.status);
  bool has_length = false;
  for (const Header& header : answer.headers) {
    text += header.name + ": " + header.value + "\r\n";
    has_length = has_length || header.name == "Content-Length";
  }
  size_t length = answer.claimed_length.value_or(answer.body.size());
  if (!has_length && answer.status != 204) text += fmt::format("Content-Length: {}\r\n", length);
  text += "\r\n";
  return is_head ? text : text + answer.body;
}

// Close with a reset, not in peace.
void reset(int socket) {
  linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace

std::string SeenRequest::header(std::string_view name) const {
  auto found = std::ranges::find(headers, name, &Header::name);
  return found == headers.end() ? "" : found->value;
}

StubServer::StubServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(::listen(listener_, 64) == 0);
  socklen_t size = sizeof address;
  CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_connections(); });
}

StubServer::~StubServer() {
  ended_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    std::lock_guard lock(mutex_);
    for (int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  for (int socket : sockets_) {
    if (socket >= 0) ::close(socket);
  }
}

void StubServer::then(Answer answer) {
  std::lock_guard lock(mutex_);
  answers_.push_back(std::move(answer));
}

std::string StubServer::authority() const { return fmt::format("127.0.0.1:{}", port_); }
std::string StubServer::url() const { return "http://" + authority(); }

std::vector<SeenRequest> StubServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

int StubServer::connections() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(sockets_.size());
}

void StubServer::accept_connections() {
  for (;;) {
    int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0 || ended_) {
      if (socket >= 0) ::close(socket);
      return;
    }
    int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::lock_guard lock(mutex_);
    sockets_.push_back(socket);
    int connection = static_cast<int>(sockets_.size());
    threads_.emplace_back([this, socket, connection] { serve(socket, connection); });
  }
}

void StubServer::serve(int socket, int connection) {
  Incoming incoming(socket);
  while (!ended_) {
    std::optional<SeenRequest> request = read_request(incoming);
    if (!request) break;
    request->connection = connection;
    if (!answer_one(socket, *request)) break;
  }
  std::lock_guard lock(mutex_);
  if (ended_) return;  // the destructor closes it
  ::close(socket);
  sockets_[static_cast<size_t>(connection) - 1] = -1;
}

Answer StubServer::next_answer(const SeenRequest& request) {
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(request);
    if (!handler_) {
      if (answers_.empty()) return {.status = 599, .body = "the script has ended"};
      Answer answer = std::move(answers_.front());
      answers_.pop_front();
      return answer;
    }
  }
  return handler_(request);
}

// False: the connection is over.
bool StubServer::answer_one(int socket, const SeenRequest& request) {
  Answer answer = next_answer(request);
  if (answer.reset) {
    reset(socket);
    return false;
  }
  if (answer.hang) wait_for_end();
  if (!sleep_for(answer.delay)) return false;
  std::string text = on_the_wire(answer, request.method == "HEAD");
  if (answer.cut_after || answer.stall_after) {
    send_all(socket, text.substr(0, answer.cut_after ? *answer.cut_after : *answer.stall_after));
    if (answer.stall_after) wait_for_end();
    return false;
  }
  return send_all(socket, text) && !answer.close && answer.raw.empty();
}

void StubServer::wait_for_end() const {
  while (!ended_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

bool StubServer::sleep_for(std::chrono::milliseconds duration) const {
  for (auto left = duration; left.count() > 0 && !ended_; left -= std::chrono::milliseconds(5)) {
    std::this_thread::sleep_for(std::min(left, std::chrono::milliseconds(5)));
  }
  return !ended_;
}

}  // namespace walkback::net::testing
