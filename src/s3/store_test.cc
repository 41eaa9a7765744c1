// What the store does when things go wrong in ways a real server cannot be made to: scripted
// answers, no time.
#include "s3/store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "s3/testing/fixed_credentials.h"
#include "s3/testing/scripted_http.h"
#include "s3/writer.h"

namespace walkback::s3 {
namespace {

using namespace std::chrono_literals;
using store::ObjectKey;
using store::PutOutcome;
using ::testing::ElementsAre;
using testing::FixedCredentials;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedHttp;
using testing::SentRequest;

constexpr uint64_t kPart = 5u << 20;

struct S3StoreTest : ::testing::Test {
  S3StoreTest() { open({}); }

  void open(S3Options changes, bool aws = true) {
    changes.bucket = "backups";
    changes.prefix = "pg";
    changes.region = "eu-central-1";
    if (!aws) changes.endpoint = "http://ceph:7480";
    changes.part_bytes = kPart;
    changes.uploads_in_flight = 1;  // so that requests come in one order
    store = open_s3_store(changes, {.http = http,
                                    .credentials = credentials,
                                    .clock = clock,
                                    .random = random,
                                    .counters = &counters})
                .value();
  }
  // The random mark of the last write.
  std::string write() const {
    for (const SentRequest& request : http.sent()) {
      if (auto mark = request.header("x-amz-meta-walkback-write"); !mark.empty()) return mark;
    }
    return "";
  }
  std::vector<net::Header> head_of(size_t size, std::string mark) {
    return {{"content-length", std::to_string(size)},
            {"etag", "\"e\""},
            {"x-amz-meta-walkback-write", std::move(mark)}};
  }
  // What the random generator will give as the next mark, without using it up.
  std::string next_write() const { return SeededRandom(1).hex(16); }

  ScriptedHttp http;
  ManualClock clock{{1'700'000'000'000'000}};
  SeededRandom random{1};
  FixedCredentials credentials{"AKIDTEST", "plantedsecretkey", "plantedsessiontoken"};
  net::TrafficCounters counters;
  std::unique_ptr<S3Store> store;
  const ObjectKey key{"clusters/main/object"};
  const std::string url = "https://backups.s3.eu-central-1.amazonaws.com/pg/clusters/main/object";
};

TEST_F(S3StoreTest, APutIsOneConditionalRequestSignedAndHashed) {
  http.then(200);
  EXPECT_EQ(store->put(key, as_bytes("data")).value(), PutOutcome::kCreated);
  ASSERT_EQ(http.sent().size(), 1u);
  SentRequest put = http.sent()[0];
  EXPECT_EQ(put.line, "PUT " + url);
  EXPECT_EQ(put.body, "data");
  EXPECT_EQ(put.header("If-None-Match"), "*");
  EXPECT_EQ(put.header("x-amz-content-sha256"), sha256_hex(as_bytes("data")));
  EXPECT_EQ(put.header("x-amz-security-token"), "plantedsessiontoken");
  EXPECT_THAT(put.header("Authorization"),
              HasSubstr("Credential=AKIDTEST/20231114/eu-central-1/s3/aws4_request"));
  EXPECT_EQ(put.header("x-amz-storage-class"), "");
}

TEST_F(S3StoreTest, StorageClassEncryptionAndTagsGoWithTheObject) {
  open({.storage_class = "STANDARD",
        .encryption = "aws:kms",
        .kms_key_id = "arn:key",
        .tags = {{"a b", "c&d"}}});
  http.then(200).then(200);
  ASSERT_TRUE(store->put(key, {}).ok());
  ASSERT_TRUE(store->put(ObjectKey("clusters/main/packs/1"), {}).ok());
  SentRequest other = http.sent()[0];
  EXPECT_EQ(other.header("x-amz-storage-class"), "");
  EXPECT_EQ(other.header("x-amz-server-side-encryption"), "aws:kms");
  EXPECT_EQ(other.header("x-amz-server-side-encryption-aws-kms-key-id"), "arn:key");
  EXPECT_EQ(other.header("x-amz-tagging"), "a%20b=c%26d");
  EXPECT_EQ(http.sent()[1].header("x-amz-storage-class"), "STANDARD_IA");
}

// --- a put whose answer is lost ---

TEST_F(S3StoreTest, AnObjectFoundAfterALostAnswerIsOursWhenItCarriesOurMark) {
  http.then_break().then_refuse(412, "PreconditionFailed").then(200, "", head_of(4, next_write()));
  EXPECT_EQ(store->put(key, as_bytes("data")).value(), PutOutcome::kCreated);
  EXPECT_THAT(http.lines(), ElementsAre("PUT " + url, "PUT " + url, "HEAD " + url));
  EXPECT_EQ(write(), next_write());
  EXPECT_EQ(counters.totals().retries, 1u);
}

TEST_F(S3StoreTest, AnotherMarkIsAnothersObjectThoughItsBytesAreTheSame) {
  http.then_break().then_refuse(412, "PreconditionFailed").then(200, "", head_of(4, "other"));
  EXPECT_EQ(store->put(key, as_bytes("data")).value(), PutOutcome::kAlreadyExists);
  EXPECT_EQ(http.left(), 0u);
}

TEST_F(S3StoreTest, WhereMarksAreNotKeptTheBytesDecide) {
  for (std::string_view there : {"data", "atad"}) {
    http.then_break().then_refuse(412, "PreconditionFailed").then(200, "", head_of(4, ""));
    http.then(200, there);
    EXPECT_EQ(store->put(key, as_bytes("data")).value(),
              there == "data" ? PutOutcome::kCreated : PutOutcome::kAlreadyExists);
  }
}

TEST_F(S3StoreTest, WithoutAnEarlierAttemptAnUnmarkedObjectIsAnothers) {
  http.then_refuse(412, "PreconditionFailed").then(200, "", head_of(4, ""));
  EXPECT_EQ(store->put(key, as_bytes("data")).value(), PutOutcome::kAlreadyExists);
  EXPECT_EQ(http.left(), 0u);
}

TEST_F(S3StoreTest, AnObjectThatVanishedMeanwhileIsPutAgain) {
  http.then_refuse(412, "PreconditionFailed").then(404).then(200);
  EXPECT_EQ(store->put(key, as_bytes("data")).value(), PutOutcome::kCreated);
}

TEST_F(S3StoreTest, TwoConditionalWritesAtOnceAreTriedAgain) {
  http.then_refuse(409, "ConditionalRequestConflict").then_refuse(412, "PreconditionFailed");
  http.then(200, "", head_of(4, "other"));
  EXPECT_EQ(store->put(key, as_bytes("data")).value(), PutOutcome::kAlreadyExists);
}

// --- retries ---

TEST_F(S3StoreTest, ABusyServerIsAskedAgainAsItWishes) {
  http.then(503, "<Error><Code>SlowDown</Code></Error>", {{"retry-after", "7"}}).then(200, "x");
  auto began = clock.monotonic();
  EXPECT_EQ(store->get(key).value(), to_bytes(as_bytes("x")));
  EXPECT_GE(clock.monotonic() - began, 7s);
}

TEST_F(S3StoreTest, GivingUpSaysWhatWasDoneAndHowOften) {
  for (int i = 0; i < 10; ++i) http.then_refuse(503, "SlowDown");
  Error error = store->get(key).error();
  EXPECT_EQ(error.kind, ErrorKind::kTransient);
  EXPECT_THAT(error.message, HasSubstr("reading clusters/main/object in s3://backups/pg: "));
  EXPECT_THAT(error.message, HasSubstr("after 10 attempts"));
}

TEST_F(S3StoreTest, NothingGoesOnPastTheDeadline) {
  open({.operation_timeout = 3s, .retry = {.attempts = 1'000}});
  for (int i = 0; i < 1'000; ++i) http.then_break();
  EXPECT_EQ(store->get(key).error().kind, ErrorKind::kTransient);
  EXPECT_LE(clock.monotonic(), 3s);
  EXPECT_GT(http.left(), 900u);
}

TEST_F(S3StoreTest, ARefusalIsNotAskedAgain) {
  http.then_refuse(403, "AccessDenied");
  Error error = store->get(key).error();
  EXPECT_EQ(error.kind, ErrorKind::kDenied);
  EXPECT_THAT(error.message, HasSubstr("s3:GetObject"));
  EXPECT_EQ(http.sent().size(), 1u);
}

TEST_F(S3StoreTest, ExpiredCredentialsAreReplacedOnce) {
  http.then_refuse(400, "ExpiredToken").then(200, "x");
  EXPECT_TRUE(store->get(key).ok());
  EXPECT_EQ(credentials.expirations(), 1);
  // A HEAD cannot say so.
  http.then(400).then(200, "", head_of(1, ""));
  EXPECT_TRUE(store->info(key).ok());
  EXPECT_EQ(credentials.expirations(), 2);
  http.then_refuse(400, "ExpiredToken").then_refuse(400, "ExpiredToken");
  EXPECT_THAT(store->get(key).error().message, HasSubstr("credentials have expired"));
}

TEST_F(S3StoreTest, ARedirectIsRefusedAndNotFollowed) {
  http.then(307, "",
            {{"location", "https://backups.s3.us-east-1.amazonaws.com/"},
             {"x-amz-bucket-region", "us-east-1"}});
  Error error = store->put(key, as_bytes("data")).error();
  EXPECT_EQ(error.kind, ErrorKind::kInvalid);
  EXPECT_THAT(error.message, HasSubstr("lies in region us-east-1, not in the configured region"));
  EXPECT_EQ(http.sent().size(), 1u);
}

TEST_F(S3StoreTest, NoErrorHoldsASecret) {
  for (int status : {301, 400, 403, 404, 409, 412, 500, 503}) {
    for (int i = 0; i < 12; ++i) http.then_refuse(status, "");
    for (const Error& error :
         {store->put(key, {}).error(),
          store->get(key).ok() ? make_error(ErrorKind::kIo, "") : store->get(key).error()}) {
      EXPECT_THAT(error.message + error.hint, Not(HasSubstr("planted")));
    }
  }
}

// --- reading ---

TEST_F(S3StoreTest, ARangeIsReadOfTheObjectThatWasOpened) {
  http.then(200, "", head_of(1'000, "")).then(206, "0123456789");
  auto reader = store->open(key).value();
  EXPECT_EQ(reader->size(), 1'000u);
  Bytes out(10);
  ASSERT_TRUE(reader->read_at(500, out).ok());
  EXPECT_EQ(as_text(out), "0123456789");
  EXPECT_EQ(http.sent()[1].header("Range"), "bytes=500-509");
  EXPECT_EQ(http.sent()[1].header("If-Match"), "\"e\"");
}

TEST_F(S3StoreTest, AShortRangeIsReadAgain) {
  http.then(200, "", head_of(1'000, "")).then(206, "01234").then(206, "0123456789");
  Bytes out(10);
  EXPECT_TRUE(store->open(key).value()->read_at(0, out).ok());
  EXPECT_EQ(counters.totals().retries, 1u);
}

TEST_F(S3StoreTest, AMissingBucketIsNotAMissingObject) {
  http.then_refuse(404, "NoSuchKey").then_refuse(404, "NoSuchBucket");
  EXPECT_EQ(store->get(key).value(), std::nullopt);
  EXPECT_THAT(store->get(key).error().message, HasSubstr("there is no bucket backups"));
}

// --- listing ---

std::string page(std::string_view contents, std::string_view token = "") {
  return fmt::format(
      "<ListBucketResult><IsTruncated>{}</IsTruncated>{}{}</ListBucketResult>", !token.empty(),
      token.empty() ? "" : fmt::format("<NextContinuationToken>{}</NextContinuationToken>", token),
      contents);
}
std::string entry(std::string_view name) {
  return fmt::format("<Contents><Key>pg/{}</Key><Size>1</Size></Contents>", name);
}

TEST_F(S3StoreTest, PagesAreFollowedByTheirTokens) {
  http.then(200, page(entry("a"), "t/1+")).then(200, page(entry("b")));
  std::string names;
  ASSERT_TRUE(store
                  ->list("", "0",
                         [&](const store::ObjectInfo& info) {
                           names += info.key.text();
                           return true;
                         })
                  .ok());
  EXPECT_EQ(names, "ab");
  EXPECT_THAT(http.lines()[0],
              HasSubstr("/?encoding-type=url&list-type=2&max-keys=1000&prefix=pg%2F&"
                        "start-after=pg%2F0"));
  EXPECT_THAT(http.lines()[1], HasSubstr("continuation-token=t%2F1%2B&"));
}

TEST_F(S3StoreTest, AVisitorThatHasSeenEnoughAsksForNoMorePages) {
  http.then(200, page(entry("a") + entry("b"), "t"));
  int seen = 0;
  ASSERT_TRUE(store->list("", "", [&](const store::ObjectInfo&) { return ++seen < 1; }).ok());
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(http.sent().size(), 1u);
}

TEST_F(S3StoreTest, NamesOutOfOrderAreAnError) {
  http.then(200, page(entry("b") + entry("a")));
  Error error = store->list("", "", [](const store::ObjectInfo&) { return true; }).error();
  EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("not in byte order"));
}

TEST_F(S3StoreTest, TheSamePageForEverIsAnError) {
  http.then(200, page(entry("a"), "t")).then(200, page(entry("b"), "t"));
  EXPECT_FALSE(store->list("", "", [](const store::ObjectInfo&) { return true; }).ok());
}

TEST_F(S3StoreTest, AnAnswerThatIsNoListingIsAnError) {
  http.then(200, "<html>login</html>");
  EXPECT_EQ(store->list("", "", [](const store::ObjectInfo&) { return true; }).error().kind,
            ErrorKind::kCorrupt);
}

// --- large objects ---

struct MultipartTest : S3StoreTest {
  // Writes two parts and a bit.
  Result<PutOutcome> write_large() {
    auto writer = TRY(store->create(key));
    TRY(writer->append(Bytes(2 * kPart + 3)));
    return writer->finish();
  }
  void begin_and_send_parts() {
    http.then(200,
              "<InitiateMultipartUploadResult><UploadId>u/1</UploadId>"
              "</InitiateMultipartUploadResult>");
    for (const char* etag : {"\"1\"", "\"2\"", "\"3\""}) http.then(200, "", {{"etag", etag}});
  }
  void complete(int parts = 3) {
    http.then(200, fmt::format("<CompleteMultipartUploadResult><ETag>&quot;{}-{}&quot;</ETag>"
                               "</CompleteMultipartUploadResult>",
                               std::string(32, 'a'), parts));
  }
};

TEST_F(MultipartTest, PartsAreEqualAndTheCompletionConditional) {
  begin_and_send_parts();
  complete();
  EXPECT_EQ(write_large().value(), PutOutcome::kCreated);
  EXPECT_THAT(http.lines(), ElementsAre("POST " + url + "?uploads=",
                                        "PUT " + url + "?partNumber=1&uploadId=u%2F1",
                                        "PUT " + url + "?partNumber=2&uploadId=u%2F1",
                                        "PUT " + url + "?partNumber=3&uploadId=u%2F1",
                                        "POST " + url + "?uploadId=u%2F1"));
  std::vector<SentRequest> sent = http.sent();
  EXPECT_EQ(sent[1].body.size(), kPart);
  EXPECT_EQ(sent[2].body.size(), kPart);
  EXPECT_EQ(sent[3].body.size(), 3u);
  EXPECT_EQ(sent[4].header("If-None-Match"), "*");
  EXPECT_EQ(sent[4].body, completion_document({"\"1\"", "\"2\"", "\"3\""}));
}

TEST_F(MultipartTest, ExactlyOnePartIsPutWhole) {
  http.then(200);
  auto writer = store->create(key).value();
  ASSERT_TRUE(writer->append(Bytes(kPart)).ok());
  EXPECT_EQ(writer->finish().value(), PutOutcome::kCreated);
  EXPECT_THAT(http.lines(), ElementsAre("PUT " + url));
}

TEST_F(MultipartTest, AnErrorInASuccessfulAnswerIsTriedAgain) {
  begin_and_send_parts();
  http.then(200, "<Error><Code>InternalError</Code></Error>");
  complete();
  EXPECT_EQ(write_large().value(), PutOutcome::kCreated);
}

TEST_F(MultipartTest, AnUploadGoneAfterALostAnswerIsOursWhenTheObjectCarriesOurMark) {
  begin_and_send_parts();
  http.then_break().then_refuse(404, "NoSuchUpload").then(200, "", head_of(9, next_write()));
  EXPECT_EQ(write_large().value(), PutOutcome::kCreated);
}

TEST_F(MultipartTest, AnUploadThatSomebodyEndedIsAnError) {
  begin_and_send_parts();
  http.then_refuse(404, "NoSuchUpload").then(404).then(204);
  Error error = write_large().error();
  EXPECT_EQ(error.kind, ErrorKind::kConflict);
  EXPECT_THAT(error.hint, HasSubstr("lifecycle"));
}

TEST_F(MultipartTest, AnObjectThatWasThereFirstStaysAndTheUploadIsEnded) {
  begin_and_send_parts();
  http.then_refuse(412, "PreconditionFailed").then(200, "", head_of(9, "other")).then(204);
  EXPECT_EQ(write_large().value(), PutOutcome::kAlreadyExists);
  EXPECT_EQ(http.lines().back(), "DELETE " + url + "?uploadId=u%2F1");
}

TEST_F(MultipartTest, APartThatIsRefusedEndsTheUpload) {
  http.then(200,
            "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
            "</InitiateMultipartUploadResult>");
  http.then_refuse(400, "EntityTooLarge");
  for (int i = 0; i < 3; ++i) http.then(204);
  Error error = write_large().error();
  EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("storing part 1 of clusters/main/object"));
  EXPECT_EQ(http.lines().back(), "DELETE " + url + "?uploadId=u");
}

TEST_F(MultipartTest, AnObjectOfTooFewPartsIsNotedCorrupt) {
  begin_and_send_parts();
  complete(2);
  http.then(204);
  Error error = write_large().error();
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
  EXPECT_THAT(error.message, HasSubstr("made it of 2 parts; 3 were sent"));
}

TEST_F(MultipartTest, AServerWithoutConditionalCompletionIsLookedAtFirst) {
  open({.conditional_writes = ConditionalWrites::kYes}, false);
  begin_and_send_parts();
  http.then(404).then_refuse(501, "NotImplemented");
  complete();
  EXPECT_EQ(write_large().value(), PutOutcome::kCreated);
  std::vector<SentRequest> sent = http.sent();
  EXPECT_THAT(sent[4].line, HasSubstr("HEAD "));
  EXPECT_EQ(sent[5].header("If-None-Match"), "*");
  EXPECT_EQ(sent[6].header("If-None-Match"), "");
}

TEST(PartBytes, AreEqualUntilHalfOfThePartsAreUsed) {
  S3Options options{.part_bytes = 8u << 20, .max_parts = 1'000};
  EXPECT_EQ(part_bytes(options, 1), 8u << 20);
  EXPECT_EQ(part_bytes(options, 500), 8u << 20);
  EXPECT_EQ(part_bytes(options, 501), 64u << 20);
}

// --- what the server can do ---

struct DetectionTest : S3StoreTest {
  DetectionTest() { open({}, false); }
  const std::string mark = "PUT http://ceph:7480/backups/pg/.walkback-conditional-put";
};

TEST_F(DetectionTest, OneRequestIsEnoughWhereTheMarkLies) {
  http.then_refuse(412, "PreconditionFailed").then(200).then(200);
  EXPECT_EQ(store->put(key, {}).value(), PutOutcome::kCreated);
  EXPECT_EQ(store->put(ObjectKey("other"), {}).value(), PutOutcome::kCreated);
  EXPECT_EQ(http.lines()[0], mark);
  EXPECT_EQ(http.sent()[1].header("If-None-Match"), "*");
  EXPECT_TRUE(store->conditional_put());
  EXPECT_EQ(http.sent().size(), 3u);
}

TEST_F(DetectionTest, AServerThatReplacesIsFoundOut) {
  http.then(200).then(200).then(404).then(200);
  EXPECT_EQ(store->put(key, {}).value(), PutOutcome::kCreated);
  EXPECT_THAT(http.lines()[2], HasSubstr("HEAD "));
  EXPECT_EQ(http.sent()[3].header("If-None-Match"), "");
  EXPECT_FALSE(store->conditional_put());
}

TEST_F(DetectionTest, AServerThatSaysItCannotIsBelieved) {
  http.then_refuse(501, "NotImplemented").then(200, "", head_of(1, ""));
  EXPECT_EQ(store->put(key, {}).value(), PutOutcome::kAlreadyExists);
}

TEST_F(DetectionTest, AFailureIsNoAnswerAndAskedAgainLater) {
  http.then_refuse(403, "AccessDenied");
  EXPECT_EQ(store->put(key, {}).error().kind, ErrorKind::kDenied);
  http.then(200).then_refuse(412, "PreconditionFailed").then(200);
  EXPECT_EQ(store->put(key, {}).value(), PutOutcome::kCreated);
}

// --- removing ---

TEST_F(S3StoreTest, ThousandsAreRemovedWithAFewRequests) {
  std::vector<ObjectKey> keys;
  keys.reserve(1'500);
  for (int i = 0; i < 1'500; ++i) keys.emplace_back(fmt::format("object-{}", i));
  http.then(200, "<DeleteResult/>").then(200, "<DeleteResult/>");
  ASSERT_TRUE(store->remove_all(keys).ok());
  ASSERT_EQ(http.sent().size(), 2u);
  EXPECT_THAT(http.lines()[0],
              HasSubstr("POST https://backups.s3.eu-central-1.amazonaws.com/?delete="));
  EXPECT_THAT(http.sent()[1].body, HasSubstr("<Key>pg/object-1499</Key>"));
  EXPECT_EQ(http.sent()[0].header("Content-MD5").size(), 24u);
}

TEST_F(S3StoreTest, WhatCouldNotBeRemovedIsSaid) {
  http.then(200,
            "<DeleteResult><Error><Key>pg/a</Key><Code>AccessDenied</Code>"
            "<Message>no</Message></Error></DeleteResult>");
  std::vector<ObjectKey> keys{ObjectKey("a"), ObjectKey("b")};
  Error error = store->remove_all(keys).error();
  EXPECT_EQ(error.kind, ErrorKind::kDenied);
  EXPECT_THAT(error.message, HasSubstr("s3:DeleteObject is denied"));
  EXPECT_THAT(error.message, HasSubstr("the first pg/a"));
}

TEST_F(S3StoreTest, WithoutBatchesObjectsAreRemovedOneByOne) {
  http.then_refuse(501, "NotImplemented").then(204).then(204);
  std::vector<ObjectKey> keys{ObjectKey("a"), ObjectKey("b")};
  ASSERT_TRUE(store->remove_all(keys).ok());
  EXPECT_THAT(http.lines()[2], HasSubstr("DELETE "));
}

}  // namespace
}  // namespace walkback::s3
