#include "metrics/expose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "health/rules.h"
#include "health/testing/sample_facts.h"

namespace walkback::metrics {
namespace {

using health::at;
using testing::HasSubstr;
using testing::Not;

std::string exposed(const health::Facts& facts, const health::Limits& limits = {}) {
  return expose(facts, limits, health::judge(facts, limits), "0.1.0");
}

// Of a line "walkback_NAME{cluster="main"…} VALUE".
std::string line(const std::string& name, const std::string& value, const std::string& more = "") {
  return "\n" + name + "{cluster=\"main\"" + more + "} " + value + "\n";
}

TEST(Expose, AHealthyClustersFiguresAreThoseOfStatus) {
  health::Limits limits;
  limits.recovery_time_objective = std::chrono::minutes(10);
  const std::string text = exposed(health::sample_facts(), limits);
  EXPECT_THAT(text, HasSubstr(line("walkback_build_info", "1", ",version=\"0.1.0\"")));
  EXPECT_THAT(text, HasSubstr(line("walkback_health_state", "0")));
  EXPECT_THAT(text, HasSubstr(line("walkback_findings", "0", ",level=\"critical\"")));
  EXPECT_THAT(text, HasSubstr(line("walkback_last_backup_age_seconds", "48780")));  // 13:33 hours
  EXPECT_THAT(text, HasSubstr(line("walkback_archive_lag_seconds", "12")));
  EXPECT_THAT(text, HasSubstr(line("walkback_archive_lag_bytes", "4776")));
  EXPECT_THAT(text, HasSubstr(line("walkback_last_good_drill_recovery_seconds", "125")));
  EXPECT_THAT(text, HasSubstr(line("walkback_recovery_time_objective_seconds", "600")));
  EXPECT_THAT(text, HasSubstr(line("walkback_recovery_windows", "1")));
  EXPECT_THAT(text, HasSubstr(line("walkback_wal_gaps", "0")));
  EXPECT_THAT(text, HasSubstr(line("walkback_host_key_present", "1")));
}

TEST(Expose, WhatIsStoredIsSaidByClass) {
  health::Facts facts = health::sample_facts();
  const std::string text = exposed(facts);
  EXPECT_THAT(text,
              HasSubstr(line("walkback_repository_class_bytes", "3221225472", ",class=\"packs\"")));
  EXPECT_THAT(text, HasSubstr(line("walkback_repository_class_objects", "12", ",class=\"packs\"")));
  EXPECT_THAT(text, HasSubstr(line("walkback_repository_class_bytes", "0", ",class=\"wal\"")));
  facts.stored.reset();
  EXPECT_THAT(exposed(facts), Not(HasSubstr("walkback_repository_class")));
}

TEST(Expose, TheStateIsThatOfTheWorstFinding) {
  health::Facts facts = health::sample_facts();
  facts.unarchived.value()->first_commit = at("15:30:00");
  EXPECT_THAT(exposed(facts), HasSubstr(line("walkback_health_state", "1")));
  EXPECT_THAT(exposed(facts), HasSubstr(line("walkback_rule_level", "1", ",rule=\"wal_lag\"")));
  facts.unarchived.value()->first_commit = at("11:30:00");
  EXPECT_THAT(exposed(facts), HasSubstr(line("walkback_health_state", "2")));
  EXPECT_THAT(exposed(facts), HasSubstr(line("walkback_archive_lag_seconds", "15420")));
}

// A lag of 0 from a server that does not answer would be a promise.
TEST(Expose, WhatIsNotKnownHasNoSample) {
  health::Facts facts = health::sample_facts();
  const Error down = make_error(ErrorKind::kTransient, "no answer");
  facts.server = Result<health::ServerFacts>(down);
  facts.unarchived = Result<health::UnarchivedFacts>(down);
  const std::string text = exposed(facts);
  EXPECT_THAT(text, HasSubstr(line("walkback_source_up", "0", ",source=\"server\"")));
  EXPECT_THAT(text, HasSubstr(line("walkback_rule_unknown", "1", ",rule=\"wal_lag\"")));
  EXPECT_THAT(text, HasSubstr(line("walkback_health_state", "2")));
  EXPECT_THAT(text, Not(HasSubstr("walkback_archive_lag_seconds")));
  EXPECT_THAT(text, Not(HasSubstr("walkback_archiver_failures_total")));
  EXPECT_THAT(text, HasSubstr(line("walkback_backups", "1")));
}

TEST(Expose, ARepositoryThatDoesNotAnswerLeavesTheRestToBeSeen) {
  health::Facts facts = health::sample_facts();
  const Error down = make_error(ErrorKind::kTransient, "no answer");
  facts.places[0].error = down;
  facts.repository = Result<health::RepositoryFacts>(down);
  const std::string text = exposed(facts);
  EXPECT_THAT(text, HasSubstr(line("walkback_place_up", "0", ",place=\"file:///srv/walkback\"")));
  EXPECT_THAT(text, Not(HasSubstr("walkback_last_backup")));
  EXPECT_THAT(text, HasSubstr(line("walkback_archiver_on", "1")));
}

TEST(Expose, NoBackupIsACountAndNoAge) {
  health::Facts facts = health::sample_facts();
  facts.repository.value()->backups.clear();
  facts.repository.value()->windows.clear();
  EXPECT_THAT(exposed(facts), HasSubstr(line("walkback_backups", "0")));
  EXPECT_THAT(exposed(facts), Not(HasSubstr("walkback_last_backup")));
  EXPECT_THAT(exposed(facts), Not(HasSubstr("walkback_recovery_window_")));
}

TEST(Expose, AnIdleClusterLagsBehindByNothing) {
  health::Facts facts = health::sample_facts();
  facts.unarchived.value()->first_commit.reset();
  EXPECT_THAT(exposed(facts), HasSubstr(line("walkback_archive_lag_seconds", "0")));
}

TEST(Expose, EachSlotHasItsFigures) {
  health::Facts facts = health::sample_facts();
  facts.server.value()->slots = {{"a", true, 7, false}, {"b", false, 9, true}};
  const std::string text = exposed(facts);
  EXPECT_THAT(text, HasSubstr(line("walkback_slot_held_bytes", "9", ",slot=\"b\"")));
  EXPECT_THAT(text, HasSubstr(line("walkback_slot_lost", "1", ",slot=\"b\"")));
  EXPECT_THAT(text, HasSubstr(line("walkback_slot_active", "1", ",slot=\"a\"")));
}

TEST(Expose, AFailedDrillKeepsTheTimeOfTheGoodOne) {
  health::Facts facts = health::sample_facts();
  facts.repository.value()->attempts.last_drill =
      health::Attempts::Drill{at("06:00:00"), false, 0, 0, "a check failed"};
  EXPECT_THAT(exposed(facts), HasSubstr(line("walkback_last_drill_success", "0")));
  EXPECT_THAT(exposed(facts), HasSubstr(line("walkback_last_good_drill_recovery_seconds", "125")));
}

// Everything that can be known, so that every family has a sample.
health::Facts full_facts() {
  health::Facts facts = health::sample_facts();
  facts.server.value()->slots = {{"a", true, 7, false}};
  facts.server.value()->archiver.last_failed_at = at("01:00:00");
  facts.wal_directory.value()->waiting_since = at("15:46:00");
  facts.store_ahead = std::chrono::seconds(2);
  return facts;
}

std::set<std::string> words_after(const std::string& text, const std::string& mark, char end) {
  std::set<std::string> words;
  for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const size_t begin = at + mark.size();
    words.insert(text.substr(begin, text.find(end, begin) - begin));
  }
  return words;
}

TEST(Expose, TheManualHasEveryFamilyAndNoOther) {
  std::stringstream manual;
  manual << std::ifstream(WALKBACK_METRICS_MANUAL).rdbuf();
  health::Limits limits;
  limits.recovery_time_objective = std::chrono::minutes(10);
  EXPECT_EQ(words_after(manual.str(), "\n| `", '`'),
            words_after(exposed(full_facts(), limits), "# TYPE ", ' '));
}

TEST(Expose, NoFamilyComesTwice) {
  const std::string text = exposed(full_facts());
  const std::set<std::string> names = words_after(text, "# TYPE ", ' ');
  size_t families = 0;
  for (size_t at = text.find("# TYPE "); at != std::string::npos;
       at = text.find("# TYPE ", at + 1)) {
    ++families;
  }
  EXPECT_EQ(families, names.size());
}

}  // namespace
}  // namespace walkback::metrics
