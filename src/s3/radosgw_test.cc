// The store against a real server, which checks signatures, hashes and conditions.
#include "s3/testing/radosgw.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/testing/seeded_random.h"
#include "base/testing/seeds.h"
#include "s3/probe.h"
#include "s3/region.h"
#include "s3/testing/faulty_http.h"
#include "store/conformance.h"

namespace walkback::s3 {
namespace {

using namespace std::chrono_literals;
using store::ObjectKey;
using store::PutOutcome;
using ::testing::ElementsAre;
using testing::FaultyHttp;
using testing::FixedCredentials;
using ::testing::HasSubstr;
using testing::Radosgw;
using testing::Server;

// Loud, since a run that skips this has not tested object storage.
#define NEED_RADOSGW()                                                                        \
  if (!Radosgw::is_installed()) {                                                             \
    GTEST_SKIP() << "NOT TESTED: object storage. Install ceph-mon, ceph-osd and radosgw, or " \
                    "run ./dev test, which does.";                                            \
  }

Bytes random_bytes(size_t size) { return SeededRandom(size).bytes(size); }

struct RadosgwTest : ::testing::Test {
  std::unique_ptr<S3Store> open(const S3Options& options) {
    return open_s3_store(options, server().environment(*http)).value();
  }
  std::unique_ptr<S3Store> open_new_bucket() { return open(server().new_bucket()); }
  static Server& server() { return Radosgw::shared(); }

  net::TrafficCounters counters;
  std::unique_ptr<net::HttpClient> http = net::make_curl_client({}, system_clock(), counters);
};

TEST_F(RadosgwTest, PassesTheConformanceSuite) {
  NEED_RADOSGW();
  S3Options options = server().new_bucket();
  options.prefix = "some/prefix";
  std::unique_ptr<S3Store> store = open(options);
  EXPECT_TRUE(store->conditional_put());
  for (const store::ConformanceOutcome& outcome :
       store::run_all_checks(*store, system_random(), {.many_objects = 1'100})) {
    EXPECT_TRUE(outcome.result.ok())
        << outcome.name << ": " << (outcome.result.ok() ? "" : outcome.result.error().message);
  }
}

TEST_F(RadosgwTest, PassesItToldThatTheServerKnowsNoConditions) {
  NEED_RADOSGW();
  S3Options options = server().new_bucket();
  options.conditional_writes = ConditionalWrites::kNo;
  std::unique_ptr<S3Store> store = open(options);
  EXPECT_FALSE(store->conditional_put());
  for (const store::ConformanceOutcome& outcome : store::run_all_checks(
           *store, system_random(), {.large_bytes = 6u << 20, .many_objects = 50})) {
    EXPECT_TRUE(outcome.result.ok())
        << outcome.name << ": " << (outcome.result.ok() ? "" : outcome.result.error().message);
  }
}

// Lost requests, lost answers, a busy server, one call in three: all is as promised nevertheless.
TEST_F(RadosgwTest, PassesItOnABadNetwork) {
  NEED_RADOSGW();
  Seeds seeds = test_seeds(2);
  for (uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    FaultyHttp faulty(*http, seed, 33);
    S3Options options = server().new_bucket();
    options.retry = {.attempts = 30, .first_delay = 1ms, .longest_delay = 4ms};
    auto store = open_s3_store(options, server().environment(faulty)).value();
    for (const store::ConformanceOutcome& outcome :
         store::run_all_checks(*store, system_random(), {.many_objects = 50})) {
      EXPECT_TRUE(outcome.result.ok())
          << outcome.name << ": " << (outcome.result.ok() ? "" : outcome.result.error().message);
    }
    EXPECT_GT(faulty.faults(), 100);
  }
}

TEST_F(RadosgwTest, ALargeObjectLeavesInPartsSideBySide) {
  NEED_RADOSGW();
  S3Options options = server().new_bucket();
  options.part_bytes = 5u << 20;
  std::unique_ptr<S3Store> store = open(options);
  Bytes data = random_bytes(52u << 20);
  auto writer = store->create(ObjectKey("clusters/main/packs/one")).value();
  for (size_t done = 0; done < data.size(); done += 1'000'000) {
    ASSERT_TRUE(
        writer
            ->append(ByteView(data).subspan(done, std::min<size_t>(1'000'000, data.size() - done)))
            .ok());
  }
  EXPECT_EQ(writer->finish().value(), PutOutcome::kCreated);
  EXPECT_EQ(store->get(ObjectKey("clusters/main/packs/one")).value(), data);
  EXPECT_TRUE(store->unfinished_uploads(system_clock().now() + 24h).value().empty());
  // 11 parts, the detection, the beginning and the end.
  EXPECT_GE(counters.totals().requests[static_cast<size_t>(net::Method::kPut)], 11u);
}

TEST_F(RadosgwTest, AnExistingLargeObjectIsNotReplaced) {
  NEED_RADOSGW();
  std::unique_ptr<S3Store> store = open_new_bucket();
  Bytes first = random_bytes(9u << 20);
  Bytes second = random_bytes(10u << 20);
  for (const Bytes& data : {first, second}) {
    auto writer = store->create(ObjectKey("pack")).value();
    ASSERT_TRUE(writer->append(data).ok());
    EXPECT_EQ(writer->finish().value(),
              data == first ? PutOutcome::kCreated : PutOutcome::kAlreadyExists);
  }
  EXPECT_EQ(store->get(ObjectKey("pack")).value(), first);
  EXPECT_TRUE(store->unfinished_uploads(system_clock().now() + 24h).value().empty());
}

TEST_F(RadosgwTest, AnUnfinishedUploadIsEndedWithItsWriter) {
  NEED_RADOSGW();
  std::unique_ptr<S3Store> store = open_new_bucket();
  Timestamp later = system_clock().now() + 24h;
  {
    auto writer = store->create(ObjectKey("pack")).value();
    ASSERT_TRUE(writer->append(random_bytes(20u << 20)).ok());
    EXPECT_EQ(store->unfinished_uploads(later).value().size(), 1u);
  }
  EXPECT_TRUE(store->unfinished_uploads(later).value().empty());
}

TEST_F(RadosgwTest, UploadsThatSomebodyLeftAreFoundByTheirAgeAndEnded) {
  NEED_RADOSGW();
  S3Options options = server().new_bucket();
  options.prefix = "ours";
  std::unique_ptr<S3Store> store = open(options);
  store->client()
      .must({.action = Action::kPut,
             .doing = "beginning an upload",
             .method = net::Method::kPost,
             .key = "ours/left",
             .query = {{"uploads", ""}}})
      .value();
  EXPECT_TRUE(store->unfinished_uploads(system_clock().now() + -1h).value().empty());
  auto found = store->unfinished_uploads(system_clock().now() + 1h).value();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].key, "left");
  EXPECT_TRUE(store->abort_upload(found[0]).ok());
  EXPECT_TRUE(store->abort_upload(found[0]).ok());
  EXPECT_TRUE(store->unfinished_uploads(system_clock().now() + 1h).value().empty());
}

TEST_F(RadosgwTest, ForeignObjectsBelowThePrefixArePassedOver) {
  NEED_RADOSGW();
  S3Options options = server().new_bucket();
  options.prefix = "ours";
  std::unique_ptr<S3Store> store = open(options);
  for (const char* key : {"ours/a b", "ours/", "ours/x/.hidden", "ours/good", "other/object",
                          "ours/\xc3\xa4", "ours/with+plus", "ours/f/1"}) {
    store->client()
        .must({.action = Action::kPut, .doing = "x", .method = net::Method::kPut, .key = key})
        .value();
  }
  std::vector<std::string> names;
  ASSERT_TRUE(store
                  ->list("", "",
                         [&](const store::ObjectInfo& info) {
                           names.push_back(info.key.text());
                           return true;
                         })
                  .ok());
  EXPECT_THAT(names, ElementsAre("f/1", "good"));
  EXPECT_THAT(store->list_folders("").value(), ElementsAre("f", "x"));
}

TEST_F(RadosgwTest, AReplacedObjectIsNoticedByItsReader) {
  NEED_RADOSGW();
  std::unique_ptr<S3Store> store = open_new_bucket();
  ASSERT_TRUE(store->put(ObjectKey("object"), random_bytes(1'000)).ok());
  auto reader = store->open(ObjectKey("object")).value();
  Bytes out(10);
  ASSERT_TRUE(reader->read_at(0, out).ok());
  ASSERT_TRUE(store->remove(ObjectKey("object")).ok());
  EXPECT_EQ(reader->read_at(0, out).error().kind, ErrorKind::kMissing);
  ASSERT_TRUE(store->put(ObjectKey("object"), random_bytes(1'001)).ok());
  Error replaced = reader->read_at(0, out).error();
  EXPECT_EQ(replaced.kind, ErrorKind::kCorrupt);
  EXPECT_THAT(replaced.message, HasSubstr("replaced while it was read"));
}

TEST_F(RadosgwTest, TagsEncryptionAndMetadataAreWhatWasAsked) {
  NEED_RADOSGW();
  S3Options options = server().new_bucket();
  options.tags = {{"cluster", "main"}, {"owner", "a&b c"}};
  std::unique_ptr<S3Store> store = open(options);
  ASSERT_TRUE(store->put(ObjectKey("object"), as_bytes("x")).ok());
  net::Response tagging =
      store->client().must({.doing = "x", .key = "object", .query = {{"tagging", ""}}}).value();
  EXPECT_THAT(std::string(as_text(tagging.body)), HasSubstr("<Value>a&amp;b c</Value>"));
}

TEST_F(RadosgwTest, IsProbed) {
  NEED_RADOSGW();
  std::unique_ptr<S3Store> store = open_new_bucket();
  Probe found = probe(*store).value();
  for (const Probe::Row& row : found.rows()) {
    // What Ceph 16.2 cannot.
    bool lacks = row.name == "conditional_completion" || row.name == "small_parts" ||
                 row.name == "checks_checksums" || row.name == "versioning" ||
                 row.name == "object_lock";
    EXPECT_EQ(row.trait->ability, lacks ? Ability::kNo : Ability::kYes)
        << row.name << ": " << row.trait->detail;
  }
  // Nothing is left.
  net::Response listing =
      store->client().must({.doing = "x", .query = {{"list-type", "2"}}}).value();
  EXPECT_TRUE(parse_object_page(listing.body)->objects.empty());
  EXPECT_TRUE(store->unfinished_uploads(system_clock().now() + 1h).value().empty());
}

TEST_F(RadosgwTest, ItsRegionIsAskedAndNotTold) {
  NEED_RADOSGW();
  EXPECT_TRUE(check_region(*open_new_bucket()).ok());
}

// --- what is refused ---

TEST_F(RadosgwTest, RefusalsSayWhatToDo) {
  NEED_RADOSGW();
  S3Options options = server().new_bucket();
  FixedCredentials unknown("nobodyknowsthiskey", "secretsecretsecret");
  FixedCredentials wrong((*server().credentials().get())->access_key_id, "plantedwrongsecret");
  S3Environment environment = server().environment(*http);
  {
    S3Environment other{.http = *http,
                        .credentials = unknown,
                        .clock = environment.clock,
                        .random = environment.random};
    Error error = open_s3_store(options, other).value()->put(ObjectKey("k"), {}).error();
    EXPECT_EQ(error.kind, ErrorKind::kDenied);
    EXPECT_THAT(error.message, HasSubstr("the server does not know the access key"));
    EXPECT_THAT(error.message, HasSubstr("request id "));
  }
  {
    S3Environment other{.http = *http,
                        .credentials = wrong,
                        .clock = environment.clock,
                        .random = environment.random};
    Error error = open_s3_store(options, other).value()->get(ObjectKey("k")).error();
    EXPECT_THAT(error.message, HasSubstr("the signature does not match"));
    EXPECT_THAT(error.message + error.hint, ::testing::Not(HasSubstr("plantedwrong")));
  }
  {
    S3Options absent = options;
    absent.bucket = "no-such-bucket";
    Error error = open(absent)->put(ObjectKey("k"), {}).error();
    EXPECT_EQ(error.kind, ErrorKind::kMissing);
    EXPECT_THAT(error.message, HasSubstr("there is no bucket no-such-bucket"));
  }
}

class FastClock final : public Clock {
 public:
  Timestamp now() override { return system_clock().now() + 20min; }
  std::chrono::nanoseconds monotonic() override { return system_clock().monotonic(); }
  void sleep(std::chrono::nanoseconds duration) override { system_clock().sleep(duration); }
};

TEST_F(RadosgwTest, AClockThatIsWrongIsSaidWithBothTimes) {
  NEED_RADOSGW();
  S3Options options = server().new_bucket();
  FastClock clock;
  S3Environment environment{.http = *http,
                            .credentials = server().credentials(),
                            .clock = clock,
                            .random = system_random()};
  Error error = open_s3_store(options, environment).value()->get(ObjectKey("k")).error();
  EXPECT_THAT(error.message, HasSubstr("this host's clock (2"));
  EXPECT_THAT(error.message, HasSubstr("and the server's (2"));
  EXPECT_THAT(error.hint, HasSubstr("15 minutes"));
}

TEST_F(RadosgwTest, OverTlsOnlyAKnownCertificateIsTrusted) {
  NEED_RADOSGW();
  Radosgw gateway(true);
  Server& tls = gateway.server();
  S3Options options = tls.new_bucket();
  auto trusting = net::make_curl_client({.ca_file = tls.ca_file()}, system_clock(), counters);
  auto store = open_s3_store(options, tls.environment(*trusting)).value();
  Bytes data = random_bytes(9u << 20);
  auto writer = store->create(ObjectKey("pack")).value();
  ASSERT_TRUE(writer->append(data).ok());
  ASSERT_EQ(writer->finish().value(), PutOutcome::kCreated);
  EXPECT_EQ(store->get(ObjectKey("pack")).value(), data);

  Error error =
      open_s3_store(options, tls.environment(*http)).value()->get(ObjectKey("pack")).error();
  EXPECT_EQ(error.kind, ErrorKind::kDenied);
  EXPECT_THAT(error.message, HasSubstr("certificate is not trusted"));

  auto bad_file = net::make_curl_client({.ca_file = "/nonexistent.pem"}, system_clock(), counters);
  Error unusable =
      open_s3_store(options, tls.environment(*bad_file)).value()->get(ObjectKey("pack")).error();
  EXPECT_EQ(unusable.kind, ErrorKind::kInvalid);
}

TEST_F(RadosgwTest, AnInterruptEndsAnUploadSoonAndLeavesNothing) {
  NEED_RADOSGW();
  S3Options options = server().new_bucket();
  std::stop_source stop;
  auto slow =
      net::make_curl_client({.limits = {.upload_bytes_per_s = 2u << 20}}, system_clock(), counters);
  S3Environment environment{.http = *slow,
                            .credentials = server().credentials(),
                            .clock = system_clock(),
                            .random = system_random(),
                            .stop = stop.get_token()};
  auto store = open_s3_store(options, environment).value();
  const Bytes bytes = random_bytes(200u << 20);  // 100 s of uploading
  auto began = system_clock().monotonic();
  {
    auto writer = store->create(ObjectKey("pack")).value();
    std::jthread user([&] {
      system_clock().sleep(500ms);
      stop.request_stop();
    });
    Result<void> appended = writer->append(bytes);
    ASSERT_FALSE(appended.ok());
    EXPECT_EQ(appended.error().kind, ErrorKind::kCancelled);
  }
  EXPECT_LT(system_clock().monotonic() - began, 15s);
  EXPECT_TRUE(open(options)->unfinished_uploads(system_clock().now() + 1h).value().empty());
}

}  // namespace
}  // namespace walkback::s3
