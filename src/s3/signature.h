// Signature Version 4 of Amazon's web services, as S3 wants it.
//
// Source: AWS, "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)",
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html.
// Pure functions; the tests are the examples of that page and cases of AWS's test suite.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "net/http.h"
#include "s3/credentials.h"

namespace walkback::s3 {

using QueryParameters = std::vector<std::pair<std::string, std::string>>;  // not encoded

// What is signed of a request.
struct SignedParts {
  net::Method method = net::Method::kGet;
  std::string host;  // as the Host header has it
  std::string path;  // encoded once, as it goes out: S3 neither normalises nor encodes twice
  QueryParameters query;
  std::vector<net::Header> headers;  // all but host; each name once, in any case
  std::string payload_hash;          // in hexadecimal
};

// Where and when a signature holds.
struct Scope {
  Timestamp time;
  std::string region;
  std::string service = "s3";
};

std::string sha256_hex(ByteView data);
std::string sha256_hex(const std::vector<ByteView>& pieces);

// The Content-MD5 header for a body: not part of the signature, but what DeleteObjects wants, and
// the one checksum that every server knows.
std::string content_md5(std::string_view body);

// "list-type=2&prefix=a%2F": encoded, and sorted as the signature wants it. A parameter without a
// value keeps its '='.
std::string canonical_query(const QueryParameters& query);
std::string canonical_request(const SignedParts& parts);
std::string string_to_sign(std::string_view canonical_request, const Scope& scope);
// "20130524T000000Z"
std::string amz_date(Timestamp time);

// The value of the Authorization header; `parts.headers` must already hold x-amz-date and, with a
// session token, x-amz-security-token.
std::string authorization(const SignedParts& parts, const Scope& scope,
                          const Credentials& credentials);

// The headers that make `parts` a signed S3 request, to be sent beside parts.headers: x-amz-date,
// x-amz-content-sha256, x-amz-security-token where there is one, and authorization.
std::vector<net::Header> signing_headers(SignedParts parts, const Scope& scope,
                                         const Credentials& credentials);

}  // namespace walkback::s3
