#include "net/curl_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/task_group.h"
#include "base/testing/seeded_random.h"
#include "net/testing/stub_server.h"

namespace walkback::net {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SeenRequest;
using testing::StubServer;

struct CurlClientTest : ::testing::Test {
  Request get(const std::string& path = "/") { return {.url = server.url() + path}; }
  Result<Response> perform(const Request& request) { return client->perform(request); }
  void limit(Limits limits) { client = make_curl_client({.limits = limits}, clock, counters); }
  Error error_of(const Request& request) {
    Result<Response> response = perform(request);
    if (response.ok()) return make_error(ErrorKind::kIo, "it succeeded");
    return std::move(response).error();
  }

  StubServer server;
  Clock& clock = system_clock();
  TrafficCounters counters;
  std::unique_ptr<HttpClient> client = make_curl_client({}, clock, counters);
};

TEST_F(CurlClientTest, AnAnswerArrivesWhole) {
  server.then({.status = 418, .headers = {{"X-Amz-Request-Id", "  R1 "}}, .body = "short"});
  Response response = perform(get("/a/../b?c=d")).value();
  EXPECT_EQ(response.status, 418);
  EXPECT_EQ(as_text(response.body), "short");
  EXPECT_EQ(response.header("x-amz-request-id"), "R1");
  EXPECT_FALSE(response.header("absent"));
  EXPECT_EQ(server.requests()[0].target, "/a/../b?c=d");
}

TEST_F(CurlClientTest, ABodyIsSentFromItsPieces) {
  server.then({});
  std::string large(3'000'000, 'x');
  Request request = get("/object");
  request.method = Method::kPut;
  request.headers = {{"X-Amz-Meta-A", "1"}, {"X-Empty", ""}};
  request.body = {as_bytes("head"), as_bytes(""), as_bytes(large), as_bytes("tail")};
  ASSERT_TRUE(perform(request).ok());
  SeenRequest seen = server.requests()[0];
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.body, "head" + large + "tail");
  EXPECT_EQ(seen.header("content-length"), "3000008");
  EXPECT_EQ(seen.header("x-amz-meta-a"), "1");
  EXPECT_EQ(seen.header("expect"), "");
  EXPECT_EQ(seen.header("transfer-encoding"), "");
}

TEST_F(CurlClientTest, EveryMethodGoesOutAsItself) {
  for (Method method :
       {Method::kGet, Method::kHead, Method::kPut, Method::kPost, Method::kDelete}) {
    server.then({.headers = {{"Content-Length", method == Method::kHead ? "12345" : "0"}}});
    Request request = get();
    request.method = method;
    Response response = perform(request).value();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(server.requests().back().method, method_name(method));
    EXPECT_EQ(response.header("content-length"), method == Method::kHead ? "12345" : "0");
  }
  EXPECT_EQ(counters.totals().all_requests(), 5);
}

TEST_F(CurlClientTest, OneConnectionServesOneRequestAfterTheOther) {
  for (int i = 0; i < 20; ++i) {
    server.then({.status = i % 2 == 0 ? 200 : 503});
    ASSERT_TRUE(perform(get()).ok());
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(CurlClientTest, AsManyRequestsAreInFlightAsThreadsAsk) {
  std::atomic<int> in_flight = 0;
  std::atomic<int> most = 0;
  StubServer slow([&](const SeenRequest&) {
    most = std::max<int>(most, ++in_flight);
    std::this_thread::sleep_for(100ms);
    --in_flight;
    return Answer{};
  });
  TaskGroup group;
  for (int i = 0; i < 8; ++i) {
    group.start([&](const std::stop_token&) -> Result<void> {
      for (int round = 0; round < 3; ++round) TRY(client->perform({.url = slow.url() + "/"}));
      return success();
    });
  }
  ASSERT_TRUE(group.wait().ok());
  EXPECT_EQ(most, 8);
  EXPECT_EQ(slow.connections(), 8);
}

TEST_F(CurlClientTest, ARequestOnAConnectionThatDiedWhileIdleIsSentAgainWhole) {
  server.then({.close = true});
  ASSERT_TRUE(perform(get()).ok());
  std::this_thread::sleep_for(50ms);
  server.then({});
  Request request = get();
  request.method = Method::kPut;
  request.body = {as_bytes("all of it")};
  ASSERT_TRUE(perform(request).ok());
  EXPECT_EQ(server.requests().back().body, "all of it");
}

TEST_F(CurlClientTest, ARedirectIsAnAnswerAndNotFollowed) {
  server.then({.status = 307, .headers = {{"Location", server.url() + "/elsewhere"}}});
  EXPECT_EQ(perform(get()).value().status, 307);
  EXPECT_EQ(server.requests().size(), 1);
}

TEST_F(CurlClientTest, WhatBreaksMayPass) {
  struct Case {
    Answer answer;
    std::string_view says;
  };
  for (const Case& broken :
       {Case{{.reset = true}, ""}, Case{{.body = "0123456789", .cut_after = 0}, ""},
        Case{{.body = "0123456789", .cut_after = 20}, ""},
        Case{{.body = "0123456789", .claimed_length = 11, .close = true}, "partial file"},
        Case{{.raw = "SSH-2.0-OpenSSH_9.2\r\n"}, ""}}) {
    server.then(broken.answer);
    Error error = error_of(get("/key?secret=1"));
    EXPECT_EQ(error.kind, ErrorKind::kTransient) << error.message;
    EXPECT_THAT(error.message, HasSubstr("GET " + server.url() + "/key: "));
    EXPECT_THAT(error.message, Not(HasSubstr("secret")));
    EXPECT_THAT(error.message, HasSubstr(broken.says));
  }
}

TEST_F(CurlClientTest, NobodyThereMayPass) {
  std::string url;
  {
    StubServer gone;
    url = gone.url();
  }
  Error error = error_of({.url = url + "/"});
  EXPECT_EQ(error.kind, ErrorKind::kTransient);
  EXPECT_THAT(error.message, HasSubstr("Connection refused"));
}

TEST_F(CurlClientTest, AnAnswerLargerThanAllowedIsCorrupt) {
  server.then({.body = std::string(1'001, 'x')});
  Request request = get();
  request.response_limit = 1'000;
  Error error = error_of(request);
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
  EXPECT_THAT(error.message, HasSubstr("larger than 1000 bytes"));
}

TEST_F(CurlClientTest, HeadersWithoutEndAreCorrupt) {
  std::string raw = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 5'000; ++i) raw += "X-Header-" + std::to_string(i) + ": something\r\n";
  server.then({.raw = raw + "\r\n"});
  EXPECT_EQ(error_of(get()).kind, ErrorKind::kCorrupt);
}

TEST_F(CurlClientTest, SilenceBeforeTheAnswerEnds) {
  server.then({.hang = true});
  Request request = get();
  request.timeouts = Timeouts{.first_byte = 100ms};
  Error error = error_of(request);
  EXPECT_EQ(error.kind, ErrorKind::kTransient);
  EXPECT_THAT(error.message, HasSubstr("no answer in 0.1 s"));
}

TEST_F(CurlClientTest, AnAnswerThatStallsEnds) {
  server.then({.body = std::string(100'000, 'x'), .stall_after = 50'000});
  Request request = get();
  request.timeouts = Timeouts{.stall = 100ms};
  Error error = error_of(request);
  EXPECT_EQ(error.kind, ErrorKind::kTransient);
  EXPECT_THAT(error.message, HasSubstr("the answer stalled for 0.1 s"));
}

TEST_F(CurlClientTest, TheDeadlineHoldsInEveryStage) {
  for (const Answer& answer :
       {Answer{.hang = true}, Answer{.body = std::string(100'000, 'x'), .stall_after = 50'000}}) {
    server.then(answer);
    Request request = get();
    auto began = clock.monotonic();
    request.deadline = began + 100ms;
    Error error = error_of(request);
    EXPECT_EQ(error.kind, ErrorKind::kTransient);
    EXPECT_THAT(error.message, HasSubstr("the time that the operation has"));
    EXPECT_LT(clock.monotonic() - began, 2s);
  }
}

TEST_F(CurlClientTest, AnInterruptEndsATransferAtOnce) {
  server.then({.hang = true});
  std::stop_source stop;
  Request request = get();
  request.stop = stop.get_token();
  std::jthread user([&] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  });
  auto began = clock.monotonic();
  EXPECT_EQ(error_of(request).kind, ErrorKind::kCancelled);
  EXPECT_LT(clock.monotonic() - began, 700ms);
}

TEST_F(CurlClientTest, AThrottledUploadTakesItsTime) {
  limit({.upload_bytes_per_s = 2'000'000});
  server.then({});
  std::string body(1'000'000, 'x');
  Request request = get();
  request.method = Method::kPut;
  request.body = {as_bytes(body)};
  request.timeouts = Timeouts{.stall = 200ms};
  auto began = clock.monotonic();
  ASSERT_TRUE(perform(request).ok());
  EXPECT_GT(clock.monotonic() - began, 250ms);
  EXPECT_EQ(server.requests()[0].body, body);
}

TEST_F(CurlClientTest, AThrottledDownloadTakesItsTimeAndArrivesWhole) {
  limit({.download_bytes_per_s = 2'000'000});
  Bytes body = SeededRandom(7).bytes(1'000'000);
  server.then({.body = std::string(as_text(body))});
  auto began = clock.monotonic();
  Response response = perform(get()).value();
  EXPECT_GT(clock.monotonic() - began, 250ms);
  EXPECT_EQ(response.body, body);
}

TEST_F(CurlClientTest, RequestsASecondAreLimited) {
  limit({.requests_per_s = 20});
  auto began = clock.monotonic();
  for (int i = 0; i < 10; ++i) {
    server.then({});
    ASSERT_TRUE(perform(get()).ok());
  }
  EXPECT_GT(clock.monotonic() - began, 300ms);
}

TEST_F(CurlClientTest, BytesAreCounted) {
  server.then({.body = std::string(5'000, 'x')});
  Request request = get();
  request.method = Method::kPost;
  request.body = {as_bytes("0123456789")};
  ASSERT_TRUE(perform(request).ok());
  Traffic traffic = counters.totals();
  EXPECT_EQ(traffic.requests[static_cast<size_t>(Method::kPost)], 1);
  EXPECT_GT(traffic.bytes_sent, 10);
  EXPECT_LT(traffic.bytes_sent, 500);
  EXPECT_GT(traffic.bytes_received, 5'000);
  EXPECT_LT(traffic.bytes_received, 5'500);
}

TEST_F(CurlClientTest, AHeaderCannotBeginAnother) {
  Request request = get();
  request.headers = {{"X-A", "1\r\nX-B: 2"}};
  EXPECT_EQ(error_of(request).kind, ErrorKind::kInvalid);
}

// Environment variables are the process's: this test comes alone with its own.
TEST_F(CurlClientTest, AProxyOfTheEnvironmentIsUsedUnlessTheRequestIsDirect) {
  ASSERT_EQ(setenv("http_proxy", ("http://user:hunter2@" + server.authority()).c_str(), 1), 0);
  ASSERT_EQ(unsetenv("no_proxy"), 0);
  server.then({.body = "by proxy"});
  Response response = perform({.url = "http://bucket.example.invalid/key"}).value();
  EXPECT_EQ(as_text(response.body), "by proxy");
  EXPECT_EQ(server.requests()[0].target, "http://bucket.example.invalid/key");
  server.then({.body = "direct"});
  Request request = get("/latest/meta-data");
  request.direct = true;
  ASSERT_TRUE(perform(request).ok());
  EXPECT_EQ(server.requests()[1].target, "/latest/meta-data");
  // What goes wrong with a proxy never shows its password.
  ASSERT_EQ(setenv("http_proxy", "http://user:hunter2@exa mple:x", 1), 0);
  Error error = error_of({.url = "http://bucket.example.invalid/key"});
  EXPECT_THAT(error.message + error.hint, Not(HasSubstr("hunter2")));
  unsetenv("http_proxy");
}

TEST_F(CurlClientTest, AServerWithoutTlsIsNotTrusted) {
  server.then({.raw = "HTTP/1.1 400 plain\r\n\r\n"});
  Error error = error_of({.url = "https://" + server.authority() + "/"});
  EXPECT_THAT(error.message, HasSubstr("TLS failed"));
}

}  // namespace
}  // namespace walkback::net
