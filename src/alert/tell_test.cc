#include "alert/tell.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "alert/run_command.h"
#include "base/json.h"
#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "base/testing/simulated_files.h"
#include "health/rules.h"
#include "health/testing/sample_facts.h"
#include "net/curl_client.h"
#include "net/testing/stub_server.h"

namespace walkback::alert {
namespace {

using net::testing::StubServer;
using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// Takes mails, or fails as told.
class Mailbox final : public net::MailClient {
 public:
  Result<void> send(const net::MailServer& server, const net::Mail& mail) override {
    ++tries;
    servers.push_back(server);
    if (failure) return *failure;
    mails.push_back(mail);
    return success();
  }
  Result<void> try_envelope(const net::MailServer&, const std::string&,
                            const std::vector<std::string>&) override {
    return success();
  }
  int tries = 0;
  std::optional<Error> failure;
  std::vector<net::MailServer> servers;
  std::vector<net::Mail> mails;
};

health::Report sample_report(bool well = false) {
  health::Facts facts = health::sample_facts();
  if (!well) {
    (*facts.repository)->gaps = {
        {{7}, {1}, {0x4000000}, {0x5000000}, health::at("12:00:00"), health::at("12:05:00"), ""}};
  }
  return judge(facts, {});
}

class TellTest : public testing::Test {
 protected:
  TellTest() {
    EXPECT_TRUE(make_directories(files_, "/etc/walkback", 0700).ok());
    options_.state_file = "/etc/walkback/alert.state";
    options_.host = "db1";
  }
  Told tell_now(const health::Report& report) {
    const Result<Told> told = tell(options_, report, files_, means_);
    EXPECT_TRUE(told.ok()) << told.error().message;
    return *told;
  }
  std::string everything(const Told& told) {
    std::string text;
    for (const Delivery& one : told.deliveries) {
      if (one.error) text += one.error->message + one.error->hint;
    }
    for (const auto& one : told.facts.failing) text += one.error;
    const auto state = read_file(files_, options_.state_file);
    if (state.ok()) text += as_text(*state);
    return text;
  }

  ManualClock clock_{health::at("15:47:00")};
  SeededRandom random_{1};
  SimulatedFiles files_{1, clock_};
  net::TrafficCounters counters_;
  std::unique_ptr<net::HttpClient> http_ = net::make_curl_client({}, clock_, counters_);
  Mailbox mail_;
  Means means_{*http_, mail_, clock_, random_};
  TellOptions options_;
};

constexpr std::string_view kSecretPath = "/services/T000/B000/s3cr3t";

TEST_F(TellTest, SlackIsToldWithColourAndFields) {
  StubServer slack;
  slack.then({.body = "ok"});
  options_.channels.slack_url = slack.url() + std::string(kSecretPath);
  const Told told = tell_now(sample_report());
  ASSERT_THAT(told.deliveries, SizeIs(1));
  EXPECT_FALSE(told.deliveries[0].error.has_value());
  ASSERT_THAT(slack.requests(), SizeIs(1));
  const auto request = slack.requests()[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, kSecretPath);
  const Json json = Json::parse(request.body);
  EXPECT_EQ(json["text"], "CRITICAL: cluster main on db1");
  const Json& attachment = json["attachments"][0];
  EXPECT_EQ(attachment["color"], "#a30200");
  EXPECT_THAT(attachment["text"].get<std::string>(), HasSubstr("*gap*: WAL from"));
  std::vector<std::string> titles;
  for (const Json& field : attachment["fields"]) titles.push_back(field["title"]);
  EXPECT_THAT(titles, ElementsAre("Last backup", "WAL lag", "Total size", "Issues"));
}

TEST_F(TellTest, ItIsSaidOnceThenAgainAndWhenItIsWell) {
  std::vector<std::string> reasons;
  StubServer webhook([&](const net::testing::SeenRequest& request) {
    reasons.push_back(Json::parse(request.body)["reason"]);
    return net::testing::Answer{};
  });
  options_.channels.webhook_url = webhook.url() + "/hook";
  health::Report report = sample_report();
  tell_now(report);
  report.at = report.at + minutes(5);
  tell_now(report);
  report.at = report.at + hours(4);
  tell_now(report);
  health::Report well = sample_report(true);
  well.at = report.at + minutes(5);
  tell_now(well);
  tell_now(well);
  EXPECT_THAT(reasons, ElementsAre("change", "repeat", "recovered"));
}

TEST_F(TellTest, AServerThatSaysNotNowIsAskedAgain) {
  StubServer webhook;
  webhook.then({.status = 503});
  webhook.then({.status = 429, .headers = {{"Retry-After", "1"}}});
  webhook.then({.status = 204});
  options_.channels.webhook_url = webhook.url() + "/hook";
  EXPECT_FALSE(tell_now(sample_report()).deliveries[0].error.has_value());
  EXPECT_THAT(webhook.requests(), SizeIs(3));
}

TEST_F(TellTest, ARedirectIsNotFollowed) {
  StubServer elsewhere;
  StubServer webhook;
  webhook.then({.status = 302, .headers = {{"Location", elsewhere.url() + "/stolen"}}});
  options_.channels.webhook_url = webhook.url() + std::string(kSecretPath);
  const Told told = tell_now(sample_report());
  ASSERT_TRUE(told.deliveries[0].error.has_value());
  EXPECT_THAT(told.deliveries[0].error->message, HasSubstr("redirects to 127.0.0.1"));
  EXPECT_THAT(elsewhere.requests(), IsEmpty());
  EXPECT_THAT(everything(told), Not(HasSubstr("s3cr3t")));
}

TEST_F(TellTest, WhatCannotBeSentIsAFindingAndIsTriedAgain) {
  StubServer webhook;
  for (int i = 0; i < 4; ++i) webhook.then({.status = 500});
  options_.channels.webhook_url = webhook.url() + std::string(kSecretPath);
  options_.channels.slack_url = "http://127.0.0.1:9" + std::string(kSecretPath);
  health::Report report = sample_report();
  const Told failed = tell_now(report);
  ASSERT_THAT(failed.facts.failing, SizeIs(2));
  EXPECT_THAT(everything(failed), Not(HasSubstr("s3cr3t")));
  // Also for whoever only looks.
  EXPECT_THAT(known_failures(options_, files_)->failing, SizeIs(2));
  webhook.then({});
  report.at = report.at + minutes(1);
  const Told again = tell_now(report);
  EXPECT_THAT(again.facts.failing, SizeIs(1));
  EXPECT_EQ(again.facts.failing[0].channel, "slack");
  EXPECT_EQ(again.facts.failing[0].since, sample_report().at);
}

TEST_F(TellTest, OneThatFailsDoesNotTellTheOthersTwice) {
  StubServer webhook;
  webhook.then({});
  options_.channels.webhook_url = webhook.url() + "/hook";
  options_.channels.slack_url = "http://127.0.0.1:9/x";
  tell_now(sample_report());
  tell_now(sample_report());
  EXPECT_THAT(webhook.requests(), SizeIs(1));
}

TEST_F(TellTest, PagerDutyHasOneIncidentAndEndsIt) {
  StubServer pager;
  pager.then({.status = 202});
  pager.then({.status = 202});
  options_.channels.pagerduty_key = "r0ut1ng";
  options_.channels.pagerduty_url = pager.url() + "/v2/enqueue";
  tell_now(sample_report());
  tell_now(sample_report(true));
  ASSERT_THAT(pager.requests(), SizeIs(2));
  const Json trigger = Json::parse(pager.requests()[0].body);
  EXPECT_EQ(trigger["event_action"], "trigger");
  EXPECT_EQ(trigger["routing_key"], "r0ut1ng");
  EXPECT_EQ(trigger["payload"]["severity"], "critical");
  EXPECT_EQ(trigger["payload"]["source"], "db1");
  const Json resolve = Json::parse(pager.requests()[1].body);
  EXPECT_EQ(resolve["event_action"], "resolve");
  EXPECT_EQ(resolve["dedup_key"], trigger["dedup_key"]);
}

TEST_F(TellTest, AMailHasWhatIsWrongFirst) {
  options_.channels.email = {.server = "smtp://127.0.0.1:25",
                             .from = "db1@example.org",
                             .to = {"a@example.org", "b@example.org"}};
  tell_now(sample_report());
  ASSERT_THAT(mail_.mails, SizeIs(1));
  const net::Mail& mail = mail_.mails[0];
  EXPECT_THAT(mail.to, ElementsAre("a@example.org", "b@example.org"));
  EXPECT_THAT(mail.text, HasSubstr("\r\nSubject: [walkback] CRITICAL: cluster main on db1\r\n"));
  EXPECT_THAT(mail.text, testing::StartsWith("Date: Sun, 22 Nov 2026 15:47:00 +0000\r\n"));
  EXPECT_THAT(mail.text, HasSubstr("CRITICAL gap: WAL from 0/4000000"));
  EXPECT_EQ(mail.text.find("\n\n"), std::string::npos) << "every line ends in CRLF";
  EXPECT_FALSE(mail_.servers[0].requires_tls) << "this host";
}

TEST_F(TellTest, ThisHostIsNotOneThatIsCalledAlike) {
  for (const std::string_view host : {"127.0.0.1.example.org", "localhost.example.org:25"}) {
    options_.channels.email = {
        .server = fmt::format("smtp://{}", host), .from = "a@b.c", .to = {"a@b.c"}};
    tell_now(sample_report());
    EXPECT_TRUE(mail_.servers.back().requires_tls) << host;
    ASSERT_TRUE(files_.remove(options_.state_file).ok());
  }
}

TEST_F(TellTest, APasswordGoesOverTlsOnly) {
  EmailOptions& email = options_.channels.email;
  email = {.server = "smtp://mail.example.org:587",
           .user = "u",
           .password = "p4ssw0rd",
           .from = "db1@example.org",
           .to = {"a@example.org"}};
  tell_now(sample_report());
  EXPECT_TRUE(mail_.servers[0].requires_tls);
  email.security = "none";
  const auto told = tell(options_, sample_report(), files_, means_);
  EXPECT_EQ(told.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(told.error().message, Not(HasSubstr("p4ssw0rd")));
}

TEST_F(TellTest, AWrongPasswordIsNotTriedAgainAndAgain) {
  mail_.failure = make_error(ErrorKind::kDenied, "user or password is refused");
  options_.channels.email = {.server = "smtp://127.0.0.1:25", .from = "a@b.c", .to = {"a@b.c"}};
  EXPECT_THAT(tell_now(sample_report()).facts.failing, SizeIs(1));
  EXPECT_EQ(mail_.tries, 1);
  mail_.failure = make_error(ErrorKind::kTransient, "451");
  tell_now(sample_report());
  EXPECT_EQ(mail_.tries, 1 + 4);
}

TEST_F(TellTest, ACommandIsGivenTheReport) {
  char path[] = "/tmp/walkback-alert-XXXXXX";
  ASSERT_NE(mkdtemp(path), nullptr);
  const std::string file = std::string(path) + "/seen";
  options_.channels.command = "cat > " + file + "; echo \"$ALERT_REASON $ALERT_LEVEL\" >> " + file;
  EXPECT_THAT(tell_now(sample_report()).facts.failing, IsEmpty());
  const std::string seen(as_text(read_file(system_files(), file).value()));
  EXPECT_THAT(seen, HasSubstr("\"rule\": \"gap\""));
  EXPECT_TRUE(seen.ends_with("change critical\n"));
  ASSERT_TRUE(system_files().remove(file).ok() && system_files().remove(path).ok());
}

TEST(RunCommand, FailuresAreSaidAndNothingHangs) {
  std::signal(SIGPIPE, SIG_IGN);  // as app does
  const std::string large(1 << 20, 'x');
  EXPECT_TRUE(run_command("true", large, {}, minutes(1)).ok()) << "it need not read";
  EXPECT_TRUE(run_command("wc -c >/dev/null", large, {}, minutes(1)).ok());
  EXPECT_THAT(run_command("exit 7", "", {}, minutes(1)).error().message, HasSubstr("7"));
  // Before it reads, too, and more than anybody keeps.
  const std::string talks = "head -c 300000 /dev/zero | tr '\\0' '\\n' >&2; cat >/dev/null; ";
  EXPECT_EQ(
      run_command(talks + "echo 'no such room' >&2; exit 7", large, {}, minutes(1)).error().message,
      "its exit status is 7: no such room");
  const auto slow = run_command("sleep 60", large, {}, std::chrono::milliseconds(200));
  EXPECT_EQ(slow.error().kind, ErrorKind::kTransient);
}

TEST_F(TellTest, TheSwitchIsPingedUnlessItIsCritical) {
  StubServer keeper;
  keeper.then({});
  options_.channels.dead_mans_switch_url = keeper.url() + "/ping";
  tell_now(sample_report());
  EXPECT_THAT(keeper.requests(), IsEmpty());
  tell_now(sample_report(true));
  EXPECT_THAT(keeper.requests(), SizeIs(1));
  // One that does not answer is a finding.
  EXPECT_THAT(tell_now(sample_report(true)).facts.failing, SizeIs(1));
}

// Silence would be worse.
TEST_F(TellTest, WithoutAStateEachRunTellsAndSaysWhy) {
  StubServer webhook;
  webhook.then({});
  webhook.then({});
  options_.channels.webhook_url = webhook.url() + "/hook";
  options_.state_file = "/none/alert.state";
  EXPECT_NE(tell_now(sample_report()).facts.state_error, "");
  tell_now(sample_report());
  EXPECT_THAT(webhook.requests(), SizeIs(2));
}

TEST_F(TellTest, AStateThatIsDamagedIsNone) {
  StubServer webhook;
  webhook.then({});
  ASSERT_TRUE(replace_file(files_, options_.state_file, as_bytes("{\"channels\": 7"), 0600).ok());
  options_.channels.webhook_url = webhook.url() + "/hook";
  EXPECT_THAT(tell_now(sample_report()).deliveries, SizeIs(1));
  EXPECT_THAT(tell_now(sample_report()).deliveries, IsEmpty());
}

TEST_F(TellTest, ATestReachesEveryChannelWhateverWasSaid) {
  std::vector<std::string> seen;
  StubServer server([&](const net::testing::SeenRequest& request) {
    seen.push_back(request.method + " " + request.target);
    return net::testing::Answer{};
  });
  options_.channels.slack_url = server.url() + "/slack";
  options_.channels.pagerduty_key = "k";
  options_.channels.pagerduty_url = server.url() + "/pager";
  options_.channels.dead_mans_switch_url = server.url() + "/ping";
  const auto told = tell_test(options_, sample_report(true), means_);
  ASSERT_TRUE(told.ok());
  EXPECT_THAT(seen, ElementsAre("POST /slack", "POST /pager", "GET /ping"));
  options_.channels = {};
  EXPECT_EQ(tell_test(options_, sample_report(true), means_).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(tell(options_, sample_report(), files_, means_).error().message, "no alert is set up");
}

TEST_F(TellTest, OptionsThatCannotBeUsedAreRefusedWithoutShowingThem) {
  auto refused = [&](const ChannelOptions& channels) {
    options_.channels = channels;
    const auto told = tell(options_, sample_report(), files_, means_);
    EXPECT_FALSE(told.ok());
    return told.ok() ? "" : told.error().message;
  };
  EXPECT_EQ(refused({.slack_url = "ftp://s3cr3t"}),
            "alert.slack_url is no http:// or https:// URL");
  EXPECT_THAT(refused({.dead_mans_switch_url = "s3cr3t"}), Not(HasSubstr("s3cr3t")));
  EXPECT_THAT(refused({.email = {.server = "smtp://h:25"}}), HasSubstr("email_from"));
  EXPECT_THAT(refused({.email = {.server = "h:25", .from = "a@b", .to = {"a@b"}}}),
              HasSubstr("alert.smtp_url"));
  EXPECT_THAT(refused({.email = {.server = "smtp://h", .from = "a@b", .to = {"no address"}}}),
              HasSubstr("email_to"));
  EXPECT_THAT(refused({.email = {.server = "smtp://u:p@h", .from = "a@b", .to = {"a@b"}}}),
              HasSubstr("holds a user"));
}

}  // namespace
}  // namespace walkback::alert
