// The client that production uses: libcurl, loaded when the first request is made.
#pragma once

#include <string>

#include "net/http.h"
#include "net/traffic.h"

namespace walkback::net {

struct CurlOptions {
  std::string ca_file;  // PEM, instead of the host's certificates; empty: the host's
  Timeouts timeouts;
  Limits limits;
};

// HTTP/1.1, certificates always verified, proxies as the environment says (https_proxy, no_proxy,
// ...: libcurl-env(3)). Each request in flight has a connection of its own; connections are kept
// for the next request. `clock` and `counters` outlive the client.
std::unique_ptr<HttpClient> make_curl_client(CurlOptions options, Clock& clock,
                                             TrafficCounters& counters);

}  // namespace walkback::net
