#include "s3/xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::s3 {
namespace {

using ::testing::ElementsAre;

template <typename T>
void expect_corrupt(const Result<T>& result) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kCorrupt);
}

constexpr std::string_view kPage = R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Name>bucket</Name><Prefix>p/</Prefix><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys>
  <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
  <NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken>
  <Contents><Key>p/a%20b</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>
    <ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag><Size>434234</Size>
    <StorageClass>STANDARD</StorageClass></Contents>
  <Contents><Key>p/c+d</Key><Size>0</Size></Contents>
  <CommonPrefixes><Prefix>p/folder/</Prefix></CommonPrefixes>
</ListBucketResult>)";

TEST(ObjectPage, IsReadWithItsKeysDecoded) {
  ObjectPage page = parse_object_page(as_bytes(kPage)).value();
  ASSERT_EQ(page.objects.size(), 2u);
  EXPECT_EQ(page.objects[0].key, "p/a b");
  EXPECT_EQ(page.objects[0].size, 434234u);
  EXPECT_EQ(page.objects[1].key, "p/c d");
  EXPECT_THAT(page.common_prefixes, ElementsAre("p/folder/"));
  EXPECT_EQ(page.next_token, "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=");
}

TEST(ObjectPage, KeysAreAsTheyStandWhenNotSaidToBeEncoded) {
  ObjectPage page = parse_object_page(as_bytes("<ListBucketResult><Contents><Key>a%20&amp;b</Key>"
                                               "<Size>1</Size></Contents></ListBucketResult>"))
                        .value();
  EXPECT_EQ(page.objects[0].key, "a%20&b");
  EXPECT_EQ(page.next_token, "");
}

TEST(ObjectPage, WhatIsNotOneIsCorrupt) {
  expect_corrupt(parse_object_page({}));
  expect_corrupt(parse_object_page(as_bytes("<html><body>504 Gateway</body></html>")));
  expect_corrupt(parse_object_page(as_bytes(kPage.substr(0, 700))));
  expect_corrupt(parse_object_page(
      as_bytes("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>")));
  expect_corrupt(parse_object_page(
      as_bytes("<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents>"
               "</ListBucketResult>")));
  expect_corrupt(parse_object_page(
      as_bytes("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>")));
  std::string many = "<ListBucketResult>";
  for (int i = 0; i < 1'001; ++i) many += "<Contents><Size>1</Size></Contents>";
  expect_corrupt(parse_object_page(as_bytes(many + "</ListBucketResult>")));
}

TEST(Xml, NeitherBombsNorDepthHurt) {
  std::string bomb = R"(<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">
    <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><LocationConstraint>&b;</LocationConstraint>)";
  Result<std::string> location = parse_location(as_bytes(bomb));
  EXPECT_LT(location.ok() ? location->size() : 0, 10u);
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "<a>";
  (void)find_text(as_bytes(deep), "b");
  for (int i = 0; i < 200'000; ++i) deep += "</a>";
  EXPECT_EQ(find_text(as_bytes(deep), "b").value(), "");
  expect_corrupt(parse_location(as_bytes(std::string(kMaxXmlBytes + 1, ' '))));
}

TEST(ErrorDocument, IsRead) {
  auto error = parse_error(as_bytes(
      "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The region is wrong</Message>"
      "<Region>eu-central-1</Region><RequestId>4442587FB7D0A2F9</RequestId><HostId>h</HostId>"
      "<ServerTime>2024-01-02T03:04:05Z</ServerTime></Error>"));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, "AuthorizationHeaderMalformed");
  EXPECT_EQ(error->message, "The region is wrong");
  EXPECT_EQ(error->region, "eu-central-1");
  EXPECT_EQ(error->request_id, "4442587FB7D0A2F9");
  EXPECT_EQ(error->host_id, "h");
  EXPECT_EQ(error->server_time, "2024-01-02T03:04:05Z");
}

TEST(ErrorDocument, AnythingElseIsNone) {
  EXPECT_FALSE(parse_error({}));
  EXPECT_FALSE(parse_error(as_bytes("busy")));
  EXPECT_FALSE(parse_error(as_bytes("<CompleteMultipartUploadResult/>")));
}

TEST(UploadPage, IsRead) {
  UploadPage page =
      parse_upload_page(as_bytes("<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
                                 "<EncodingType>url</EncodingType>"
                                 "<NextKeyMarker>k%2F2</NextKeyMarker>"
                                 "<NextUploadIdMarker>u2</NextUploadIdMarker>"
                                 "<Upload><Key>k%2F1</Key><UploadId>u1</UploadId>"
                                 "<Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload>"
                                 "</ListMultipartUploadsResult>"))
          .value();
  ASSERT_EQ(page.uploads.size(), 1u);
  EXPECT_EQ(page.uploads[0].key, "k/1");
  EXPECT_EQ(page.uploads[0].upload_id, "u1");
  EXPECT_EQ(page.uploads[0].initiated, "2010-11-10T20:48:33.000Z");
  EXPECT_EQ(page.next_key, "k/2");
  EXPECT_EQ(page.next_upload_id, "u2");
}

TEST(Xml, SmallAnswersAreRead) {
  EXPECT_EQ(parse_upload_id(as_bytes("<InitiateMultipartUploadResult><UploadId>VXBs</UploadId>"
                                     "</InitiateMultipartUploadResult>"))
                .value(),
            "VXBs");
  expect_corrupt(parse_upload_id(as_bytes("<InitiateMultipartUploadResult/>")));
  EXPECT_EQ(parse_completed_etag(as_bytes("<CompleteMultipartUploadResult><ETag>\"e-2\"</ETag>"
                                          "</CompleteMultipartUploadResult>"))
                .value(),
            "\"e-2\"");
  EXPECT_EQ(
      parse_location(as_bytes("<LocationConstraint>eu-central-1</LocationConstraint>")).value(),
      "eu-central-1");
  EXPECT_EQ(parse_location(as_bytes("<LocationConstraint/>")).value(), "");
  EXPECT_EQ(find_text(as_bytes("<A><B><Status>Enabled</Status></B></A>"), "Status").value(),
            "Enabled");
  auto failures = parse_delete_failures(as_bytes(
      "<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code><Message>m</Message></Error>"
      "<Deleted><Key>other</Key></Deleted></DeleteResult>"));
  ASSERT_EQ(failures->size(), 1u);
  EXPECT_EQ((*failures)[0].code, "AccessDenied");
}

TEST(AssumedRole, NeedsAllThreeParts) {
  std::string whole =
      "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
      "<SessionToken>t</SessionToken><SecretAccessKey>s</SecretAccessKey>"
      "<Expiration>2014-10-24T23:00:23Z</Expiration><AccessKeyId>ASIA</AccessKeyId>"
      "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
  AssumedRole role = parse_assumed_role(as_bytes(whole)).value();
  EXPECT_EQ(role.access_key_id, "ASIA");
  EXPECT_EQ(role.secret_access_key, "s");
  EXPECT_EQ(role.session_token, "t");
  EXPECT_EQ(role.expiration, "2014-10-24T23:00:23Z");
  std::string cut = whole;
  cut.replace(cut.find("<SessionToken>t"), 15, "<SessionToken>");
  expect_corrupt(parse_assumed_role(as_bytes(cut)));
}

TEST(Documents, AreWrittenWithEverythingEscaped) {
  EXPECT_EQ(completion_document({"\"a\"", "b"}),
            "<CompleteMultipartUpload>"
            "<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>b</ETag></Part></CompleteMultipartUpload>");
  EXPECT_EQ(deletion_document({"a<b>&c"}),
            "<Delete><Quiet>true</Quiet><Object><Key>a&lt;b&gt;&amp;c</Key></Object></Delete>");
}

}  // namespace
}  // namespace walkback::s3
