#include "metrics/listener.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

namespace walkback::metrics {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ListenerTest : public testing::Test {
 protected:
  int connected() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(listener_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return socket;
  }
  static std::string all_of(int socket) {
    std::string answer;
    std::array<char, 4096> buffer{};
    for (ssize_t got; (got = recv(socket, buffer.data(), buffer.size(), 0)) > 0;) {
      answer.append(buffer.data(), static_cast<size_t>(got));
    }
    close(socket);
    return answer;
  }
  std::string ask(std::string_view request) const {
    const int socket = connected();
    send(socket, request.data(), request.size(), MSG_NOSIGNAL);
    return all_of(socket);
  }

  std::unique_ptr<Listener> listener_ = Listener::open("127.0.0.1:0").value();
  std::atomic<int> asked_ = 0;
  std::jthread server_{[this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      listener_->serve(std::chrono::milliseconds(20), [this] {
        ++asked_;
        return std::string("walkback_backups 1\n");
      });
    }
  }};
};

TEST_F(ListenerTest, FiguresAreGiven) {
  const std::string answer = ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 19\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nwalkback_backups 1\n"));
}

TEST_F(ListenerTest, NothingElseIs) {
  EXPECT_THAT(ask("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("GET /metrics/../x HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_EQ(asked_, 0);
}

TEST_F(ListenerTest, WhoSendsWithoutEndIsLeft) {
  EXPECT_EQ(ask(std::string(100'000, 'x')).find("200 OK"), std::string::npos);
  EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\n\r\n"), HasSubstr("200 OK"));
}

TEST_F(ListenerTest, WhoSaysNothingKeepsNobodyForLong) {
  const int silent = connected();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\n\r\n"), HasSubstr("200 OK"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  close(silent);
}

TEST_F(ListenerTest, APortThatIsTakenAndWhatIsNoAddressAreRefused) {
  const std::string taken = "127.0.0.1:" + std::to_string(listener_->port());
  EXPECT_EQ(Listener::open(taken).error().kind, ErrorKind::kConflict);
  for (const char* text : {"", "9717", "localhost:9717", "127.0.0.1:", "127.0.0.1:65536", "[::1:1",
                           "127.0.0.1:97x", "::1:9717"}) {
    EXPECT_EQ(Listener::open(text).error().kind, ErrorKind::kInvalid) << text;
  }
}

}  // namespace
}  // namespace walkback::metrics
