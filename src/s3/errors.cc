#include "s3/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/time_text.h"
#include "net/http_date.h"
#include "net/retry.h"
#include "s3/xml.h"

namespace walkback::s3 {
namespace {

constexpr size_t kMaxText = 300;

std::string tamed(std::string_view text, size_t limit = kMaxText) {
  std::string result(text.substr(0, limit));
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return result;
}

std::string header_text(const net::Response& response, std::string_view name) {
  return tamed(response.header(name).value_or(""), 128);
}

// For answers without a body.
std::string_view code_of_status(int status) {
  switch (status) {
    case 301:
      return "PermanentRedirect";
    case 307:
      return "TemporaryRedirect";
    case 403:
      return "AccessDenied";
    case 404:
      return "NotFound";
    case 409:
      return "Conflict";
    case 412:
      return "PreconditionFailed";
    case 416:
      return "InvalidRange";
    case 501:
      return "NotImplemented";
    case 503:
      return "ServiceUnavailable";
    default:
      return "";
  }
}

// "The authorization header is malformed; the region 'us-east-1' is wrong; expecting
// 'eu-central-1'"
std::string expected_region(std::string_view message) {
  constexpr std::string_view kExpecting = "expecting '";
  size_t begin = message.find(kExpecting);
  if (begin == std::string_view::npos) return "";
  begin += kExpecting.size();
  size_t end = message.find('\'', begin);
  return end == std::string_view::npos ? "" : std::string(message.substr(begin, end - begin));
}

bool is_one_of(std::string_view code, std::initializer_list<std::string_view> codes) {
  return std::ranges::find(codes, code) != codes.end();
}

bool is_redirect(const ServiceError& error) {
  return error.status == 301 || error.status == 302 || error.status == 307 || error.status == 308;
}

// What a code means.
struct Meaning {
  ErrorKind kind;
  std::string what;
  std::string hint;
};

Meaning wrong_region(const ServiceError& error, const ErrorContext& context) {
  std::string where = error.region.empty() ? "another region" : "region " + error.region;
  return {
      ErrorKind::kInvalid,
      fmt::format("bucket {} lies in {}, not in the configured region {}; nothing was sent there",
                  context.bucket, where, context.region),
      "a redirect is never followed, so that data does not leave its region by accident; "
      "correct the region, the bucket or the endpoint"};
}

Meaning skewed_clock(const ServiceError& error, const ErrorContext& context) {
  std::string theirs = error.server_time ? to_iso_utc(*error.server_time) : "not told";
  return {ErrorKind::kInvalid,
          fmt::format("this host's clock ({}) and the server's ({}) differ by too much",
                      to_iso_utc(context.now), theirs),
          "set this host's clock (timedatectl; is NTP running?): S3 allows 15 minutes"};
}

Meaning access_denied(const ErrorContext& context) {
  std::string hint = fmt::format("the policy of the user, role or bucket must allow {} on it",
                                 permission_of(context.action));
  if (context.action == Action::kGet) {
    hint += "; without s3:ListBucket, S3 says the same of objects that do not exist";
  }
  return {ErrorKind::kDenied, fmt::format("{} is denied", permission_of(context.action)), hint};
}

std::optional<Meaning> meaning_of_location(const ServiceError& error, const ErrorContext& context) {
  if (is_redirect(error) ||
      is_one_of(error.code, {"AuthorizationHeaderMalformed", "PermanentRedirect",
                             "TemporaryRedirect", "IllegalLocationConstraintException"})) {
    return wrong_region(error, context);
  }
  if (error.code == "NoSuchBucket") {
    return Meaning{ErrorKind::kMissing,
                   fmt::format("there is no bucket {} at {}", context.bucket, context.endpoint),
                   "create the bucket, or correct its name in the repository's URL"};
  }
  return std::nullopt;
}

std::optional<Meaning> meaning_of_identity(const ServiceError& error, const ErrorContext& context) {
  if (error.code == "InvalidAccessKeyId") {
    return Meaning{ErrorKind::kDenied, "the server does not know the access key",
                   "the key came from " + context.credentials +
                       ": was it deleted, or is it of "
                       "another server?"};
  }
  if (error.code == "SignatureDoesNotMatch") {
    return Meaning{ErrorKind::kDenied, "the signature does not match",
                   "the secret key from " + context.credentials +
                       " is not that of the access key; "
                       "or a proxy changes requests"};
  }
  if (error.code == "RequestTimeTooSkewed") return skewed_clock(error, context);
  if (is_expired_token(error)) {
    return Meaning{ErrorKind::kDenied, "the temporary credentials have expired",
                   "they came from " + context.credentials + "; get new ones"};
  }
  if (error.code == "InvalidToken") {
    return Meaning{ErrorKind::kDenied, "the session token is not valid",
                   "key and session token must come from the same answer; check AWS_SESSION_TOKEN"};
  }
  return std::nullopt;
}

std::optional<Meaning> meaning_of_encryption(const ServiceError& error) {
  bool is_kms = error.code.starts_with("KMS.") || error.message.find("kms:") != std::string::npos ||
                error.message.find("KMS") != std::string::npos;
  if (!is_kms) return std::nullopt;
  return Meaning{
      ErrorKind::kDenied, "the encryption key cannot be used: " + error.message,
      "the key must exist in the bucket's region and be enabled, and its policy must allow "
      "kms:GenerateDataKey and kms:Decrypt"};
}

std::optional<Meaning> meaning_of_request(const ServiceError& error) {
  if (error.code == "NoSuchKey" || error.code == "NotFound") {
    return Meaning{ErrorKind::kMissing, "there is no such object", ""};
  }
  if (error.code == "NoSuchUpload") {
    return Meaning{ErrorKind::kConflict, "the multipart upload is gone",
                   "somebody ended it: does a lifecycle rule end unfinished uploads too early?"};
  }
  if (is_one_of(error.code, {"EntityTooLarge", "MaxSizeExceeded"})) {
    return Meaning{ErrorKind::kUnsupported, "the object or part is larger than the server takes",
                   "lower the part size"};
  }
  if (error.code == "EntityTooSmall") {
    return Meaning{ErrorKind::kUnsupported, "a part is smaller than the server takes",
                   "raise the part size"};
  }
  if (is_one_of(error.code, {"QuotaExceeded", "InsufficientCapacity", "StorageFull"}) ||
      error.status == 507) {
    return Meaning{ErrorKind::kNoSpace, "the server's space or quota is used up",
                   "free space there, or raise the quota"};
  }
  if (error.code == "InvalidStorageClass") {
    return Meaning{ErrorKind::kInvalid, "the server does not know the storage class",
                   "set the storage class to STANDARD"};
  }
  if (error.code == "InvalidObjectState") {
    return Meaning{ErrorKind::kUnsupported, "the object lies in an archive class",
                   "restore it from Glacier first (aws s3api restore-object)"};
  }
  if (is_write_conflict(error)) {
    return Meaning{ErrorKind::kTransient, "another write of the same object is under way", ""};
  }
  if (is_not_implemented(error)) {
    return Meaning{ErrorKind::kUnsupported, "the server does not know how to do this",
                   "`walkback check` says what it can"};
  }
  return std::nullopt;
}

Meaning meaning_of(const ServiceError& error, const ErrorContext& context) {
  if (is_transient(error)) {
    return {ErrorKind::kTransient, "the server is busy or has a fault", "try again later"};
  }
  if (auto meaning = meaning_of_location(error, context)) return *meaning;
  if (auto meaning = meaning_of_identity(error, context)) return *meaning;
  if (auto meaning = meaning_of_encryption(error)) return *meaning;
  if (auto meaning = meaning_of_request(error)) return *meaning;
  if (error.status == 401 || error.status == 403) return access_denied(context);
  return {ErrorKind::kIo, "the server refused", ""};
}

// "(AccessDenied, status 403, request id 7A…)"
std::string particulars(const ServiceError& error) {
  std::string text = error.code.empty() ? "" : error.code + ", ";
  text += fmt::format("status {}", error.status);
  if (!error.request_id.empty()) text += ", request id " + error.request_id;
  if (!error.host_id.empty()) text += ", host id " + error.host_id;
  return text;
}

}  // namespace

std::string_view permission_of(Action action) {
  switch (action) {
    case Action::kPut:
      return "s3:PutObject";
    case Action::kGet:
      return "s3:GetObject";
    case Action::kList:
      return "s3:ListBucket";
    case Action::kDelete:
      return "s3:DeleteObject";
    case Action::kAbortUpload:
      return "s3:AbortMultipartUpload";
    case Action::kListUploads:
      return "s3:ListBucketMultipartUploads";
    case Action::kBucketLocation:
      return "s3:GetBucketLocation";
    case Action::kBucketSettings:
      return "s3:GetBucketVersioning and s3:GetBucketObjectLockConfiguration";
  }
  CHECK(false);
}

ServiceError read_service_error(const net::Response& response) {
  ErrorDocument document = parse_error(response.body).value_or(ErrorDocument{});
  ServiceError error;
  error.status = response.status;
  error.code = tamed(document.code, 64);
  error.message = tamed(document.message);
  error.request_id = header_text(response, "x-amz-request-id");
  if (error.request_id.empty()) error.request_id = tamed(document.request_id, 128);
  error.host_id = header_text(response, "x-amz-id-2");
  if (error.host_id.empty()) error.host_id = tamed(document.host_id, 128);
  error.region = header_text(response, "x-amz-bucket-region");
  if (error.region.empty()) error.region = tamed(document.region, 64);
  if (error.region.empty()) error.region = expected_region(error.message);
  if (error.code.empty()) error.code = code_of_status(response.status);
  error.server_time = net::parse_http_date(response.header("date").value_or(""));
  if (Result<Timestamp> told = parse_iso_utc(document.server_time); told.ok()) {
    error.server_time = *told;
  }
  return error;
}

bool is_transient(const ServiceError& error) {
  return net::is_transient_status(error.status) ||
         is_one_of(error.code, {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable",
                                "Throttling", "ThrottlingException", "RequestLimitExceeded",
                                "BandwidthLimitExceeded",
                                // Damaged on the way: what arrived is not what was signed.
                                "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"});
}

bool is_expired_token(const ServiceError& error) {
  return is_one_of(error.code, {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"});
}

bool is_write_conflict(const ServiceError& error) {
  return is_one_of(error.code,
                   {"ConditionalRequestConflict", "OperationAborted", "ConcurrentModification"});
}

bool is_absent(const ServiceError& error) {
  return error.status == 404 && (error.code == "NoSuchKey" || error.code == "NotFound");
}

bool is_precondition_failure(const ServiceError& error) { return error.status == 412; }

bool is_not_implemented(const ServiceError& error) {
  return error.status == 501 || error.code == "NotImplemented" || error.code == "MethodNotAllowed";
}

Error explain(const ServiceError& error, const ErrorContext& context) {
  Meaning meaning = meaning_of(error, context);
  std::string message = fmt::format("{}: {} ({})", context.doing, meaning.what, particulars(error));
  if (meaning.kind == ErrorKind::kIo && !error.message.empty()) message += ": " + error.message;
  return make_error(meaning.kind, std::move(message), std::move(meaning.hint));
}

}  // namespace walkback::s3
