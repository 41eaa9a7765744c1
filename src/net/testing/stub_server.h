// A small HTTP server that does what a test tells it, right or wrong: the faults that real servers
// cannot be made to show. Loopback, a free port, a thread for each connection. Test code only.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/http.h"

namespace walkback::net::testing {

struct SeenRequest {
  std::string method;
  std::string target;           // path and query, as they came
  std::vector<Header> headers;  // names in lower case
  std::string body;
  int connection = 0;  // the first is 1

  std::string header(std::string_view name) const;  // empty when absent
};

struct Answer {
  int status = 200;
  std::vector<Header> headers;
  std::string body;

  std::chrono::milliseconds delay{0};    // before the first byte
  std::optional<size_t> cut_after;       // bytes of headers and body; then the connection is closed
  std::optional<size_t> stall_after;     // bytes; then silence until the server ends
  std::optional<size_t> claimed_length;  // instead of the body's
  bool hang = false;                     // no answer at all, and the connection stays open
  bool reset = false;                    // no answer, and the connection is reset
  bool close = false;                    // closed after the answer, without saying so before
  std::string raw;                       // instead of all of the above
};

// Answers come from a list, one for each request in the order of their arrival, or from a function.
class StubServer {
 public:
  using Handler = std::function<Answer(const SeenRequest&)>;

  // Without a function: requests past the end of the list are answered with 599.
  explicit StubServer(Handler handler = {});
  ~StubServer();
  StubServer(const StubServer&) = delete;
  StubServer& operator=(const StubServer&) = delete;

  void then(Answer answer);
  std::string url() const;        // "http://127.0.0.1:PORT"
  std::string authority() const;  // "127.0.0.1:PORT"
  std::vector<SeenRequest> requests() const;
  int connections() const;

 private:
  void accept_connections();
  void serve(int socket, int connection);
  bool answer_one(int socket, const SeenRequest& request);
  Answer next_answer(const SeenRequest& request);
  void wait_for_end() const;
  bool sleep_for(std::chrono::milliseconds duration) const;

  const Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> ended_ = false;
  mutable std::mutex mutex_;
  std::deque<Answer> answers_;
  std::vector<SeenRequest> requests_;
  std::vector<int> sockets_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace walkback::net::testing
