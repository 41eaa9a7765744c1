#include "s3/upload_pool.h"

#include <algorithm>

namespace walkback::s3 {

UploadPool::UploadPool(int threads, uint64_t budget_bytes)
    : max_threads_(static_cast<size_t>(threads)), budget_(budget_bytes) {}

UploadPool::~UploadPool() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    work_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
}

void UploadPool::submit(Bytes part, Task task) {
  std::unique_lock lock(mutex_);
  uint64_t share = std::min<uint64_t>(part.size(), budget_);
  room_.wait(lock, [&] { return used_ + share <= budget_; });
  used_ += share;
  jobs_.push_back({std::move(part), std::move(task), share});
  if (jobs_.size() > idle_ && threads_.size() < max_threads_) {
    threads_.emplace_back([this] { work(); });
  }
  work_.notify_one();
}

void UploadPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    work_.wait(lock, [&] { return ended_ || !jobs_.empty(); });
    --idle_;
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.task(job.part);
    job.part = Bytes();
    job.task = nullptr;
    lock.lock();
    used_ -= job.share;
    room_.notify_all();
  }
}

}  // namespace walkback::s3
