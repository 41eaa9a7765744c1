// Parts on their way, for all writers of a store. Internal to s3.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/bytes.h"

namespace walkback::s3 {

// A fixed number of threads, started as work comes, and a bound on the bytes they were given.
// Thread-safe.
class UploadPool {
 public:
  using Task = std::function<void(ByteView part)>;

  UploadPool(int threads, uint64_t budget_bytes);
  // Waits for what was submitted: the writers are gone, so it ends soon.
  ~UploadPool();
  UploadPool(const UploadPool&) = delete;
  UploadPool& operator=(const UploadPool&) = delete;

  // Waits until the part fits into the budget (one larger than all of it goes alone), then runs
  // `task` with it on some thread. The part is freed when the task ends.
  void submit(Bytes part, Task task);

 private:
  struct Job {
    Bytes part;
    Task task;
    uint64_t share = 0;  // of the budget
  };
  void work();

  const size_t max_threads_;
  const uint64_t budget_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable work_;
  std::deque<Job> jobs_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  uint64_t used_ = 0;
  bool ended_ = false;
};

}  // namespace walkback::s3
