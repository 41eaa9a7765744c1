#include "s3/probe.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "s3/testing/fixed_credentials.h"

namespace walkback::s3 {
namespace {

// A server that says no to everything that it may say no to.
class PoorServer final : public net::HttpClient {
 public:
  Result<net::Response> perform(const net::Request& request) override {
    auto has = [&](std::string_view name) {
      return std::ranges::find(request.headers, name, &net::Header::name) != request.headers.end();
    };
    bool is_put = request.method == net::Method::kPut;
    if (denies_puts && is_put) return net::Response{.status = 403};
    if (has("If-None-Match")) return net::Response{.status = 501};
    if (request.url.find("uploads=") != std::string::npos) return net::Response{.status = 501};
    if (request.url.find("versioning=") != std::string::npos) return net::Response{.status = 403};
    if (request.url.find("object-lock=") != std::string::npos) return net::Response{.status = 404};
    if (request.url.find("delete=") != std::string::npos) return net::Response{.status = 501};
    if (request.method == net::Method::kDelete) return net::Response{.status = 403};
    if (request.url.find("list-type=2") != std::string::npos) {
      std::string_view body = "<ListBucketResult></ListBucketResult>";
      return net::Response{.status = 200, .body = to_bytes(as_bytes(body))};
    }
    std::string_view all = "0123456789";
    return net::Response{.status = 200, .body = to_bytes(as_bytes(is_put ? "" : all))};
  }
  bool denies_puts = false;
};

struct ProbeTest : ::testing::Test {
  Result<Probe> run() {
    S3Options options{.bucket = "backups", .region = "r", .endpoint = "http://poor"};
    auto store =
        open_s3_store(options,
                      {.http = http, .credentials = credentials, .clock = clock, .random = random})
            .value();
    return probe(*store);
  }
  PoorServer http;
  ManualClock clock;
  SeededRandom random{1};
  testing::FixedCredentials credentials{"id", "secret"};
};

TEST_F(ProbeTest, APoorServerIsFoundPoor) {
  Probe probe = run().value();
  EXPECT_EQ(probe.conditional_put.ability, Ability::kNo);
  EXPECT_EQ(probe.keeps_metadata.ability, Ability::kNo);
  EXPECT_EQ(probe.ranges.ability, Ability::kNo);
  EXPECT_EQ(probe.list_order.ability, Ability::kNo);
  EXPECT_EQ(probe.multipart.ability, Ability::kNo);
  EXPECT_EQ(probe.small_parts.ability, Ability::kUnknown);
  EXPECT_EQ(probe.checks_checksums.ability, Ability::kNo);
  EXPECT_EQ(probe.versioning.ability, Ability::kUnknown);
  EXPECT_EQ(probe.object_lock.ability, Ability::kNo);
  EXPECT_EQ(probe.may_delete.ability, Ability::kNo);
  EXPECT_EQ(probe.batch_delete.ability, Ability::kNo);
  EXPECT_EQ(probe.rows().size(), 14u);
}

TEST_F(ProbeTest, WhereNothingCanBePutThereIsNothingToProbe) {
  http.denies_puts = true;
  Result<Probe> probed = run();
  ASSERT_FALSE(probed.ok());
  EXPECT_EQ(probed.error().kind, ErrorKind::kDenied);
}

}  // namespace
}  // namespace walkback::s3
