// What a user says about an S3 repository.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/retry.h"

namespace walkback::s3 {

enum class Addressing {
  kAuto,         // virtual hosts at AWS, paths at an endpoint of one's own
  kPath,         // https://endpoint/bucket/key
  kVirtualHost,  // https://bucket.endpoint/key
};

// Does the server refuse `If-None-Match: *` when the object exists?
enum class ConditionalWrites {
  kDetect,  // AWS does; another server is asked once, before the first object is put
  kYes,
  kNo,
};

struct S3Options {
  std::string bucket;
  std::string prefix;    // as an ObjectKey, without '/' at either end; empty: the whole bucket
  std::string region;    // must be where the bucket lies
  std::string endpoint;  // "https://host:port"; empty: AWS's own for the region
  Addressing addressing = Addressing::kAuto;

  // Of objects with "/packs/" in their key, and of all others. Not given: the default below. "" and
  // "STANDARD" send no header.
  std::optional<std::string> pack_storage_class;
  std::string storage_class;

  std::string encryption;  // "", "AES256" or "aws:kms"
  std::string kms_key_id;  // for aws:kms; empty: the account's default key
  std::vector<std::pair<std::string, std::string>> tags;

  ConditionalWrites conditional_writes = ConditionalWrites::kDetect;

  // Objects above one part are uploaded in parts, `uploads_in_flight` at a time for all objects
  // together. Memory: (uploads_in_flight + objects being written) * part_bytes.
  uint64_t part_bytes = uint64_t{8} << 20;
  int uploads_in_flight = 8;
  int max_parts = 10'000;  // what the server takes

  // Each operation of the store, with all its attempts; a part of a large object counts as one.
  std::chrono::milliseconds operation_timeout{600'000};
  net::RetryPolicy retry;
};

// Of packs at this endpoint: STANDARD_IA at AWS, which an empty one means, "" elsewhere.
std::string default_pack_storage_class(const std::string& endpoint);

// "s3://bucket" or "s3://bucket/prefix" into the two members; kInvalid with what is wrong.
Result<void> parse_s3_url(std::string_view url, S3Options& options);

// Everything that can be wrong before a request is made; fills in what is not given. `endpoint` is
// set afterwards. kInvalid, naming the option.
Result<S3Options> complete_options(S3Options options);

// "s3://bucket/prefix"
std::string s3_url(const S3Options& options);

bool is_aws(const S3Options& complete);

// Where a request for a key (encoded; empty for the bucket) goes.
struct Target {
  std::string scheme;
  std::string host;  // as the Host header has it
  std::string path;  // encoded
};
Target target_of(const S3Options& complete, std::string_view encoded_key);

}  // namespace walkback::s3
