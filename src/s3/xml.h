// What S3 answers, out of its XML. Bytes from outside: bounded, never trusted, and what is not
// understood is an error rather than a guess.
//
// Element names: Amazon S3 API Reference, the response of each action.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace walkback::s3 {

// The largest answer is a listing of 1000 keys of 1024 bytes, each byte written as "%XX" at worst.
inline constexpr uint64_t kMaxXmlBytes = uint64_t{8} << 20;

struct ErrorDocument {
  std::string code;
  std::string message;
  std::string request_id;
  std::string host_id;
  std::string region;       // which one the server expects, where it says so
  std::string server_time;  // of RequestTimeTooSkewed
};
// Nothing when the body is no error document: an empty body, a proxy's HTML page.
std::optional<ErrorDocument> parse_error(ByteView body);

struct ListedObject {
  std::string key;
  uint64_t size = 0;
};
struct ObjectPage {
  std::vector<ListedObject> objects;
  std::vector<std::string> common_prefixes;
  std::string next_token;  // empty on the last page
};
// ListObjectsV2
Result<ObjectPage> parse_object_page(ByteView body);

struct ListedUpload {
  std::string key;
  std::string upload_id;
  std::string initiated;  // ISO 8601
};
struct UploadPage {
  std::vector<ListedUpload> uploads;
  std::string next_key;  // markers of the next page; empty on the last
  std::string next_upload_id;
};
// ListMultipartUploads
Result<UploadPage> parse_upload_page(ByteView body);

// CreateMultipartUpload
Result<std::string> parse_upload_id(ByteView body);
// CompleteMultipartUpload: the object's ETag. (An error document may come with status 200: ask
// parse_error() first.)
Result<std::string> parse_completed_etag(ByteView body);

struct DeleteFailure {
  std::string key;
  std::string code;
  std::string message;
};
// DeleteObjects: what could not be deleted.
Result<std::vector<DeleteFailure>> parse_delete_failures(ByteView body);

// GetBucketLocation; "" is us-east-1 at AWS.
Result<std::string> parse_location(ByteView body);

// GetBucketVersioning and the like: the text of the first element of this name, anywhere below the
// root; empty when absent.
Result<std::string> find_text(ByteView body, std::string_view element);

// Temporary credentials: AssumeRoleWithWebIdentity of STS.
struct AssumedRole {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::string expiration;  // ISO 8601
};
Result<AssumedRole> parse_assumed_role(ByteView body);

// --- what we send ---

std::string xml_escape(std::string_view text);
// CompleteMultipartUpload; ETags by part number, the first is part 1.
std::string completion_document(const std::vector<std::string>& etags);
// DeleteObjects, answering only failures.
std::string deletion_document(const std::vector<std::string>& keys);

}  // namespace walkback::s3
