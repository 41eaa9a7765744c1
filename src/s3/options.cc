#include "s3/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "net/url.h"
#include "store/object_store.h"

namespace walkback::s3 {
namespace {

constexpr uint64_t kMinPartBytes = uint64_t{5} << 20;  // S3: all parts but the last
constexpr uint64_t kMaxPartBytes = uint64_t{5} << 30;
constexpr int kMaxParts = 10'000;
constexpr size_t kMaxTags = 10;
// S3's keys have 1024 bytes; the longest ObjectKey 900.
constexpr size_t kMaxPrefix = 120;

Error invalid(std::string message, std::string hint = {}) {
  return make_error(ErrorKind::kInvalid, std::move(message), std::move(hint));
}

// AWS, "Bucket naming rules"; the oldest buckets may also have upper case and '_', and be longer.
bool is_bucket_name(std::string_view name) {
  auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  };
  return name.size() >= 3 && name.size() <= 255 && std::ranges::all_of(name, is_allowed) &&
         !name.starts_with('.') && name.find("..") == std::string_view::npos;
}

// A part of a host name; so nothing in it can lead elsewhere.
bool is_region_name(std::string_view name) {
  auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, is_allowed);
}

std::string aws_domain(std::string_view region) {
  return region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

bool is_aws_host(std::string_view host) {
  return host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
}

bool is_aws_endpoint(const std::string& endpoint) {
  const Result<net::Url> url = net::parse_url(endpoint);
  return url.ok() && is_aws_host(url->host());
}

Result<void> check_names(const S3Options& options) {
  if (!is_bucket_name(options.bucket)) {
    return invalid("\"" + options.bucket.substr(0, 100) + "\" is not the name of a bucket",
                   "an S3 repository is written s3://bucket or s3://bucket/prefix");
  }
  if (options.prefix.size() > kMaxPrefix ||
      (!options.prefix.empty() && !store::ObjectKey::parse(options.prefix).ok())) {
    return invalid(
        "the prefix \"" + options.prefix.substr(0, 100) + "\" cannot be used",
        "a prefix has parts of letters, digits, '.', '_' and '-', with '/' between them, and at "
        "most 120 characters");
  }
  if (!is_region_name(options.region)) {
    return invalid(
        options.region.empty()
            ? "no region is given for s3://" + options.bucket
            : "\"" + options.region.substr(0, 100) + "\" is not the name of a region",
        "give the region that the bucket lies in, such as eu-central-1 (Frankfurt); for a "
        "server of your own, what it is configured with (often us-east-1)");
  }
  return success();
}

Result<void> check_headers(const S3Options& options) {
  if (!options.encryption.empty() && options.encryption != "AES256" &&
      options.encryption != "aws:kms") {
    return invalid("server-side encryption \"" + options.encryption + "\" is not known",
                   "use AES256, aws:kms, or leave it out");
  }
  if (!options.kms_key_id.empty() && options.encryption != "aws:kms") {
    return invalid("a KMS key is given, but server-side encryption is not aws:kms",
                   "set server-side encryption to aws:kms, or leave the key out");
  }
  if (options.tags.size() > kMaxTags) {
    return invalid(
        fmt::format("{} object tags are given; S3 takes {}", options.tags.size(), kMaxTags));
  }
  return success();
}

Result<void> check_numbers(const S3Options& options) {
  if (options.part_bytes < kMinPartBytes || options.part_bytes > kMaxPartBytes) {
    return invalid(fmt::format("a part size of {} bytes cannot be used", options.part_bytes),
                   "S3 takes parts of 5 MiB to 5 GiB");
  }
  if (options.uploads_in_flight < 1 || options.uploads_in_flight > 256) {
    return invalid(fmt::format("{} uploads in flight cannot be", options.uploads_in_flight),
                   "use 1 to 256");
  }
  if (options.max_parts < 2 || options.max_parts > kMaxParts) {
    return invalid(fmt::format("{} parts for an object cannot be", options.max_parts),
                   fmt::format("use 2 to {}", kMaxParts));
  }
  return success();
}

Result<void> complete_endpoint(S3Options& options) {
  if (options.endpoint.empty()) {
    options.endpoint = fmt::format("https://s3.{}.{}", options.region, aws_domain(options.region));
  }
  net::Url url = TRY_CONTEXT(net::parse_url(options.endpoint), "S3 endpoint");
  if (!url.query.empty() || url.path != "/") {
    return invalid(
        "the S3 endpoint " + options.endpoint + " has a path",
        "an endpoint is scheme, host and port; the bucket stands in the repository's URL");
  }
  options.endpoint = url.scheme + "://" + url.authority;
  return success();
}

}  // namespace

Result<void> parse_s3_url(std::string_view url, S3Options& options) {
  constexpr std::string_view kScheme = "s3://";
  std::string_view rest = url;
  if (!rest.starts_with(kScheme)) return invalid("\"" + std::string(url) + "\" is no s3:// URL");
  rest.remove_prefix(kScheme.size());
  size_t slash = rest.find('/');
  options.bucket = rest.substr(0, slash);
  options.prefix = slash == std::string_view::npos ? "" : std::string(rest.substr(slash + 1));
  if (options.prefix.ends_with('/')) options.prefix.pop_back();
  if (is_bucket_name(options.bucket)) return success();
  return invalid("the repository URL names no usable bucket",
                 "an S3 repository is written s3://bucket or s3://bucket/prefix");
}

Result<S3Options> complete_options(S3Options options) {
  TRY(check_names(options));
  TRY(check_headers(options));
  TRY(check_numbers(options));
  TRY(complete_endpoint(options));
  bool aws = is_aws(options);
  if (options.addressing == Addressing::kAuto) {
    // A certificate for *.s3.REGION.amazonaws.com does not cover a bucket with a dot in its name.
    bool dotted = options.bucket.find('.') != std::string::npos;
    options.addressing = aws && !dotted ? Addressing::kVirtualHost : Addressing::kPath;
  }
  if (!options.pack_storage_class) {
    options.pack_storage_class = default_pack_storage_class(options.endpoint);
  }
  if (aws && options.conditional_writes == ConditionalWrites::kDetect) {
    options.conditional_writes = ConditionalWrites::kYes;
  }
  return options;
}

std::string s3_url(const S3Options& options) {
  return "s3://" + options.bucket + (options.prefix.empty() ? "" : "/" + options.prefix);
}

std::string default_pack_storage_class(const std::string& endpoint) {
  return endpoint.empty() || is_aws_endpoint(endpoint) ? "STANDARD_IA" : "";
}

bool is_aws(const S3Options& complete) { return is_aws_endpoint(complete.endpoint); }

Target target_of(const S3Options& complete, std::string_view encoded_key) {
  size_t colon = complete.endpoint.find("://");
  Target target{.scheme = complete.endpoint.substr(0, colon),
                .host = complete.endpoint.substr(colon + 3),
                .path = "/"};
  if (complete.addressing == Addressing::kVirtualHost) {
    target.host = complete.bucket + "." + target.host;
  } else {
    target.path += complete.bucket;
    if (!encoded_key.empty()) target.path += '/';
  }
  target.path += encoded_key;
  return target;
}

}  // namespace walkback::s3
