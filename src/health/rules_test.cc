#include "health/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "health/testing/sample_facts.h"

namespace walkback::health {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

RepositoryFacts& repository(Facts& facts) { return **facts.repository; }
ServerFacts& server(Facts& facts) { return **facts.server; }
WalDirectoryFacts& directory(Facts& facts) { return **facts.wal_directory; }
UnarchivedFacts& unarchived(Facts& facts) { return **facts.unarchived; }
KeyFacts& keys(Facts& facts) { return **facts.keys; }
Attempts& attempts(Facts& facts) { return repository(facts).attempts; }

// The worst that `rule` says; nothing when it says nothing.
std::optional<Finding> said(const Report& report, std::string_view rule) {
  const auto found = std::ranges::find(report.findings, rule, &Finding::rule);
  return found == report.findings.end() ? std::nullopt : std::optional(*found);
}

struct Case {
  std::string rule;
  Level level = Level::kHealthy;
  std::string text;  // stands in the text
  std::function<void(Facts&, Limits&)> change;
};

void expect(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    Facts facts = sample_facts();
    Limits limits;
    one.change(facts, limits);
    const Report report = judge(facts, limits);
    const std::optional<Finding> finding = said(report, one.rule);
    ASSERT_TRUE(finding.has_value()) << one.rule << ": " << one.text;
    EXPECT_EQ(level_name(finding->level), level_name(one.level)) << finding->text;
    EXPECT_THAT(finding->text, HasSubstr(one.text));
    EXPECT_EQ(finding->text.find('\n'), std::string::npos);
    // Somebody who is told that something is wrong is told what to do.
    EXPECT_EQ(finding->hint.empty(), finding->level == Level::kHealthy) << finding->text;
    EXPECT_GE(report.status(), one.level);
  }
}

TEST(Rules, AClusterThatIsWellIsHealthyAndEveryRuleSaysWhy) {
  Facts facts = sample_facts();
  Limits limits;
  limits.recovery_time_objective = minutes(10);
  const Report report = judge(facts, limits);
  EXPECT_EQ(report.status(), Level::kHealthy);
  EXPECT_TRUE(report.not_known.empty());
  for (const std::string_view rule : all_rules()) {
    if (rule == "unreadable") continue;  // speaks of what is there only
    EXPECT_TRUE(said(report, rule).has_value()) << rule;
  }
}

// Whoever takes the first line at its word must not be refused.
TEST(Rules, ABackupThatCannotWorkYetIsAdvisedAfterWhatComesFirst) {
  auto hint = [](const std::function<void(ServerFacts&)>& change, std::string_view rule) {
    Facts facts = sample_facts();
    repository(facts).backups.clear();
    attempts(facts) = {};
    change(server(facts));
    Limits limits;
    limits.drill_age = hours(24);
    return said(judge(facts, limits), rule)->hint;
  };
  const auto well = [](ServerFacts&) {};
  EXPECT_EQ(hint(well, "backup_age"), "`walkback backup` takes one");
  EXPECT_THAT(hint(well, "drill"), testing::StartsWith("once there is a backup, "));
  EXPECT_THAT(hint(well, "verify"), testing::StartsWith("once there is a backup, "));
  const auto set = [](ServerFacts& server) {
    server.archiver.on = false;
    server.archiver.waits_for_restart = true;
  };
  EXPECT_THAT(hint(set, "backup_age"), testing::StartsWith("first restart PostgreSQL"));
  EXPECT_THAT(hint(set, "archiver"), testing::StartsWith("restart PostgreSQL"));
  const auto off = [](ServerFacts& server) { server.archiver.on = false; };
  EXPECT_THAT(hint(off, "backup_age"), testing::StartsWith("first `walkback init --apply`"));
  EXPECT_THAT(hint(off, "archiver"), HasSubstr("then restart PostgreSQL"));
  const auto elsewhere = [](ServerFacts& server) { server.archiver.archives_elsewhere = true; };
  EXPECT_THAT(hint(elsewhere, "backup_age"), HasSubstr("`walkback check` shows it"));
  const auto standby = [](ServerFacts& server) {
    server.in_recovery = true;
    server.archiver.on = false;
  };
  EXPECT_EQ(hint(standby, "backup_age"), "`walkback backup` takes one");
}

TEST(Rules, AgeOfTheLastGoodBackup) {
  auto aged = [](std::chrono::microseconds age) {
    return [age](Facts& facts, Limits&) {
      repository(facts).backups[0].stopped_at = facts.now + -age;
    };
  };
  expect({
      {"backup_age", Level::kHealthy, "1 d 1 h ago", aged(hours(25))},
      {"backup_age", Level::kWarning, "the limit is 1 d 1 h", aged(hours(25) + seconds(1))},
      {"backup_age", Level::kWarning, "2 d 2 h", aged(hours(50))},
      {"backup_age", Level::kCritical, "2 d 2 h", aged(hours(50) + seconds(1))},
      // A clock that was set back makes nothing old.
      {"backup_age", Level::kHealthy, "0.0 s ago", aged(-std::chrono::minutes(10))},
      {"backup_age", Level::kCritical, "which is yet to come", aged(-hours(1))},
      {"backup_age", Level::kHealthy, "ago",
       [&](Facts& facts, Limits& limits) {
         aged(hours(1000))(facts, limits);
         limits.backup_age.reset();
       }},
      {"backup_age", Level::kCritical, "there is no backup",
       [](Facts& facts, Limits&) { repository(facts).backups.clear(); }},
      {"backup_age", Level::kCritical, "no good backup: of 1 backup",
       [](Facts& facts, Limits&) { repository(facts).backups[0].bad_pages = 1; }},
      // The newer one does not count.
      {"backup_age", Level::kWarning, "20261122T020001Z-3f9a, ended 1 d 6 h ago",
       [&](Facts& facts, Limits& limits) {
         aged(hours(30))(facts, limits);
         auto bad = sample_backup("bad", facts.now + -hours(1));
         bad.bad_pages = 2;
         repository(facts).backups.push_back(bad);
       }},
      {"backup_age", Level::kWarning, "failed: no space",
       [&](Facts& facts, Limits& limits) {
         aged(hours(26))(facts, limits);
         attempts(facts).failed_backup = Attempts::Failure{at("02:00:00"), "no space"};
       }},
      {"backup_age", Level::kWarning, "one runs since 7 min 0 s",
       [&](Facts& facts, Limits& limits) {
         aged(hours(26))(facts, limits);
         attempts(facts).running_backup = at("15:40:00");
       }},
  });
}

TEST(Rules, PagesThatAreNotWhatTheyShouldBe) {
  expect({
      {"bad_pages", Level::kCritical, "1 page of the cluster failed its checksum",
       [](Facts& facts, Limits&) { repository(facts).backups[0].bad_pages = 1; }},
      {"bad_pages", Level::kCritical, "3 pages changed without a word",
       [](Facts& facts, Limits&) { repository(facts).backups[0].unexplained_pages = 3; }},
      {"unreadable", Level::kCritical, "2 objects in the repository cannot be read: a is damaged",
       [](Facts& facts, Limits&) {
         repository(facts).unreadable = {"a is damaged", "b"};
       }},
  });
}

catalog::WalGap gap(uint64_t from, uint64_t to, std::optional<Timestamp> until) {
  return {{7}, {1}, {from}, {to}, std::nullopt, until, ""};
}

TEST(Rules, Gaps) {
  // After the last backup nothing gets across it; before, moments are lost.
  auto with = [](catalog::WalGap one) {
    return [one](Facts& facts, Limits&) { repository(facts).gaps = {one}; };
  };
  expect({
      {"gap", Level::kHealthy, "every moment from", [](Facts&, Limits&) {}},
      {"gap", Level::kCritical, "nothing can be recovered",
       [](Facts& facts, Limits&) { repository(facts).windows.clear(); }},
      {"gap", Level::kCritical, "nothing after", with(gap(0x4000000, 0x5000000, at("12:00:00")))},
      {"gap", Level::kWarning, "cannot be recovered",
       with(gap(0x1000000, 0x30000F8, at("01:00:00")))},
      {"gap", Level::kCritical, "is of no use (wal_level=minimal)",
       [](Facts& facts, Limits&) {
         repository(facts).gaps = {gap(0x4000000, 0x5000000, at("12:00:00"))};
         repository(facts).gaps[0].reason = "wal_level=minimal";
       }},
  });
}

// What retention takes away by its own rules is no loss.
TEST(Rules, AGapCountsOnlyWhereRetentionPromisesEveryMoment) {
  auto old_gap = [](Facts& facts) {
    repository(facts).backups = {sample_backup("old", at("00:30:00")),
                                 sample_backup("new", at("02:14:00"))};
    repository(facts).backups[1].stop_lsn = {0x60000000};
    repository(facts).gaps = {gap(0x4000000, 0x5000000, at("01:00:00"))};
  };
  auto promising = [&](Span window, int count, bool thins_out) {
    return [=](Facts& facts, Limits& limits) {
      old_gap(facts);
      limits.promise = {window, count, thins_out};
    };
  };
  expect({
      {"gap", Level::kWarning, "cannot be recovered", promising({}, 0, false)},
      {"gap", Level::kHealthy, "every moment", promising({}, 0, true)},
      {"gap", Level::kHealthy, "every moment", promising({}, 1, false)},
      {"gap", Level::kWarning, "cannot be recovered", promising({}, 2, false)},
      {"gap", Level::kHealthy, "every moment", promising(hours(14), 0, true)},
      {"gap", Level::kWarning, "cannot be recovered", promising(hours(15), 0, true)},
  });
}

TEST(Rules, TheArchiver) {
  auto failing = [](std::optional<Timestamp> waiting_since) {
    return [=](Facts& facts, Limits&) {
      server(facts).archiver.last_failed = "00000001000000000000005A";
      server(facts).archiver.last_failed_at = at("15:46:59");
      directory(facts).waiting = waiting_since ? 3 : 0;
      directory(facts).waiting_since = waiting_since;
    };
  };
  expect({
      {"archiver", Level::kHealthy, "last archived 000000010000000000000059, 19 s ago",
       [](Facts&, Limits&) {}},
      {"archiver", Level::kWarning, "archive_command fails: 00000001000000000000005A at 2026-11-22",
       failing(at("15:37:00"))},
      {"archiver", Level::kCritical, "a segment waits for 10 min 1 s", failing(at("15:36:59"))},
      {"archiver", Level::kWarning, "archive_command fails", failing({})},
      // It has worked again since.
      {"archiver", Level::kHealthy, "last archived",
       [](Facts& facts, Limits&) {
         server(facts).archiver.last_failed = "000000010000000000000058";
         server(facts).archiver.last_failed_at = at("15:46:40");
       }},
      {"archiver", Level::kCritical, "archive_mode is off",
       [](Facts& facts, Limits&) { server(facts).archiver.on = false; }},
      {"archiver", Level::kCritical, "archive_command is empty",
       [](Facts& facts, Limits&) { server(facts).archiver.has_command = false; }},
      {"archiver", Level::kCritical, "and it is not in the repository",
       [](Facts& facts, Limits&) { server(facts).archiver.archives_elsewhere = true; }},
  });
}

TEST(Rules, WhatWouldBeLostWithTheServersDisk) {
  auto old = [](std::chrono::microseconds age) {
    return [age](Facts& facts, Limits&) {
      unarchived(facts).first_commit = server(facts).clock + -age;
    };
  };
  expect({
      {"wal_lag", Level::kHealthy, "12 s old, with 4.7 KiB of WAL", [](Facts&, Limits&) {}},
      {"wal_lag", Level::kHealthy, "everything that is committed is in the repository",
       [](Facts& facts, Limits&) { unarchived(facts).first_commit.reset(); }},
      {"wal_lag", Level::kHealthy, "10 min 0 s old", old(minutes(10))},
      {"wal_lag", Level::kWarning, "the limit is 10 min 0 s", old(minutes(10) + seconds(1))},
      {"wal_lag", Level::kWarning, "1 h 0 min old", old(hours(1))},
      {"wal_lag", Level::kCritical, "1 h 0 min old", old(hours(1) + seconds(1))},
      // By the clock that wrote the commit's time.
      {"wal_lag", Level::kHealthy, "12 s old",
       [](Facts& facts, Limits&) { facts.now = facts.now + hours(3); }},
      {"wal_lag", Level::kCritical, "00000001000000000000005A is neither in the repository",
       [](Facts& facts, Limits&) { unarchived(facts).lost = "00000001000000000000005A"; }},
  });
}

TEST(Rules, TheReasonForALagIsNamed) {
  auto hint = [](const std::function<void(Facts&)>& change) {
    Facts facts = sample_facts();
    unarchived(facts).first_commit = server(facts).clock + -minutes(30);
    change(facts);
    return said(judge(facts, {}), "wal_lag")->hint;
  };
  EXPECT_THAT(hint([](Facts&) {}), HasSubstr("does not keep up"));
  EXPECT_THAT(hint([](Facts& facts) { server(facts).archiver.timeout = seconds(0); }),
              HasSubstr("archive_timeout has passed, which is off"));
  EXPECT_THAT(hint([](Facts& facts) { server(facts).archiver.timeout = hours(1); }),
              HasSubstr("which is 1 h 0 min"));
  EXPECT_THAT(hint([](Facts& facts) { server(facts).archiver.last_failed_at = facts.now; }),
              HasSubstr("archiver's finding"));
  EXPECT_THAT(hint([](Facts& facts) {
                facts.server = make_error(ErrorKind::kTransient, "connection refused");
              }),
              HasSubstr("in its pg_wal alone"));
}

TEST(Rules, PgWalAgainstTheDisk) {
  // 1 MiB a second.
  auto piling = [](std::chrono::seconds left, std::chrono::seconds waits) {
    return [=](Facts& facts, Limits&) {
      directory(facts).disk.free_bytes = static_cast<uint64_t>(left.count()) << 20;
      directory(facts).waiting = 7;
      directory(facts).waiting_since = facts.now + -waits;
    };
  };
  constexpr seconds kWaits = minutes(5);
  expect({
      {"pg_wal", Level::kHealthy, "1.0 GiB in pg_wal, 40.0 GiB free", [](Facts&, Limits&) {}},
      {"pg_wal", Level::kHealthy, "the disk is full in 1 d 0 h", piling(hours(24), kWaits)},
      {"pg_wal", Level::kWarning, "7 segments wait", piling(hours(24) - seconds(1), kWaits)},
      {"pg_wal", Level::kWarning, "(1.0 MiB/s)", piling(hours(4), kWaits)},
      {"pg_wal", Level::kCritical, "full in 3 h 59 min", piling(hours(4) - seconds(1), kWaits)},
      // The archiver is about to take it.
      {"pg_wal", Level::kHealthy, "free", piling(hours(1), seconds(60))},
      {"pg_wal", Level::kCritical, "stops when it cannot write",
       [](Facts& facts, Limits&) { directory(facts).disk.free_bytes = (uint64_t{160} << 20) - 1; }},
      {"pg_wal", Level::kHealthy, "free",
       [](Facts& facts, Limits&) { directory(facts).disk.free_bytes = uint64_t{160} << 20; }},
      {"pg_wal", Level::kCritical, "a replication slot holds WAL",
       [](Facts& facts, Limits&) {
         server(facts).slots = {{"left", false, uint64_t{2} << 30, false}};
         directory(facts).disk.free_bytes = uint64_t{3} << 30;
       }},
  });
}

TEST(Rules, Slots) {
  auto slot = [](bool active, uint64_t held, bool lost = false) {
    return [=](Facts& facts, Limits&) { server(facts).slots = {{"left", active, held, lost}}; };
  };
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  expect({
      {"slot", Level::kHealthy, "no replication slots", [](Facts&, Limits&) {}},
      {"slot", Level::kHealthy, "1 replication slot, holding 1.0 GiB", slot(false, kGiB)},
      {"slot", Level::kWarning, "left holds 1.0 GiB of WAL in pg_wal; nothing reads from it",
       slot(false, kGiB + 1)},
      {"slot", Level::kWarning, "does not keep up", slot(true, 2 * kGiB)},
      {"slot", Level::kCritical, "less than that is free", slot(false, 41 * kGiB)},
      {"slot", Level::kWarning, "has lost the WAL", slot(false, 0, true)},
  });
}

TEST(Rules, Verification) {
  auto verified = [](std::chrono::microseconds age) {
    return [age](Facts& facts, Limits&) { attempts(facts).last_sound_verify = facts.now + -age; };
  };
  expect({
      {"verify", Level::kHealthy, "verified 8 d 0 h ago", verified(hours(8 * 24))},
      {"verify", Level::kWarning, "the limit is 8 d 0 h", verified(hours(8 * 24) + seconds(1))},
      {"verify", Level::kWarning, "never verified",
       [](Facts& facts, Limits&) {
         attempts(facts).last_verify.reset();
         attempts(facts).last_sound_verify.reset();
       }},
      {"verify", Level::kHealthy, "the last run failed: the bucket does not answer",
       [](Facts& facts, Limits&) {
         attempts(facts).last_verify = {at("15:00:00"), false, false, 0,
                                        "the bucket does not answer"};
       }},
      {"verify", Level::kHealthy, "ago; the WAL has 2 gaps",
       [](Facts& facts, Limits&) {
         attempts(facts).last_verify = {at("15:00:00"), true, false, 2};
       }},
      {"verify", Level::kCritical, "found trouble: packs/ab is damaged",
       [](Facts& facts, Limits&) {
         attempts(facts).last_verify = {at("15:00:00"), false, true, 1, "packs/ab is damaged"};
       }},
  });
}

TEST(Rules, DrillsAndTheTimeTheyTook) {
  auto none = [](Facts& facts) {
    attempts(facts).last_drill.reset();
    attempts(facts).last_good_drill.reset();
  };
  auto aged = [](std::chrono::microseconds age) {
    return [age](Facts& facts, Limits& limits) {
      limits.drill_age = hours(10 * 24);
      attempts(facts).last_good_drill->at = facts.now + -age;
    };
  };
  auto took = [](double seconds_taken) {
    return [=](Facts& facts, Limits& limits) {
      limits.recovery_time_objective = minutes(10);
      attempts(facts).last_good_drill->recovery_s = seconds_taken;
    };
  };
  expect({
      {"drill", Level::kHealthy, "recovered in 2 min 5 s", [](Facts&, Limits&) {}},
      {"drill", Level::kHealthy, "10 d 0 h ago", aged(hours(10 * 24))},
      {"drill", Level::kWarning, "the limit is 10 d 0 h", aged(hours(10 * 24) + seconds(1))},
      {"drill", Level::kHealthy, "no drill",
       [&](Facts& facts, Limits& limits) {
         none(facts);
         limits.drill_age.reset();
       }},
      {"drill", Level::kWarning, "no drill", [&](Facts& facts, Limits&) { none(facts); }},
      {"drill", Level::kCritical, "failed: 3 rows instead of 4",
       [](Facts& facts, Limits&) {
         attempts(facts).last_drill =
             Attempts::Drill{at("15:00:00"), false, 0, 0, "3 rows instead of 4"};
       }},
      {"recovery_time", Level::kHealthy, "took 10 min 0 s of the 10 min 0 s", took(600)},
      {"recovery_time", Level::kWarning, "took 10 min 1 s", took(601)},
      {"recovery_time", Level::kWarning, "no drill has measured it",
       [&](Facts& facts, Limits& limits) {
         none(facts);
         limits.recovery_time_objective = minutes(10);
       }},
  });
}

TEST(Rules, MassDeletes) {
  expect({
      {"mass_delete", Level::kHealthy, "took 100,000 rows or more", [](Facts&, Limits&) {}},
      {"mass_delete", Level::kWarning,
       "transaction 748 deleted 200,000 rows of public.payments at 2026-11-22",
       [](Facts& facts, Limits&) {
         (*repository(facts).mass_changes)
             ->push_back({748, at("15:46:59"), "public.payments", "deleted", 200'000});
       }},
      {"mass_delete", Level::kWarning, "transaction 748 dropped public.payments (200,000 rows)",
       [](Facts& facts, Limits&) {
         (*repository(facts).mass_changes)
             ->push_back({748, at("15:46:59"), "public.payments", "dropped", 200'000});
       }},
  });
}

TEST(Rules, TheRepositoryAndItsGrowth) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  auto free = [](uint64_t bytes) {
    return [bytes](Facts& facts, Limits&) { facts.places[0].disk->free_bytes = bytes; };
  };
  // Where no rate says how long it will last.
  auto slow = [](uint64_t bytes) {
    return [bytes](Facts& facts, Limits&) {
      facts.places[0].disk->free_bytes = bytes;
      (*facts.repository)->bytes_per_day.reset();
    };
  };
  const Error gone = make_error(ErrorKind::kTransient, "the bucket does not answer");
  auto away = [&](bool required) {
    return [=](Facts& facts, Limits&) {
      facts.places.push_back({"s3://b/p", required, gone, std::nullopt});
    };
  };
  expect({
      {"repository", Level::kHealthy, "file:///srv/walkback answers", [](Facts&, Limits&) {}},
      {"repository", Level::kCritical, "does not answer", away(true)},
      {"repository", Level::kWarning, "does not answer", away(false)},
      {"repository", Level::kCritical, "no cluster 'other'",
       [](Facts& facts, Limits&) {
         facts.repository = make_error(ErrorKind::kMissing, "no cluster 'other'", "--cluster");
       }},
      {"growth", Level::kHealthy, "52.0 GiB stored, 3.0 GiB more a day; 9.0 GiB free",
       free(9 * kGiB)},
      {"growth", Level::kWarning, "full in 2 d 23 h", free(9 * kGiB - (1 << 20))},
      {"growth", Level::kWarning, "full in 1 d 0 h", free(3 * kGiB)},
      {"growth", Level::kCritical, "full in 23 h 59 min", free(3 * kGiB - 1'000'000)},
      {"growth", Level::kHealthy, "160.0 MiB free", slow(160 << 20)},
      {"growth", Level::kCritical, "cannot store the next segment", slow((160 << 20) - 1)},
  });
}

TEST(Rules, Keys) {
  expect({
      {"keys", Level::kHealthy, "encrypted to 2 owner's keys", [](Facts&, Limits&) {}},
      {"keys", Level::kHealthy, "nothing is encrypted",
       [](Facts& facts, Limits&) { keys(facts).encrypted = false; }},
      {"keys", Level::kCritical, "is not one that the repository knows",
       [](Facts& facts, Limits&) { keys(facts).host_key_known = false; }},
      {"keys", Level::kWarning, "no key of its own",
       [](Facts& facts, Limits&) { keys(facts).has_host_key = false; }},
      {"keys", Level::kWarning, "age1new is encrypted to",
       [](Facts& facts, Limits&) { keys(facts).unknown_recipients = {"age1new"}; }},
      {"keys", Level::kWarning, "age1old was retired",
       [](Facts& facts, Limits&) { keys(facts).retired_recipients = {"age1old"}; }},
      {"keys", Level::kCritical, "mode 0644",
       [](Facts& facts, Limits&) {
         facts.keys = make_error(ErrorKind::kDenied, "host.key has mode 0644", "chmod 600");
       }},
  });
}

TEST(Rules, Clocks) {
  auto ahead = [](std::chrono::microseconds by) {
    return [by](Facts& facts, Limits&) { server(facts).ahead = by; };
  };
  expect({
      {"clock", Level::kHealthy, "clocks differ by 5.0 s or less", ahead(seconds(5))},
      {"clock", Level::kWarning, "the server's clock is 6.0 s ahead of this host's",
       ahead(seconds(6))},
      {"clock", Level::kWarning, "5 min 0 s behind", ahead(-minutes(5))},
      {"clock", Level::kCritical, "5 min 1 s behind", ahead(-minutes(5) - seconds(1))},
      {"clock", Level::kCritical, "the bucket's clock is 15 min 0 s ahead",
       [](Facts& facts, Limits&) { facts.store_ahead = minutes(15); }},
  });
}

TEST(Rules, WhoeverCannotBeTold) {
  const AlertFacts::Failing slack{"slack", at("15:00:00"), "no answer"};
  const AlertFacts::Failing email{"email", at("15:00:00"), "refused"};
  auto alerts = [](AlertFacts facts_of_alerts) {
    return [=](Facts& facts, Limits&) { facts.alerts = facts_of_alerts; };
  };
  expect({
      {"alert", Level::kHealthy, "2 channels to tell of this", [](Facts&, Limits&) {}},
      {"alert", Level::kWarning, "slack could not be told", alerts({2, {slack}, ""})},
      {"alert", Level::kCritical, "slack could not be told", alerts({2, {slack, email}, ""})},
      {"alert", Level::kCritical, "slack could not be told", alerts({1, {slack}, ""})},
      {"alert", Level::kWarning, "each run tells it again: no space", alerts({1, {}, "no space"})},
  });
  Facts facts = sample_facts();
  facts.alerts.reset();
  EXPECT_FALSE(said(judge(facts, {}), "alert").has_value());
}

TEST(Rules, FindingsOfOneRuleAreToldApart) {
  Facts facts = sample_facts();
  constexpr uint64_t kTwoGiB = uint64_t{2} << 30;
  server(facts).slots = {{"a", false, kTwoGiB, false}, {"b", false, kTwoGiB, false}};
  const Report report = judge(facts, {});
  for (const char* key : {"slot/a", "slot/b"}) {
    EXPECT_EQ(std::ranges::count(report.findings, key, &Finding::key), 1) << key;
  }
  EXPECT_EQ(said(report, "verify")->key(), "verify");
}

TEST(Rules, TheServer) {
  expect({
      {"server", Level::kHealthy, "PostgreSQL 15.14 answers, on timeline 1",
       [](Facts&, Limits&) {}},
      {"server", Level::kHealthy, "a standby on timeline 1",
       [](Facts& facts, Limits&) { server(facts).in_recovery = true; }},
      {"server", Level::kCritical, "connection refused",
       [](Facts& facts, Limits&) {
         facts.server = make_error(ErrorKind::kTransient, "connection refused");
       }},
      {"server", Level::kWarning, "not looked at",
       [](Facts& facts, Limits&) { facts.server.reset(); }},
  });
}

// With less to see it says less, says so, and never that all is well.
TEST(Rules, WhatCannotBeSeenIsNotCalledWell) {
  Facts facts = sample_facts();
  const Error gone = make_error(ErrorKind::kTransient, "no answer");
  facts.server = gone;
  facts.repository = gone;
  facts.places[0].error = gone;
  facts.unarchived.reset();
  const Report report = judge(facts, {});
  EXPECT_EQ(report.status(), Level::kCritical);
  for (const char* rule : {"backup_age", "gap", "archiver", "wal_lag", "slot", "bad_pages",
                           "unreadable", "mass_delete", "verify", "drill", "growth", "clock"}) {
    EXPECT_EQ(std::ranges::count(report.not_known, rule, &NotKnown::rule), 1) << rule;
    EXPECT_FALSE(said(report, rule).has_value()) << rule;
  }
  EXPECT_TRUE(said(report, "pg_wal").has_value());
  facts.server = sample_server();
  server(facts).in_recovery = true;
  const Report standby = judge(facts, {});
  EXPECT_EQ(std::ranges::count(standby.not_known, "archiver", &NotKnown::rule), 1);
  EXPECT_EQ(std::ranges::count(standby.not_known, "wal_lag", &NotKnown::rule), 1);
}

TEST(Rules, TheWorstComesFirst) {
  Facts facts = sample_facts();
  repository(facts).backups.clear();
  attempts(facts).last_sound_verify.reset();
  const Report report = judge(facts, {});
  EXPECT_TRUE(std::ranges::is_sorted(report.findings, std::ranges::greater(), &Finding::level));
  EXPECT_EQ(report.findings.front().rule, "backup_age");
}

TEST(Rules, EveryRuleIsInTheManual) {
  std::stringstream manual;
  const auto module = std::filesystem::path(WALKBACK_TESTDATA).parent_path();
  manual << std::ifstream(module.parent_path().parent_path() / "docs/cli.md").rdbuf();
  for (const std::string_view rule : all_rules()) {
    EXPECT_THAT(manual.str(), HasSubstr("\n| `" + std::string(rule) + "` | "));
  }
}

}  // namespace
}  // namespace walkback::health
