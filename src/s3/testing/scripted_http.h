// An HTTP client that a test answers itself: no sockets, no time. Test code only.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "net/http.h"

namespace walkback::s3::testing {

// A request as it came, with its own copy of the body.
struct SentRequest {
  std::string line;  // "PUT http://host/path?query"
  std::vector<net::Header> headers;
  std::string body;
  bool direct = false;

  std::string header(std::string_view name) const;  // empty when absent
};

// Answers from a list, in order; past its end requests fail for good. Thread-safe.
class ScriptedHttp final : public net::HttpClient {
 public:
  using Answer = Result<net::Response>;

  ScriptedHttp& then(Answer answer);
  // A status and a body.
  ScriptedHttp& then(int status, std::string_view body = "", std::vector<net::Header> headers = {});
  // <Error><Code>…
  ScriptedHttp& then_refuse(int status, std::string_view code);
  ScriptedHttp& then_break();

  Result<net::Response> perform(const net::Request& request) override;
  std::vector<SentRequest> sent() const;
  std::vector<std::string> lines() const;  // of what was sent
  size_t left() const;                     // answers that nobody asked for

 private:
  mutable std::mutex mutex_;
  std::deque<Answer> answers_;
  std::vector<SentRequest> sent_;
};

}  // namespace walkback::s3::testing
