#include "s3/testing/faulty_http.h"

namespace walkback::s3::testing {
namespace {

Error lost() { return make_error(ErrorKind::kTransient, "the connection broke (a test's doing)"); }

net::Response refusal(int status, std::string_view code) {
  std::string body = "<Error><Code>" + std::string(code) + "</Code></Error>";
  return {.status = status, .body = to_bytes(as_bytes(body))};
}

}  // namespace

Result<net::Response> FaultyHttp::perform(const net::Request& request) {
  if (!random_.percent(percent_)) return inner_.perform(request);
  ++faults_;
  uint64_t kind = random_.below(4);
  if (kind == 0) return lost();
  if (kind == 1) return refusal(503, "SlowDown");
  Result<net::Response> response = inner_.perform(request);
  if (kind == 2 || !response.ok()) return lost();
  return refusal(500, "InternalError");
}

}  // namespace walkback::s3::testing
