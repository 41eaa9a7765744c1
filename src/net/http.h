// HTTP as the rest of the program sees it: one request, one answer, bounded in time and memory.
//
// The client never follows a redirect, never retries and never interprets a status: those who ask
// know what an answer means (retry.h helps them to ask again).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace walkback::net {

enum class Method { kGet, kHead, kPut, kPost, kDelete };
inline constexpr size_t kMethodCount = 5;
std::string_view method_name(Method method);  // "GET"

struct Header {
  std::string name;
  std::string value;
};

// Every stage of a request ends in time. A stage's limit is about silence, the deadline about all.
struct Timeouts {
  std::chrono::milliseconds connect{10'000};  // name, TCP and TLS
  std::chrono::milliseconds first_byte{
      60'000};                              // from the request's last byte to the answer's first
  std::chrono::milliseconds stall{30'000};  // while a body moves: less than a KiB in this long
};

struct Request {
  Method method = Method::kGet;
  std::string url;  // encoded as it shall go out; nothing is normalised
  std::vector<Header> headers;
  std::vector<ByteView> body;          // sent one after another; the caller keeps them alive
  uint64_t response_limit = 1u << 20;  // bytes; a longer answer is an error
  std::optional<Timeouts> timeouts;    // instead of the client's
  std::optional<std::chrono::nanoseconds> deadline;  // on the client's clock, monotonic()
  std::stop_token stop;                              // ends the transfer at once with kCancelled
  bool direct = false;                               // never through a proxy: link-local addresses
};

uint64_t body_size(const Request& request);

struct Response {
  int status = 0;
  std::vector<Header> headers;  // names in lower case
  Bytes body;

  // The value of the first header of that (lower-case) name.
  std::optional<std::string_view> header(std::string_view name) const;
};

// Thread-safe: as many requests are in flight as threads ask.
class HttpClient {
 public:
  virtual ~HttpClient() = default;

  // Any answer that arrived whole, whatever its status. Errors: kTransient for a connection that
  // could not be made, broke, stalled or ran into the deadline, and for a body cut short; kDenied
  // when the server's certificate does not hold; kCorrupt for an answer that is no HTTP or larger
  // than allowed; kInvalid for a URL or proxy that cannot be used; kCancelled; kMissing without
  // libcurl. They name method, host and path, never the query or a header.
  virtual Result<Response> perform(const Request& request) = 0;
};

}  // namespace walkback::net
