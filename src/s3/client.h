// Signed calls to one bucket: who we are, where it is, and asking again when that may help.
// Internal to s3.
#pragma once

#include "base/random.h"
#include "net/http.h"
#include "net/traffic.h"
#include "s3/credentials.h"
#include "s3/errors.h"
#include "s3/options.h"
#include "s3/signature.h"
#include "s3/xml.h"

namespace walkback::s3 {

struct Call {
  Action action = Action::kGet;
  std::string doing;  // "reading clusters/main/cluster.json": begins every error
  net::Method method = net::Method::kGet;
  std::string key;  // in the bucket, with the prefix; empty: the bucket itself
  QueryParameters query;
  std::vector<net::Header> headers;
  std::vector<ByteView> body;
  uint64_t response_limit = kMaxXmlBytes;
  std::optional<uint64_t> expected_bytes;  // a success with another size of body was cut: again
  // Success may carry an error document: CompleteMultipartUpload.
  bool success_may_be_error = false;
  bool retry_conflicts = true;                       // is_write_conflict()
  std::optional<std::chrono::nanoseconds> deadline;  // instead of the options' from now
  std::stop_token stop;                              // beside the client's
  bool even_when_stopped = false;  // tidying up after an interrupt: the client's stop is not heard
};

struct Reply {
  net::Response response;
  std::optional<ServiceError> error;  // a refusal that asking again does not change
  int attempts = 1;                   // above 1, an earlier one may have had its effect
};

// What a client works with. All outlive it.
struct S3Environment {
  net::HttpClient& http;
  CredentialsProvider& credentials;
  Clock& clock;
  Random& random;
  net::TrafficCounters* counters = nullptr;  // for retries; the HTTP client counts the rest
  std::stop_token stop;                      // ends every operation with kCancelled
};

// Thread-safe.
class Client {
 public:
  Client(S3Options complete_options, S3Environment environment);

  // A refusal is a Reply; an Error is a failure to get any usable answer, a refusal that stayed
  // transient to the end, or kCancelled.
  Result<Reply> call(const Call& call);
  // As call(), for those to whom every refusal is an error.
  Result<net::Response> must(const Call& call);

  Error explain(const ServiceError& error, const Call& call) const;
  std::chrono::nanoseconds deadline() const;

  const S3Options& options() const { return options_; }
  const S3Environment& environment() const { return environment_; }

 private:
  struct Attempt {
    net::Response response;
    std::optional<ServiceError> error;
    bool may_be_expired = false;
  };
  Result<Attempt> attempt(const Call& call, const Credentials& credentials,
                          std::chrono::nanoseconds deadline, const std::stop_token& stop);
  net::Request signed_request(const Call& call, const Credentials& credentials) const;

  const S3Options options_;
  const S3Environment environment_;
};

}  // namespace walkback::s3
