#include "agent/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "base/time_text.h"
#include "catalog/events.h"
#include "catalog/lineage.h"
#include "store/memory_store.h"
#include "store/testing/forwarding_store.h"

namespace walkback::agent {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// What jobs do, for as long as the test says.
struct JobScript {
  seconds takes{5};
  int exit_status = 0;
  bool writes_event = true;
};

class AgentTest : public testing::Test {
 protected:
  AgentTest() {
    const catalog::Lineage lineage{pg::SystemIdentifier{7}, 15, 16 << 20, clock_.now()};
    EXPECT_TRUE(catalog::register_lineage(*place_, "main", lineage).ok());
    runs(schedule::Job::kBackup, "0 * * * *");
    runs(schedule::Job::kPrune, "30 2 * * *");
  }

  void runs(schedule::Job job, std::string_view expression) {
    options_.schedule.runs.insert_or_assign(
        job, schedule::CronSchedule(schedule::CronExpression::parse(expression).value(),
                                    schedule::Zone::find(system_files(), "UTC").value()));
  }

  class ScriptedJob final : public Job {
   public:
    ScriptedJob(AgentTest& test, schedule::Job job, JobScript script)
        : test_(test),
          script_(script),
          recorder_(*test.place_, "main", test.clock_),
          ends_(test.clock_.monotonic() + script.takes) {
      event_ = catalog::new_event(std::string(schedule::job_name(job)), test.clock_, test.random_);
      if (!script_.writes_event) return;
      EXPECT_TRUE(recorder_.begin(event_).ok());
    }
    std::optional<int> exit_status() override {
      if (!interrupted_ && test_.clock_.monotonic() < ends_) return std::nullopt;
      const Error error = make_error(ErrorKind::kIo, "in vain");
      const bool failed = interrupted_ || script_.exit_status != 0;
      if (script_.writes_event) {
        EXPECT_TRUE(recorder_.end(event_, failed ? &error : nullptr).ok());
      }
      return interrupted_ ? 130 : script_.exit_status;
    }
    void interrupt() override { interrupted_ = true; }

   private:
    AgentTest& test_;
    const JobScript script_;
    catalog::EventRecorder recorder_;
    catalog::Event event_;
    const std::chrono::nanoseconds ends_;
    bool interrupted_ = false;
  };

  // Another reader of the same place.
  class Place final : public store::ForwardingStore {
    using ForwardingStore::ForwardingStore;
  };

  Parts parts() {
    return {
        .repository = [this]() -> Result<std::unique_ptr<store::ObjectStore>> {
          if (away_) return make_error(ErrorKind::kTransient, "the repository does not answer");
          return std::unique_ptr<store::ObjectStore>(std::make_unique<Place>(*place_));
        },
        .wal_since_backup = [](store::ObjectStore&) { return std::nullopt; },
        .start = [this](schedule::Job job) -> Result<std::unique_ptr<Job>> {
          started_.emplace_back(schedule::job_name(job));
          return std::unique_ptr<Job>(std::make_unique<ScriptedJob>(*this, job, scripts_[job]));
        },
        .watch =
            [this] {
              ++watched_;
              if (clock_.now() >= until_) stop_.request_stop();
            },
        .say = [this](const std::string& line) { said_.push_back(line); },
        .warn = [this](const Error& error) { said_.push_back(error.message); },
        .clock = clock_,
        .random = random_,
        .stop = stop_.get_token(),
    };
  }
  OnceReport once() { return run_once(options_, parts()).value(); }
  void run_for(seconds span) {
    until_ = clock_.now() + span;
    run(options_, parts());
  }
  std::vector<catalog::Event> events() { return catalog::list_events(*place_, "main").value(); }
  size_t claims() {
    size_t count = 0;
    EXPECT_TRUE(place_
                    ->list("clusters/main/claims/", "",
                           [&](const store::ObjectInfo&) { return ++count > 0; })
                    .ok());
    return count;
  }

  std::unique_ptr<store::ObjectStore> place_ = store::make_memory_store();
  ManualClock clock_{parse_iso_utc("2026-11-26T01:10:00Z").value()};
  SeededRandom random_{1};
  Options options_{"main", {}};
  std::map<schedule::Job, JobScript> scripts_;
  std::stop_source stop_;
  Timestamp until_{INT64_MAX};
  bool away_ = false;
  int watched_ = 0;
  std::vector<std::string> started_, said_;
};

TEST_F(AgentTest, OnceRunsTheFirstBackupAndThenNothing) {
  const OnceReport report = once();
  EXPECT_THAT(started_, ElementsAre("backup"));
  EXPECT_TRUE(report.done());
  EXPECT_EQ(report.next, parse_iso_utc("2026-11-26T02:00:00Z").value());
  EXPECT_EQ(watched_, 1);
  EXPECT_EQ(claims(), 0u);
  EXPECT_THAT(once().ran, IsEmpty());
}

TEST_F(AgentTest, WhatWasMissedRunsOnceInOrder) {
  once();
  clock_.advance(hours(30));
  started_.clear();
  EXPECT_EQ(once().ran.size(), 2u);
  EXPECT_THAT(started_, ElementsAre("backup", "prune"));
}

TEST_F(AgentTest, AFailureIsTriedAgainLater) {
  scripts_[schedule::Job::kBackup].exit_status = 1;
  EXPECT_FALSE(once().done());
  EXPECT_THAT(once().ran, IsEmpty());
  clock_.advance(minutes(1));
  scripts_[schedule::Job::kBackup].exit_status = 0;
  EXPECT_TRUE(once().done());
  EXPECT_THAT(started_, ElementsAre("backup", "backup"));
}

TEST_F(AgentTest, WhatFailsBeforeItsEventIsAnAttemptToo) {
  scripts_[schedule::Job::kBackup] = {seconds(1), 2, false};
  EXPECT_FALSE(once().done());
  ASSERT_EQ(events().size(), 1u);
  EXPECT_THAT(events()[0].error, HasSubstr("exit status 2 before it began"));
  EXPECT_THAT(once().ran, IsEmpty());
}

TEST_F(AgentTest, WhatAnotherAgentHasClaimedIsLeft) {
  const std::string claim =
      R"({"claimed_at": "2026-11-26T01:09:00Z", "host": "b", "process": "b", "failures": 0})";
  ASSERT_TRUE(place_
                  ->put(store::ObjectKey("clusters/main/claims/backup/20261126T011000Z-0.json"),
                        as_bytes(claim))
                  .ok());
  const OnceReport report = once();
  EXPECT_THAT(started_, IsEmpty());
  EXPECT_THAT(report.left, ElementsAre(schedule::Job::kBackup));
}

TEST_F(AgentTest, ABackupDoesNotWaitForALongDrill) {
  once();
  started_.clear();
  runs(schedule::Job::kDrill, "30 1 * * *");
  scripts_[schedule::Job::kDrill].takes = hours(3);
  run_for(hours(2));
  EXPECT_THAT(started_, ElementsAre("drill", "backup", "backup"));
}

TEST_F(AgentTest, OtherJobsWaitForOneAnother) {
  once();
  started_.clear();
  options_.schedule.runs.erase(schedule::Job::kBackup);
  runs(schedule::Job::kDrill, "0 2 * * *");
  scripts_[schedule::Job::kDrill].takes = hours(2);
  run_for(hours(2));
  EXPECT_THAT(started_, ElementsAre("drill"));
}

TEST_F(AgentTest, HealthIsLookedAtEveryMinuteAlsoWhileAJobRuns) {
  scripts_[schedule::Job::kBackup].takes = hours(1);
  run_for(minutes(30));
  EXPECT_NEAR(watched_, 31, 1);
}

TEST_F(AgentTest, HealthIsLookedAtEveryMinuteWheneverJobsEnd) {
  runs(schedule::Job::kBackup, "*/2 * * * *");
  scripts_[schedule::Job::kBackup].takes = seconds(30);
  run_for(minutes(30));
  EXPECT_NEAR(watched_, 31, 1);
}

TEST_F(AgentTest, WhatRunsIsInterruptedAtTheEnd) {
  scripts_[schedule::Job::kBackup].takes = hours(1);
  run_for(minutes(5));
  ASSERT_EQ(events().size(), 1u);
  EXPECT_EQ(events()[0].error, "in vain");
  EXPECT_EQ(claims(), 0u);
}

TEST_F(AgentTest, ARepositoryThatIsAwayIsSaidOnceAndWaitedFor) {
  away_ = true;
  EXPECT_FALSE(run_once(options_, parts()).ok());
  EXPECT_EQ(watched_, 1) << "health says it, too";
  run_for(minutes(10));
  EXPECT_EQ(std::ranges::count(said_, "the repository does not answer"), 1);
  EXPECT_THAT(started_, IsEmpty());
  away_ = false;
  stop_ = std::stop_source();
  run_for(minutes(2));
  EXPECT_THAT(started_, ElementsAre("backup"));
}

TEST_F(AgentTest, WhatCannotBeWrittenDownIsHeldBackAllTheSame) {
  scripts_[schedule::Job::kBackup] = {seconds(1), 1, false};
  Parts broken = parts();
  class ReadOnly final : public store::ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;
    Result<store::PutOutcome> put(const store::ObjectKey& key, ByteView data) override {
      if (key.text().find("/events/") == std::string::npos) return ForwardingStore::put(key, data);
      return make_error(ErrorKind::kDenied, "read only");
    }
  };
  broken.repository = [this]() -> Result<std::unique_ptr<store::ObjectStore>> {
    return std::unique_ptr<store::ObjectStore>(std::make_unique<ReadOnly>(*place_));
  };
  until_ = clock_.now() + minutes(10);
  run(options_, broken);
  EXPECT_THAT(started_.size(), testing::AllOf(testing::Ge(3u), testing::Le(4u)));
}

}  // namespace
}  // namespace walkback::agent
