#include "s3/region.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "s3/testing/fixed_credentials.h"
#include "s3/testing/scripted_http.h"

namespace walkback::s3 {
namespace {

using ::testing::HasSubstr;

struct RegionTest : ::testing::Test {
  std::unique_ptr<S3Store> open(std::string endpoint = "") {
    S3Options options{
        .bucket = "backups", .region = "eu-central-1", .endpoint = std::move(endpoint)};
    return open_s3_store(
               options,
               {.http = http, .credentials = credentials, .clock = clock, .random = random})
        .value();
  }
  void locate(std::string_view where) {
    http.then(200).then(200, fmt::format("<LocationConstraint>{}</LocationConstraint>", where));
  }

  testing::ScriptedHttp http;
  ManualClock clock;
  SeededRandom random{1};
  testing::FixedCredentials credentials{"id", "secret"};
};

TEST_F(RegionTest, TheHeadTellsEvenWhereItIsRefused) {
  for (int status : {200, 301, 403}) {
    http.then(status, "", {{"x-amz-bucket-region", "us-west-2"}});
    Error error = check_region(*open()).error();
    EXPECT_EQ(error.kind, ErrorKind::kInvalid);
    EXPECT_THAT(error.message,
                HasSubstr("lies in region us-west-2, not in the configured region eu-central-1"));
  }
  http.then(200, "", {{"x-amz-bucket-region", "eu-central-1"}});
  EXPECT_TRUE(check_region(*open()).ok());
}

TEST_F(RegionTest, AtAwsNoLocationIsTheOldestRegion) {
  locate("");
  EXPECT_EQ(ask_region(*open())->actual, "us-east-1");
  locate("EU");
  EXPECT_EQ(ask_region(*open())->actual, "eu-west-1");
  locate("eu-central-1");
  EXPECT_TRUE(check_region(*open()).ok());
}

TEST_F(RegionTest, AServerOfOnesOwnMayTellNothingOrAZone) {
  for (std::string_view where : {"", "default", "fra1-dc2", "eu-central-1"}) {
    locate(where);
    EXPECT_TRUE(check_region(*open("https://ceph.internal")).ok()) << where;
  }
  locate("us-east-1");
  EXPECT_FALSE(check_region(*open("https://ceph.internal")).ok());
}

TEST_F(RegionTest, AMissingBucketIsSaid) {
  http.then(404);
  EXPECT_FALSE(check_region(*open()).ok());
}

}  // namespace
}  // namespace walkback::s3
