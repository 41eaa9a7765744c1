// One request on its way through libcurl. Internal to net.
#pragma once

#include "net/curl_client.h"
#include "net/libcurl.h"

namespace walkback::net {

// An easy handle and the multi handle that drives it and keeps its connections. One user at a time.
//
// A multi handle for one transfer is what curl_easy_perform() uses itself; with our own,
// curl_multi_wakeup() ends a wait at once when the user interrupts, and time-outs are exact.
class Lane {
 public:
  static Result<std::unique_ptr<Lane>> open(const Libcurl& curl);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  const Libcurl& curl;
  CURL* const easy;
  CURLM* const multi;

 private:
  Lane(const Libcurl& library, CURL* easy_handle, CURLM* multi_handle)
      : curl(library), easy(easy_handle), multi(multi_handle) {}
};

// What all transfers of a client share.
struct TransferContext {
  const CurlOptions& options;
  Clock& clock;
  Throttle& throttle;
  TrafficCounters& counters;
};

// Runs `request` to its end on `lane`.
Result<Response> run_transfer(Lane& lane, const Request& request, const TransferContext& context);

}  // namespace walkback::net
