// A network on a bad day: requests that never arrive, answers that are lost, servers that are busy.
// By seed. Test code only.
#pragma once

#include <atomic>

#include "base/testing/seeded_random.h"
#include "net/http.h"

namespace walkback::s3::testing {

// Wraps a client. A fault is one of: nothing was sent; all was done and the answer lost (a body cut
// short is that, too: the client beneath notices it); 503 SlowDown; 500 after all was done.
// Thread-safe if `inner` is.
class FaultyHttp final : public net::HttpClient {
 public:
  FaultyHttp(net::HttpClient& inner, uint64_t seed, unsigned percent)
      : inner_(inner), random_(seed), percent_(percent) {}

  Result<net::Response> perform(const net::Request& request) override;
  int faults() const { return faults_; }

 private:
  net::HttpClient& inner_;
  SeededRandom random_;
  const unsigned percent_;
  std::atomic<int> faults_ = 0;
};

}  // namespace walkback::s3::testing
