#include "s3/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::s3 {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Credentials keys(std::string id, std::string secret) {
  Credentials credentials;
  credentials.access_key_id = std::move(id);
  credentials.secret_access_key = std::move(secret);
  return credentials;
}

std::string header(const std::vector<net::Header>& headers, std::string_view name) {
  for (const net::Header& each : headers) {
    if (each.name == name) return each.value;
  }
  return "";
}

// --- the examples of the S3 API reference ---

struct S3Examples : ::testing::Test {
  // 2013-05-24 00:00:00 UTC
  const Scope scope{.time = {1'369'353'600'000'000}, .region = "us-east-1"};
  const Credentials credentials =
      keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");

  std::string sign(SignedParts parts) {
    parts.host = "examplebucket.s3.amazonaws.com";
    if (parts.payload_hash.empty()) parts.payload_hash = kEmptyHash;
    return header(signing_headers(parts, scope, credentials), "Authorization");
  }
};

TEST_F(S3Examples, GetObjectWithARange) {
  EXPECT_EQ(sign({.path = "/test.txt", .headers = {{"Range", "bytes=0-9"}}}),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(S3Examples, PutObject) {
  std::string hash = sha256_hex(as_bytes("Welcome to Amazon S3."));
  EXPECT_EQ(hash, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  EXPECT_THAT(sign({.method = net::Method::kPut,
                    .path = "/test%24file.text",
                    .headers = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                                {"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
                    .payload_hash = hash}),
              HasSubstr("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST_F(S3Examples, GetBucketLifecycle) {
  EXPECT_THAT(sign({.path = "/", .query = {{"lifecycle", ""}}}),
              HasSubstr("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST_F(S3Examples, ListObjects) {
  EXPECT_THAT(sign({.path = "/", .query = {{"prefix", "J"}, {"max-keys", "2"}}}),
              HasSubstr("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST_F(S3Examples, TheIntermediateTextsAreThoseOfThePage) {
  std::string canonical =
      canonical_request({.host = "examplebucket.s3.amazonaws.com",
                         .path = "/test.txt",
                         .headers = {{"Range", "bytes=0-9"},
                                     {"x-amz-date", "20130524T000000Z"},
                                     {"x-amz-content-sha256", std::string(kEmptyHash)}},
                         .payload_hash = std::string(kEmptyHash)});
  EXPECT_EQ(canonical,
            "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n"
            "x-amz-content-sha256:" +
                std::string(kEmptyHash) +
                "\nx-amz-date:20130524T000000Z\n\n"
                "host;range;x-amz-content-sha256;x-amz-date\n" +
                std::string(kEmptyHash));
  EXPECT_EQ(string_to_sign(canonical, scope),
            "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
            "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
}

// --- AWS's test suite for Signature Version 4 (aws-sig-v4-test-suite) ---

constexpr std::string_view kSuiteToken =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfI"
    "eoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0"
    "wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"
    "scqKmlzm8FDrypN"
    "C9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
constexpr std::string_view kUnreserved =
    "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct SuiteCase {
  std::string name;
  SignedParts parts;
  std::string signature;
};

std::vector<SuiteCase> suite() {
  std::string unreserved(kUnreserved);
  return {
      {"get-vanilla", {}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-vanilla-query-order-key",
       {.query = {{"Param1", "value2"}, {"Param1", "Value1"}}},
       "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
      {"get-vanilla-query-order-key-case",
       {.query = {{"Param2", "value2"}, {"Param1", "value1"}}},
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-order-value",
       {.query = {{"Param1", "value2"}, {"Param1", "value1"}}},
       "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
      {"get-vanilla-query-unreserved",
       {.query = {{unreserved, unreserved}}},
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"get-header-value-trim",
       {.headers = {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}},
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"get-unreserved",
       {.path = "/" + unreserved},
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-space",
       {.path = "/example%20space/"},
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
      {"post-vanilla",
       {.method = net::Method::kPost},
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-header-value-case",
       {.method = net::Method::kPost, .headers = {{"My-Header1", "VALUE1"}}},
       "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
      {"post-x-www-form-urlencoded",
       {.method = net::Method::kPost,
        .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
        .payload_hash = sha256_hex(as_bytes("Param1=value1"))},
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
      {"post-sts-header-before",
       {.method = net::Method::kPost,
        .headers = {{"X-Amz-Security-Token", std::string(kSuiteToken)}}},
       "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
  };
}

TEST(SignatureTestSuite, EveryCaseIsSignedAsAwsSignsIt) {
  // 2015-08-30 12:36:00 UTC
  const Scope scope{.time = {1'440'938'160'000'000}, .region = "us-east-1", .service = "service"};
  const Credentials credentials = keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  for (SuiteCase& each : suite()) {
    each.parts.host = "example.amazonaws.com";
    if (each.parts.path.empty()) each.parts.path = "/";
    if (each.parts.payload_hash.empty()) each.parts.payload_hash = kEmptyHash;
    each.parts.headers.push_back({"X-Amz-Date", "20150830T123600Z"});
    EXPECT_THAT(authorization(each.parts, scope, credentials),
                HasSubstr("Signature=" + each.signature))
        << each.name;
  }
}

// --- what servers were seen to refuse from other clients ---

TEST(Signature, HeadersAreSortedByNameNotByLine) {
  std::string text =
      canonical_request({.host = "h",
                         .path = "/",
                         .headers = {{"x-amz-meta-foo-bar", "1"}, {"x-amz-meta-foo", "2"}},
                         .payload_hash = "p"});
  EXPECT_THAT(text, HasSubstr("host:h\nx-amz-meta-foo:2\nx-amz-meta-foo-bar:1\n\n"
                              "host;x-amz-meta-foo;x-amz-meta-foo-bar\n"));
}

TEST(Signature, AQueryIsSortedEncodedAndKeepsEmptyValues) {
  EXPECT_EQ(canonical_query({{"prefix", "a/b c"}, {"list-type", "2"}, {"delimiter", "/"}}),
            "delimiter=%2F&list-type=2&prefix=a%2Fb%20c");
  EXPECT_EQ(canonical_query({{"uploads", ""}}), "uploads=");
  EXPECT_EQ(canonical_query({}), "");
}

TEST(Signature, ASessionTokenIsSentAndSigned) {
  Credentials credentials = keys("id", "secret");
  credentials.session_token = "token/+=";
  std::vector<net::Header> headers =
      signing_headers({.host = "h", .path = "/", .payload_hash = std::string(kEmptyHash)},
                      {.time = {0}, .region = "r"}, credentials);
  EXPECT_EQ(header(headers, "x-amz-security-token"), "token/+=");
  EXPECT_THAT(header(headers, "Authorization"),
              HasSubstr("host;x-amz-content-sha256;x-amz-date;x-amz-security-token"));
}

TEST(Signature, PiecesAreHashedAsOne) {
  EXPECT_EQ(sha256_hex({as_bytes("Welcome to "), as_bytes(""), as_bytes("Amazon S3.")}),
            sha256_hex(as_bytes("Welcome to Amazon S3.")));
}

// RFC 1864's form; the digest of nothing is known by heart.
TEST(Signature, ContentMd5IsBase64OfTheDigest) {
  EXPECT_EQ(content_md5(""), "1B2M2Y8AsgTpgAmY7PhCfg==");
}

TEST(Signature, DatesAreWrittenInUtc) {
  EXPECT_EQ(amz_date({0}), "19700101T000000Z");
  EXPECT_EQ(amz_date({951'782'400'999'999}), "20000229T000000Z");
  EXPECT_EQ(amz_date({4'102'444'799'000'000}), "20991231T235959Z");
}

}  // namespace
}  // namespace walkback::s3
