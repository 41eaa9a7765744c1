// Figures over HTTP, for a Prometheus that asks. Linux only; no TLS and no passwords, which is why
// it is meant for loopback.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace walkback::metrics {

// One thread at a time.
class Listener {
 public:
  // "127.0.0.1:9717", "[::1]:9717"; port 0: any. kInvalid for what is no such text, kConflict for a
  // port that is taken.
  static Result<std::unique_ptr<Listener>> open(std::string_view address);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Waits so long for somebody who asks, and answers: `text` is called for GET /metrics. Who is
  // slow to ask or to read is left after two seconds.
  void serve(std::chrono::milliseconds at_most, const std::function<std::string()>& text);

  int port() const { return port_; }

 private:
  Listener(int socket, int port) : socket_(socket), port_(port) {}
  const int socket_;
  const int port_;
};

}  // namespace walkback::metrics
