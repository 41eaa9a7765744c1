// What a server's refusal means, and what to do about it.
//
// Codes: Amazon S3 API Reference, "Error responses"; dialects of other servers where they were
// seen.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"

namespace walkback::s3 {

// What was tried, as a bucket's policy names it.
enum class Action {
  kPut,
  kGet,
  kList,
  kDelete,
  kAbortUpload,
  kListUploads,
  kBucketLocation,
  kBucketSettings,
};
std::string_view permission_of(Action action);  // "s3:PutObject"

// A refusal, from headers and body. Its texts are the server's: cut to a bearable length, and
// without control characters.
struct ServiceError {
  int status = 0;
  std::string code;  // "NoSuchKey"; made up from the status for answers without a body (HEAD)
  std::string message;
  std::string request_id;
  std::string host_id;
  std::string region;  // where the bucket lies, or what the server expects, when it says so
  std::optional<Timestamp> server_time;
};

ServiceError read_service_error(const net::Response& response);

// "Not now": throttling, an internal error, a body that was damaged on its way.
bool is_transient(const ServiceError& error);
// Temporary credentials that new ones would cure.
bool is_expired_token(const ServiceError& error);
// Two conditional writes at once: neither has won yet.
bool is_write_conflict(const ServiceError& error);
bool is_absent(const ServiceError& error);                // the object; not the bucket
bool is_precondition_failure(const ServiceError& error);  // 412
// The server does not know what was asked of it.
bool is_not_implemented(const ServiceError& error);

// What errors say beside the refusal itself.
struct ErrorContext {
  Action action = Action::kGet;
  std::string doing;  // "storing clusters/main/cluster.json in s3://bucket"
  std::string bucket;
  std::string region;  // the configured one
  std::string endpoint;
  std::string credentials;  // where they came from; never what they are
  Timestamp now;            // this host's clock
};

// With the request id, by which the server's operators find the request, and a hint.
Error explain(const ServiceError& error, const ErrorContext& context);

}  // namespace walkback::s3
