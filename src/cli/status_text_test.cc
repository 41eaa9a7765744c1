#include "cli/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/golden.h"
#include "health/report_json.h"
#include "health/rules.h"
#include "health/testing/sample_facts.h"

namespace walkback::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const Suggestion kSuggestion("walkback --config /srv/wb.toml", "sudo -u postgres ");

std::string json_of(const health::Report& report) {
  return health::report_json(completed(report, kSuggestion), "db1");
}

TEST(StatusText, AllIsWell) {
  const health::Report report = judge(health::sample_facts(), {});
  expect_golden("status.txt", status_text(report));
  expect_golden("status.json", json_of(report));
}

// The screen at 3:47: what is wrong first, each with what to do.
TEST(StatusText, TheArchiverFailsAndTheDiskFills) {
  health::Facts facts = health::sample_facts();
  health::ServerFacts& server = **facts.server;
  server.archiver.last_failed = "00000001000000000000005A";
  server.archiver.last_failed_at = health::at("15:46:58");
  server.archiver.failures = 214;
  server.archiver.last_archived_at = health::at("14:30:10");
  server.slots = {{"old_subscriber", false, uint64_t{3} << 30, false}};
  health::WalDirectoryFacts& directory = **facts.wal_directory;
  directory.waiting = 290;
  directory.first_waiting = server.archiver.last_failed;
  directory.waiting_since = health::at("14:30:58");
  directory.disk.free_bytes = uint64_t{9} << 30;
  health::UnarchivedFacts& unarchived = **facts.unarchived;
  unarchived.bytes = uint64_t{290} << 24;
  unarchived.first_commit = health::at("14:30:11");
  health::RepositoryFacts& repository = **facts.repository;
  repository.mass_changes->value().push_back(
      {748, health::at("15:46:59"), "public.payments", "deleted", 200'000});
  repository.attempts.last_sound_verify = health::at("04:00:00") + -std::chrono::hours(10 * 24);
  const health::Report report = judge(facts, {});
  expect_golden("status_critical.txt", status_text(report));
  expect_golden("status_critical.json", json_of(report));
}

TEST(StatusText, TheServerIsDownAndTheRepositoryAway) {
  health::Facts facts = health::sample_facts();
  facts.server = make_error(ErrorKind::kTransient, "connecting to PostgreSQL: connection refused",
                            "postgresql.conninfo in the configuration says how to reach it");
  const Error gone = make_error(ErrorKind::kTransient, "s3://b/p does not answer", "is it up?");
  facts.places = {{"s3://b/p", true, gone, std::nullopt}};
  facts.repository = gone;
  facts.unarchived.reset();
  facts.keys.reset();
  expect_golden("status_blind.txt", status_text(judge(facts, {})));
}

TEST(StatusText, WhomATestReached) {
  const std::vector<alert::Delivery> deliveries{
      {"slack", alert::Reason::kTest, std::nullopt},
      {"email", alert::Reason::kTest,
       make_error(ErrorKind::kDenied, "smtp://mail:587: user or password is refused")}};
  EXPECT_EQ(test_alert_text(deliveries),
            "  channel\n"
            "  slack    sent\n"
            "  email    FAILED  smtp://mail:587: user or password is refused\n");
  EXPECT_THAT(test_alert_json(deliveries), HasSubstr("\"sent\": false"));
}

TEST(StatusText, HintsInJsonAreCompleteCommands) {
  health::Facts facts = health::sample_facts();
  (*facts.repository)->backups.clear();
  const std::string json = json_of(judge(facts, {}));
  EXPECT_THAT(json, HasSubstr("`sudo -u postgres walkback --config /srv/wb.toml backup`"));
}

TEST(StatusText, WhatARepositoryHoldsDoesNothingToATerminal) {
  health::Facts facts = health::sample_facts();
  (*facts.repository)->unreadable = {"\x1b[2Jgone"};
  EXPECT_THAT(status_text(judge(facts, {})), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace walkback::cli
