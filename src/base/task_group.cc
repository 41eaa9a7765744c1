#include "base/task_group.h"

namespace walkback {

TaskGroup::TaskGroup(std::stop_token parent, std::function<void()> on_stop)
    : parent_token_(std::move(parent)), on_stop_(std::move(on_stop)) {
  if (parent_token_.stop_possible()) {
    parent_.emplace(parent_token_, std::function<void()>([this] { stop(); }));
  }
}

TaskGroup::~TaskGroup() {
  if (!threads_.empty()) {
    stop();
    (void)wait();
  }
}

void TaskGroup::start(Task task) {
  threads_.emplace_back([this, task = std::move(task)] {
    Result<void> outcome = task(source_.get_token());
    if (!outcome.ok()) fail(std::move(outcome).error());
  });
}

Result<void> TaskGroup::wait() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  // The parent's callback may be running on another thread; it has ended once this returns.
  parent_.reset();
  std::lock_guard lock(mutex_);
  if (first_error_) return *first_error_;
  if (parent_token_.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
  return success();
}

void TaskGroup::fail(Error error) {
  {
    std::lock_guard lock(mutex_);
    // What a stopped task reports is a consequence; keep the cause.
    if (!first_error_) first_error_ = std::move(error);
  }
  stop();
}

void TaskGroup::stop() {
  std::call_once(stopped_, [this] {
    source_.request_stop();
    if (on_stop_) on_stop_();
  });
}

}  // namespace walkback
