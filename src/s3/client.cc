#include "s3/client.h"

#include <fmt/format.h>

#include <functional>

#include "net/http_date.h"
#include "net/retry.h"
#include "net/url.h"

namespace walkback::s3 {
namespace {

using std::chrono::nanoseconds;

bool is_success(int status) { return status >= 200 && status < 300; }

// Either token stops the other's holder: a writer's own, and the store's.
class EitherStop {
 public:
  EitherStop(const std::stop_token& one, const std::stop_token& other)
      : on_one_(one, [this] { source_.request_stop(); }),
        on_other_(other, [this] { source_.request_stop(); }) {}
  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::stop_callback<std::function<void()>> on_one_;
  std::stop_callback<std::function<void()>> on_other_;
};

// What the server asks for before the next attempt.
std::optional<nanoseconds> retry_after(const net::Response& response, Timestamp now) {
  auto header = response.header("retry-after");
  if (!header) return std::nullopt;
  return net::parse_retry_after(*header, now);
}

// A HEAD has no body to say so, and asks with status 400.
bool may_be_expired(const Call& call, const ServiceError& error, const Credentials& credentials) {
  bool mute = call.method == net::Method::kHead && error.status == 400;
  return is_expired_token(error) || (mute && !credentials.session_token.empty());
}

}  // namespace

Client::Client(S3Options complete_options, S3Environment environment)
    : options_(std::move(complete_options)), environment_(std::move(environment)) {}

nanoseconds Client::deadline() const {
  return environment_.clock.monotonic() + options_.operation_timeout;
}

Error Client::explain(const ServiceError& error, const Call& call) const {
  std::string source = "an unknown place";
  Result<std::shared_ptr<const Credentials>> credentials = environment_.credentials.get();
  if (credentials.ok()) source = (*credentials)->source;
  return s3::explain(error, {.action = call.action,
                             .doing = call.doing,
                             .bucket = options_.bucket,
                             .region = options_.region,
                             .endpoint = options_.endpoint,
                             .credentials = source,
                             .now = environment_.clock.now()});
}

net::Request Client::signed_request(const Call& call, const Credentials& credentials) const {
  Target target = target_of(options_, net::percent_encode(call.key, net::Slash::kKeep));
  SignedParts parts{.method = call.method,
                    .host = target.host,
                    .path = target.path,
                    .query = call.query,
                    .headers = call.headers,
                    .payload_hash = sha256_hex(call.body)};
  std::string query = canonical_query(call.query);
  net::Request request{
      .method = call.method,
      .url = target.scheme + "://" + target.host + target.path + (query.empty() ? "" : "?" + query),
      .headers = call.headers,
      .body = call.body,
      .response_limit = call.response_limit};
  std::vector<net::Header> added = signing_headers(
      std::move(parts), {.time = environment_.clock.now(), .region = options_.region}, credentials);
  request.headers.insert(request.headers.end(), added.begin(), added.end());
  return request;
}

Result<Client::Attempt> Client::attempt(const Call& call, const Credentials& credentials,
                                        nanoseconds deadline, const std::stop_token& stop) {
  net::Request request = signed_request(call, credentials);
  request.deadline = deadline;
  request.stop = stop;
  net::Response response = TRY_CONTEXT(environment_.http.perform(request), call.doing);
  Attempt attempt{.response = std::move(response)};
  if (!is_success(attempt.response.status)) {
    attempt.error = read_service_error(attempt.response);
    // A HEAD has no body to tell a missing bucket from a missing object.
    if (call.key.empty() && is_absent(*attempt.error)) attempt.error->code = "NoSuchBucket";
    attempt.may_be_expired = may_be_expired(call, *attempt.error, credentials);
    return attempt;
  }
  if (call.success_may_be_error && parse_error(attempt.response.body)) {
    attempt.error = read_service_error(attempt.response);
  }
  if (call.expected_bytes && attempt.response.body.size() != *call.expected_bytes) {
    return make_error(ErrorKind::kTransient,
                      fmt::format("{}: {} bytes came instead of {}", call.doing,
                                  attempt.response.body.size(), *call.expected_bytes));
  }
  return attempt;
}

Result<Reply> Client::call(const Call& call) {
  EitherStop stop(call.even_when_stopped ? std::stop_token() : environment_.stop, call.stop);
  nanoseconds deadline = call.deadline.value_or(this->deadline());
  net::Retries retries(options_.retry, environment_.clock, environment_.random, deadline,
                       stop.token(), environment_.counters);
  bool renewed = false;
  for (int attempts = 1;; ++attempts) {
    Result<std::shared_ptr<const Credentials>> credentials = environment_.credentials.get();
    if (!credentials.ok()) {
      TRY(retries.again(std::move(credentials).error().with_context(call.doing)));
      continue;
    }
    Result<Attempt> result = attempt(call, **credentials, deadline, stop.token());
    if (!result.ok()) {
      TRY(retries.again(std::move(result).error()));
      continue;
    }
    if (!result->error) return Reply{std::move(result->response), std::nullopt, attempts};
    const ServiceError& error = *result->error;
    if (result->may_be_expired && !renewed) {
      environment_.credentials.expired(**credentials);
      renewed = true;
      continue;
    }
    bool again = is_transient(error) || (call.retry_conflicts && is_write_conflict(error));
    if (!again) return Reply{std::move(result->response), std::move(result->error), attempts};
    TRY(retries.again(explain(error, call),
                      retry_after(result->response, environment_.clock.now())));
  }
}

Result<net::Response> Client::must(const Call& call) {
  Reply reply = TRY(this->call(call));
  if (reply.error) return explain(*reply.error, call);
  return std::move(reply.response);
}

}  // namespace walkback::s3
