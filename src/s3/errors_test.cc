#include "s3/errors.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time_text.h"

namespace walkback::s3 {
namespace {

using ::testing::HasSubstr;

net::Response refusal(int status, std::string_view code, std::string_view message = "",
                      std::string_view more = "") {
  std::string body =
      fmt::format("<Error><Code>{}</Code><Message>{}</Message>{}<RequestId>R-1</RequestId></Error>",
                  code, message, more);
  return {.status = status, .body = to_bytes(as_bytes(body))};
}

ErrorContext context(Action action = Action::kPut) {
  return {.action = action,
          .doing = "storing a/b in s3://backups",
          .bucket = "backups",
          .region = "eu-central-1",
          .endpoint = "https://s3.eu-central-1.amazonaws.com",
          .credentials = "profile x in /root/.aws/credentials",
          .now = parse_iso_utc("2026-11-22T15:00:00Z").value()};
}

Error explained(const net::Response& response, Action action = Action::kPut) {
  return explain(read_service_error(response), context(action));
}

TEST(ServiceErrors, EachCommonOneHasItsOwnWordsHintAndTheRequestId) {
  struct Case {
    net::Response response;
    ErrorKind kind;
    std::string_view says;
    std::string_view hint;
  };
  const std::vector<Case> cases{
      {refusal(404, "NoSuchBucket"), ErrorKind::kMissing, "there is no bucket backups", "create"},
      {refusal(403, "InvalidAccessKeyId"), ErrorKind::kDenied, "does not know the access key",
       "profile x in /root/.aws/credentials"},
      {refusal(403, "SignatureDoesNotMatch"), ErrorKind::kDenied, "signature does not match",
       "secret key"},
      {refusal(400, "ExpiredToken"), ErrorKind::kDenied, "have expired", "get new ones"},
      {refusal(400, "InvalidToken"), ErrorKind::kDenied, "session token is not valid",
       "AWS_SESSION_TOKEN"},
      {refusal(403, "AccessDenied"), ErrorKind::kDenied, "s3:PutObject is denied", "policy"},
      {refusal(400, "KMS.DisabledException", "the key is disabled"), ErrorKind::kDenied,
       "encryption key cannot be used: the key is disabled", "kms:GenerateDataKey"},
      {refusal(403, "AccessDenied", "not authorized to perform: kms:GenerateDataKey"),
       ErrorKind::kDenied, "encryption key cannot be used", "kms:Decrypt"},
      {refusal(404, "NoSuchUpload"), ErrorKind::kConflict, "upload is gone", "lifecycle rule"},
      {refusal(400, "EntityTooLarge"), ErrorKind::kUnsupported, "larger than the server takes",
       "part size"},
      {refusal(400, "EntityTooSmall"), ErrorKind::kUnsupported, "smaller than the server takes",
       "part size"},
      {refusal(403, "QuotaExceeded"), ErrorKind::kNoSpace, "quota is used up", "free space"},
      {refusal(400, "InvalidStorageClass"), ErrorKind::kInvalid, "storage class", "STANDARD"},
      {refusal(403, "InvalidObjectState"), ErrorKind::kUnsupported, "archive class", "Glacier"},
      {refusal(501, "NotImplemented"), ErrorKind::kUnsupported, "does not know how", "check"},
      {refusal(503, "SlowDown"), ErrorKind::kTransient, "busy or has a fault", "later"},
  };
  for (const Case& each : cases) {
    Error error = explained(each.response);
    EXPECT_EQ(error.kind, each.kind) << error.message;
    EXPECT_THAT(error.message, HasSubstr(each.says));
    EXPECT_THAT(error.message, HasSubstr("storing a/b in s3://backups: "));
    EXPECT_THAT(error.message, HasSubstr("request id R-1"));
    EXPECT_THAT(error.hint, HasSubstr(each.hint)) << error.message;
  }
}

TEST(ServiceErrors, ADeniedActionIsNamedAsInAPolicy) {
  net::Response denied = refusal(403, "AccessDenied");
  EXPECT_THAT(explained(denied, Action::kList).message, HasSubstr("s3:ListBucket is denied"));
  EXPECT_THAT(explained(denied, Action::kDelete).message, HasSubstr("s3:DeleteObject is denied"));
  Error get = explained(denied, Action::kGet);
  EXPECT_THAT(get.message, HasSubstr("s3:GetObject is denied"));
  EXPECT_THAT(get.hint, HasSubstr("without s3:ListBucket"));
}

TEST(ServiceErrors, AnotherRegionIsNamedWhereverItIsTold) {
  net::Response by_header{.status = 301, .headers = {{"x-amz-bucket-region", "us-west-2"}}};
  net::Response by_element =
      refusal(400, "AuthorizationHeaderMalformed", "no", "<Region>us-west-2</Region>");
  net::Response by_message = refusal(
      400, "AuthorizationHeaderMalformed",
      "The authorization header is malformed; the region 'eu-central-1' is wrong; expecting "
      "'us-west-2'");
  for (const net::Response& response : {by_header, by_element, by_message}) {
    Error error = explained(response);
    EXPECT_EQ(error.kind, ErrorKind::kInvalid);
    EXPECT_THAT(error.message,
                HasSubstr("lies in region us-west-2, not in the configured region eu-central-1"));
  }
  net::Response untold{.status = 307, .headers = {{"location", "https://elsewhere/"}}};
  EXPECT_THAT(explained(untold).message, HasSubstr("lies in another region"));
}

TEST(ServiceErrors, SkewSaysBothClocks) {
  net::Response skewed = refusal(403, "RequestTimeTooSkewed", "too large",
                                 "<ServerTime>2026-11-22T14:00:00Z</ServerTime>");
  EXPECT_THAT(explained(skewed).message,
              HasSubstr("this host's clock (2026-11-22T15:00:00Z) and the server's "
                        "(2026-11-22T14:00:00Z) differ"));
  net::Response by_header = refusal(403, "RequestTimeTooSkewed");
  by_header.headers = {{"date", "Sun, 22 Nov 2026 13:00:00 GMT"}};
  EXPECT_THAT(explained(by_header).message, HasSubstr("(2026-11-22T13:00:00Z)"));
}

TEST(ServiceErrors, AnAnswerWithoutABodyIsUnderstoodByItsStatus) {
  EXPECT_TRUE(is_absent(read_service_error({.status = 404})));
  EXPECT_FALSE(is_absent(read_service_error(refusal(404, "NoSuchBucket"))));
  EXPECT_TRUE(is_absent(read_service_error(refusal(404, "NoSuchKey"))));
  EXPECT_THAT(explained({.status = 403}).message,
              HasSubstr("is denied (AccessDenied, status 403)"));
}

TEST(ServiceErrors, AServersWordsAreTamed) {
  Error error = explained(refusal(418, "Tea", "one\ntwo\x1b[31m" + std::string(1'000, 'x')));
  EXPECT_EQ(error.message.find_first_of("\n\x1b"), std::string::npos);
  EXPECT_LT(error.message.size(), 500u);
}

TEST(ServiceErrors, WhatMayPassIsKnown) {
  for (auto [status, code] : std::initializer_list<std::pair<int, std::string_view>>{
           {503, "SlowDown"},
           {400, "RequestTimeout"},
           {500, "InternalError"},
           {429, ""},
           {200, "InternalError"},
           {400, "BadDigest"},
           {400, "XAmzContentSHA256Mismatch"}}) {
    EXPECT_TRUE(is_transient(read_service_error(refusal(status, code)))) << code;
  }
  for (std::string_view code : {"AccessDenied", "NoSuchKey", "ExpiredToken", "InvalidPart"}) {
    EXPECT_FALSE(is_transient(read_service_error(refusal(400, code)))) << code;
  }
  EXPECT_TRUE(is_write_conflict(read_service_error(refusal(409, "ConditionalRequestConflict"))));
  EXPECT_FALSE(is_write_conflict(read_service_error(refusal(409, "BucketNotEmpty"))));
}

}  // namespace
}  // namespace walkback::s3
