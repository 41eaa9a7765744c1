// Threads that succeed or fail together.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"

namespace walkback {

// The first error asks every other task to stop; wait() joins them all and returns it. Tasks watch
// their stop_token between steps; a task that blocks on a queue is woken by `on_stop` closing that
// queue. Start tasks and wait from one thread. Destroying a group that was not waited for stops and
// joins it.
class TaskGroup {
 public:
  using Task = std::function<Result<void>(std::stop_token)>;

  // `parent`, when it has a stop state, stops this group too (an interrupted command).
  // `on_stop` runs once, on whichever thread stops the group.
  explicit TaskGroup(std::stop_token parent = {}, std::function<void()> on_stop = {});
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void start(Task task);
  // Joins all. The first error; or kCancelled when the parent asked to stop and no task failed.
  Result<void> wait();
  std::stop_token stop_token() const { return source_.get_token(); }

 private:
  void fail(Error error);
  void stop();

  std::stop_token parent_token_;
  std::stop_source source_;
  std::function<void()> on_stop_;
  std::once_flag stopped_;
  std::mutex mutex_;
  std::optional<Error> first_error_;
  std::vector<std::thread> threads_;
  std::optional<std::stop_callback<std::function<void()>>> parent_;
};

}  // namespace walkback
