// What answers say of their server's clock: every one has a Date.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "net/http.h"

namespace walkback::net {

// Thread-safe.
class ServerClock {
 public:
  // An answer that came between these two moments of our clock. Its Date is of whole seconds: what
  // lies within what it may mean is no difference.
  void see(Timestamp before, const Response& response, Timestamp after);
  // By how much the server's clock was ahead of ours when it was last seen; negative when behind.
  std::optional<std::chrono::seconds> ahead() const;

 private:
  mutable std::mutex mutex_;
  std::optional<std::chrono::seconds> ahead_;
};

// The same client, whose answers `seen` sees. Clock and `seen` outlive it.
std::unique_ptr<HttpClient> watch_server_clock(std::unique_ptr<HttpClient> client, Clock& clock,
                                               ServerClock& seen);

}  // namespace walkback::net
