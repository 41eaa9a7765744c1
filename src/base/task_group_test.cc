#include "base/task_group.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/bounded_queue.h"

namespace walkback {
namespace {

TEST(TaskGroup, JoinsAllTasks) {
  std::atomic<int> done = 0;
  TaskGroup group;
  for (int i = 0; i < 4; ++i) {
    group.start([&](std::stop_token) -> Result<void> {
      ++done;
      return success();
    });
  }
  EXPECT_TRUE(group.wait().ok());
  EXPECT_EQ(done, 4);
}

TEST(TaskGroup, TheFirstErrorStopsTheOthersAndIsTheOneReported) {
  BoundedQueue<int> queue(1);
  TaskGroup group({}, [&] { queue.abandon(); });
  group.start([&](std::stop_token stop) -> Result<void> {
    while (queue.pop()) {
    }
    EXPECT_TRUE(stop.stop_requested());
    return make_error(ErrorKind::kCancelled, "a consequence");
  });
  group.start(
      [](std::stop_token) -> Result<void> { return make_error(ErrorKind::kNoSpace, "the cause"); });
  EXPECT_EQ(group.wait().error().message, "the cause");
}

TEST(TaskGroup, AStoppedParentCancels) {
  std::stop_source parent;
  std::atomic<int> stopped = 0;
  TaskGroup group(parent.get_token(), [&] { ++stopped; });
  group.start([](std::stop_token stop) -> Result<void> {
    while (!stop.stop_requested()) std::this_thread::yield();
    return success();
  });
  parent.request_stop();
  EXPECT_EQ(group.wait().error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(stopped, 1);
}

TEST(TaskGroup, DestroyedWithoutWaitingItStopsAndJoins) {
  std::atomic<bool> ended = false;
  {
    TaskGroup group;
    group.start([&](std::stop_token stop) -> Result<void> {
      while (!stop.stop_requested()) std::this_thread::yield();
      ended = true;
      return success();
    });
  }
  EXPECT_TRUE(ended);
}

TEST(BoundedQueue, KeepsOrderAndHoldsBackAFastProducer) {
  BoundedQueue<int> queue(2);
  std::atomic<int> pushed = 0;
  std::thread producer([&] {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(queue.push(i));
      ++pushed;
    }
    queue.close();
  });
  for (int i = 0; i < 100; ++i) {
    EXPECT_LE(pushed, i + 3);
    EXPECT_EQ(queue.pop(), i);
  }
  EXPECT_EQ(queue.pop(), std::nullopt);
  producer.join();
}

TEST(BoundedQueue, ClosingDrainsAndAbandoningDrops) {
  BoundedQueue<int> drained(4);
  drained.push(1);
  drained.close();
  EXPECT_FALSE(drained.push(2));
  EXPECT_EQ(drained.pop(), 1);
  EXPECT_EQ(drained.pop(), std::nullopt);
  BoundedQueue<int> dropped(4);
  dropped.push(1);
  dropped.abandon();
  EXPECT_EQ(dropped.pop(), std::nullopt);
}

}  // namespace
}  // namespace walkback
