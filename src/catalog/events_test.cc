#include "catalog/events.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "catalog/leases.h"
#include "catalog/process_identity.h"
#include "store/memory_store.h"

namespace walkback::catalog {
namespace {

// What a child, which is gone when we have it, called itself.
std::string process_that_ended() {
  int ends[2] = {};
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string name = this_process();
    _exit(write(ends[1], name.data(), name.size()) == static_cast<ssize_t>(name.size()) ? 0 : 1);
  }
  close(ends[1]);
  char name[256] = {};
  const ssize_t length = read(ends[0], name, sizeof(name));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return std::string(name, length > 0 ? static_cast<size_t>(length) : 0);
}

class Events : public testing::Test {
 protected:
  Event begin(const std::string& kind, const std::string& process) {
    Event event = new_event(kind, clock, random);
    event.process = process;
    EXPECT_TRUE(EventRecorder(*objects, "main", clock).begin(event).ok());
    return event;
  }
  void leave_lease(const std::string& process) {
    const std::string text =
        R"({"kind": "write", "system_identifier": "7", "backup": null,
            "what": "backup", "host": "db2", "process": ")" +
        process + "\"}";
    ASSERT_TRUE(
        objects->put(store::ObjectKey("clusters/main/leases/abc.4.json"), as_bytes(text)).ok());
  }
  bool killed() {
    auto events = list_events(*objects, "main").value();
    EXPECT_EQ(events.size(), 1u);
    EXPECT_TRUE(find_killed(*objects, "main", clock, events).ok());
    return events.at(0).killed;
  }

  std::unique_ptr<store::ObjectStore> objects = store::make_memory_store();
  ManualClock clock;
  SeededRandom random{1};
};

TEST_F(Events, OneWhoseProcessIsGoneFromThisHostWasKilled) {
  begin("adopt", process_that_ended());
  EXPECT_TRUE(killed());
}

TEST_F(Events, OneOfThisProcessRuns) {
  begin("adopt", this_process());
  clock.advance(2 * kLeaseTaken);
  EXPECT_FALSE(killed());
}

TEST_F(Events, OneThatEndedWasNotKilled) {
  const Event event = begin("adopt", process_that_ended());
  ASSERT_TRUE(EventRecorder(*objects, "main", clock).end(event, nullptr).ok());
  EXPECT_FALSE(killed());
}

TEST_F(Events, OneOfAnotherHostWasKilledWhenItsLeaseIsGone) {
  begin("backup", "elsewhere/1/2");
  clock.advance(kLeaseTaken);
  EXPECT_FALSE(killed()) << "it may be about to take its lease";
  clock.advance(std::chrono::microseconds(1));
  EXPECT_TRUE(killed());
  leave_lease("elsewhere/1/2");
  EXPECT_FALSE(killed());
}

TEST_F(Events, OneOfAnotherHostThatNeverHoldsALeaseIsNotKnown) {
  begin("init", "elsewhere/1/2");
  clock.advance(2 * kLeaseTaken);
  EXPECT_FALSE(killed());
}

TEST_F(Events, OneOfAnOlderProgramIsNotKnown) {
  begin("backup", "");
  clock.advance(2 * kLeaseTaken);
  EXPECT_FALSE(killed());
}

TEST_F(Events, AVerificationThatCameToItsEndSaysWhatItFound) {
  Event event = begin("verify", "");
  event.verify = {.in_trouble = 3, .gaps = 2};
  const Error trouble = make_error(ErrorKind::kCorrupt, "wal/01: missing");
  ASSERT_TRUE(EventRecorder(*objects, "main", clock).end(event, &trouble).ok());
  const std::optional<VerifySummary> found = list_events(*objects, "main").value().at(0).verify;
  ASSERT_TRUE(found);
  EXPECT_EQ(found->in_trouble, 3u);
  EXPECT_EQ(found->gaps, 2u);
  EXPECT_FALSE(found->only_gaps());
}

TEST_F(Events, APruneSaysWhatItRemovedAndBeforeThatThatItWill) {
  Event event = new_event("prune", clock, random);
  event.removed.emplace();
  EventRecorder recorder(*objects, "main", clock);
  ASSERT_TRUE(recorder.begin(event).ok());
  EXPECT_EQ(list_events(*objects, "main")->at(0).removed, std::vector<BackupId>());
  event.removed = {{"a"}, {"b"}};
  ASSERT_TRUE(recorder.end(event, nullptr).ok());
  EXPECT_EQ(list_events(*objects, "main")->at(0).removed, event.removed);
}

TEST_F(Events, OfAnOlderProgramsPruneItIsNotKnownWhatItRemoved) {
  const Event event = begin("prune", this_process());
  EXPECT_FALSE(list_events(*objects, "main")->at(0).removed);
  ASSERT_TRUE(EventRecorder(*objects, "main", clock).end(event, nullptr).ok());
  EXPECT_FALSE(list_events(*objects, "main")->at(0).removed);
}

TEST_F(Events, TheLastDrillIsTheLastThatEnded) {
  const pg::SystemIdentifier lineage{77};
  const LineageLayout layout("main", lineage);
  EventRecorder recorder(*objects, "main", clock);
  EXPECT_FALSE(last_drill(*objects, "main", lineage).value());
  std::vector<std::string> ids;
  for (const bool ends : {true, true, false}) {
    Event event = begin("drill", "");
    ids.push_back(event.id);
    event.drill.emplace();
    event.drill->system_identifier = lineage;
    event.drill->proofs = {{"target", ProofOutcome::kFailed}};
    ASSERT_TRUE(objects->put(layout.drill(event.id), as_bytes("evidence")).ok());
    const Error failed = make_error(ErrorKind::kCorrupt, "the drill failed");
    if (ends) {
      ASSERT_TRUE(recorder.end(event, &failed).ok());
    }
    clock.sleep(std::chrono::hours(1));
  }
  begin("backup", "");
  const std::optional<Event> last = last_drill(*objects, "main", lineage).value();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->id, ids.at(1));
  EXPECT_FALSE(last->succeeded);
  ASSERT_TRUE(last->drill);
  EXPECT_EQ(last->drill->proofs.at(0).outcome, ProofOutcome::kFailed);
  EXPECT_FALSE(last_drill(*objects, "main", {78}).value()) << "of another lineage";
}

}  // namespace
}  // namespace walkback::catalog
