#include "s3/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::s3 {
namespace {

using ::testing::HasSubstr;

S3Options of(std::string bucket, std::string region = "eu-central-1") {
  return {.bucket = std::move(bucket), .region = std::move(region)};
}

std::string url_of(const S3Options& options, std::string_view key) {
  Target target = target_of(complete_options(options).value(), key);
  return target.scheme + "://" + target.host + target.path;
}

TEST(S3Url, IsBucketAndPrefix) {
  S3Options options;
  ASSERT_TRUE(parse_s3_url("s3://backups/prod/pg/", options).ok());
  EXPECT_EQ(options.bucket, "backups");
  EXPECT_EQ(options.prefix, "prod/pg");
  EXPECT_EQ(s3_url(options), "s3://backups/prod/pg");
  ASSERT_TRUE(parse_s3_url("s3://backups", options).ok());
  EXPECT_EQ(options.prefix, "");
  for (std::string_view bad : {"s3://", "s3:///x", "https://bucket", "s3://a", "s3://b ad"}) {
    EXPECT_FALSE(parse_s3_url(bad, options).ok()) << bad;
  }
}

TEST(S3Options, AtAwsBucketsAreHostsUnlessTheCertificateWouldNotFit) {
  EXPECT_EQ(url_of(of("backups"), "a/b"), "https://backups.s3.eu-central-1.amazonaws.com/a/b");
  EXPECT_EQ(url_of(of("backups"), ""), "https://backups.s3.eu-central-1.amazonaws.com/");
  EXPECT_EQ(url_of(of("my.backups"), "k"), "https://s3.eu-central-1.amazonaws.com/my.backups/k");
  EXPECT_EQ(url_of(of("backups", "cn-north-1"), "k"),
            "https://backups.s3.cn-north-1.amazonaws.com.cn/k");
}

TEST(S3Options, AtAnEndpointOfOnesOwnBucketsAreInThePath) {
  S3Options options = of("backups");
  options.endpoint = "http://ceph.internal:7480/";
  EXPECT_EQ(url_of(options, "a/b"), "http://ceph.internal:7480/backups/a/b");
  EXPECT_EQ(url_of(options, ""), "http://ceph.internal:7480/backups");
  options.addressing = Addressing::kVirtualHost;
  EXPECT_EQ(url_of(options, "k"), "http://backups.ceph.internal:7480/k");
}

TEST(S3Options, StorageClassAndConditionsAreAssumedOnlyOfAws) {
  S3Options aws = complete_options(of("backups")).value();
  EXPECT_EQ(aws.pack_storage_class, "STANDARD_IA");
  EXPECT_EQ(aws.conditional_writes, ConditionalWrites::kYes);
  S3Options options = of("backups");
  options.endpoint = "https://minio.internal";
  S3Options other = complete_options(options).value();
  EXPECT_EQ(other.pack_storage_class, "");
  EXPECT_EQ(other.conditional_writes, ConditionalWrites::kDetect);
  // A host that only looks like it.
  options.endpoint = "https://s3.eu-central-1.amazonaws.com.example.org";
  EXPECT_FALSE(is_aws(complete_options(options).value()));
}

TEST(S3Options, TheClassOfPacksGoesByTheEndpoint) {
  EXPECT_EQ(default_pack_storage_class(""), "STANDARD_IA");
  EXPECT_EQ(default_pack_storage_class("https://s3.cn-north-1.amazonaws.com.cn"), "STANDARD_IA");
  EXPECT_EQ(default_pack_storage_class("https://s3.amazonaws.com.example.org/"), "");
}

TEST(S3Options, WhatCannotBeUsedIsRefusedByName) {
  auto error_of = [](auto change) {
    S3Options options = of("backups");
    change(options);
    Result<S3Options> complete = complete_options(options);
    EXPECT_FALSE(complete.ok());
    return complete.ok() ? "" : complete.error().message;
  };
  EXPECT_THAT(error_of([](S3Options& o) { o.region = ""; }), HasSubstr("no region is given"));
  EXPECT_THAT(error_of([](S3Options& o) { o.region = "evil.example.org/"; }),
              HasSubstr("not the name of a region"));
  EXPECT_THAT(error_of([](S3Options& o) { o.bucket = "a/../b"; }),
              HasSubstr("not the name of a bucket"));
  EXPECT_THAT(error_of([](S3Options& o) { o.prefix = "a b"; }), HasSubstr("the prefix"));
  EXPECT_THAT(error_of([](S3Options& o) { o.prefix = std::string(200, 'a'); }),
              HasSubstr("the prefix"));
  EXPECT_THAT(error_of([](S3Options& o) { o.endpoint = "https://h/bucket"; }),
              HasSubstr("has a path"));
  EXPECT_THAT(error_of([](S3Options& o) { o.endpoint = "ceph:7480"; }), HasSubstr("S3 endpoint"));
  EXPECT_THAT(error_of([](S3Options& o) { o.encryption = "rot13"; }), HasSubstr("rot13"));
  EXPECT_THAT(error_of([](S3Options& o) { o.kms_key_id = "k"; }), HasSubstr("KMS key"));
  EXPECT_THAT(error_of([](S3Options& o) { o.part_bytes = 1; }), HasSubstr("part size"));
  EXPECT_THAT(error_of([](S3Options& o) { o.uploads_in_flight = 0; }), HasSubstr("in flight"));
  EXPECT_THAT(error_of([](S3Options& o) { o.max_parts = 10'001; }), HasSubstr("parts"));
  EXPECT_THAT(error_of([](S3Options& o) { o.tags.resize(11); }), HasSubstr("11 object tags"));
}

}  // namespace
}  // namespace walkback::s3
