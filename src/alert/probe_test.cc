// What is found out of a channel without a message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "alert/tell.h"
#include "base/json.h"
#include "base/testing/seeded_random.h"
#include "net/curl_client.h"
#include "net/testing/stub_server.h"

namespace walkback::alert {
namespace {

using net::testing::Answer;
using net::testing::StubServer;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr std::string_view kSecretPath = "/services/T000/B000/s3cr3t";

class Door final : public net::MailClient {
 public:
  Result<void> send(const net::MailServer&, const net::Mail&) override {
    ADD_FAILURE() << "a mail";
    return success();
  }
  Result<void> try_envelope(const net::MailServer& server, const std::string&,
                            const std::vector<std::string>&) override {
    asked = server;
    if (failure) return *failure;
    return success();
  }
  net::MailServer asked;
  std::optional<Error> failure;
};

class ProbeTest : public testing::Test {
 protected:
  Result<std::string> probe() {
    auto probed = probe_all(channels_, means_);
    if (!probed.ok()) return probed.error();
    EXPECT_THAT(*probed, SizeIs(1));
    return probed->front().seen;
  }
  std::string refusal() {
    const Result<std::string> seen = probe();
    EXPECT_FALSE(seen.ok());
    if (seen.ok()) return "";
    EXPECT_THAT(seen.error().message + seen.error().hint, Not(HasSubstr("s3cr3t")));
    return seen.error().message;
  }

  SeededRandom random_{1};
  net::TrafficCounters counters_;
  std::unique_ptr<net::HttpClient> http_ = net::make_curl_client({}, system_clock(), counters_);
  Door mail_;
  Means means_{*http_, mail_, system_clock(), random_};
  ChannelOptions channels_;
  StubServer server_;
};

TEST_F(ProbeTest, SlackIsGivenAnEmptyMessageWhichItRefuses) {
  channels_.slack_url = server_.url() + std::string(kSecretPath);
  server_.then({.status = 400, .body = "no_text"});
  EXPECT_TRUE(probe().ok());
  EXPECT_EQ(server_.requests()[0].method + server_.requests()[0].body, "POST{}");
  for (const int status : {403, 404, 410}) {
    server_.then({.status = status});
    EXPECT_THAT(refusal(), HasSubstr(std::to_string(status)));
  }
}

TEST_F(ProbeTest, AWebhookIsAskedForNothingButItsHead) {
  channels_.webhook_url = server_.url() + std::string(kSecretPath);
  // Many take nothing but a POST.
  for (const int status : {200, 401, 403, 404, 405, 501}) {
    server_.then({.status = status});
    EXPECT_TRUE(probe().ok()) << status;
  }
  for (const auto& request : server_.requests()) EXPECT_EQ(request.method, "HEAD");
  server_.then({.status = 502});
  EXPECT_THAT(refusal(), HasSubstr("502"));
}

TEST_F(ProbeTest, ARedirectIsSaidAndNotFollowed) {
  StubServer elsewhere;
  const Answer away{.status = 302, .headers = {{"Location", elsewhere.url() + "/s3cr3t"}}};
  channels_.webhook_url = server_.url() + std::string(kSecretPath);
  server_.then(away);
  EXPECT_THAT(refusal(), HasSubstr("redirects to " + elsewhere.authority()));
  channels_ = {.slack_url = server_.url() + std::string(kSecretPath)};
  server_.then(away);
  EXPECT_THAT(refusal(), HasSubstr("redirects to " + elsewhere.authority()));
  EXPECT_THAT(elsewhere.requests(), IsEmpty());
}

TEST_F(ProbeTest, OneThatIsNotThereIsSaidAtOnce) {
  channels_.webhook_url = "http://127.0.0.1:9" + std::string(kSecretPath);
  EXPECT_THAT(refusal(), HasSubstr("HEAD http://127.0.0.1:9/…"));
}

TEST_F(ProbeTest, PagerDutyIsToldThatNothingIsOver) {
  channels_.pagerduty_key = "r0ut1ng";
  channels_.pagerduty_url = server_.url() + "/v2/enqueue";
  server_.then({.status = 202});
  EXPECT_TRUE(probe().ok());
  const Json event = Json::parse(server_.requests()[0].body);
  EXPECT_EQ(event["event_action"], "resolve");
  EXPECT_EQ(event["routing_key"], "r0ut1ng");
  EXPECT_FALSE(event.contains("payload"));
  server_.then({.status = 400});
  EXPECT_THAT(refusal(), HasSubstr("400"));
}

TEST_F(ProbeTest, TheSwitchIsNotPinged) {
  channels_.dead_mans_switch_url = server_.url() + "/ping?token=s3cr3t";
  server_.then({.status = 404});
  EXPECT_TRUE(probe().ok());
  ASSERT_THAT(server_.requests(), SizeIs(1));
  EXPECT_EQ(server_.requests()[0].target, "/");
  // Nothing can be asked of this one but what it takes for a ping.
  channels_.dead_mans_switch_url = server_.url();
  EXPECT_TRUE(probe().ok());
  EXPECT_THAT(server_.requests(), SizeIs(1));
}

TEST_F(ProbeTest, AMailServerIsLoggedInToWithoutAMail) {
  channels_.email = {.server = "smtp://127.0.0.1:25",
                     .user = "u",
                     .password = "s3cr3t",
                     .from = "a@b.c",
                     .to = {"a@b.c"}};
  EXPECT_THAT(probe().value(), HasSubstr("takes the user, the password and mail"));
  EXPECT_EQ(mail_.asked.password, "s3cr3t");
  EXPECT_LE(mail_.asked.whole, std::chrono::seconds(10)) << "somebody waits";
  mail_.failure = make_error(ErrorKind::kDenied, "user or password is refused");
  EXPECT_EQ(refusal(), "user or password is refused");
}

TEST_F(ProbeTest, ACommandIsNotRun) {
  channels_.command = "exit 1";
  EXPECT_EQ(probe().value(), "not run");
}

TEST_F(ProbeTest, WhatCannotBeUsedIsRefused) {
  channels_.slack_url = "s3cr3t";
  EXPECT_FALSE(probe_all(channels_, means_).ok());
  channels_ = {};
  EXPECT_THAT(probe_all(channels_, means_).value(), IsEmpty());
}

}  // namespace
}  // namespace walkback::alert
