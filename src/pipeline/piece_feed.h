// Hands out the pieces of files to workers. A worker stays with its file to the end, as two that
// write one file wait for each other in the kernel; when there are no more files, it helps with
// another's.
//
// A file is pulled from the source only by a worker that has none, so at most as many are open as
// there are workers.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/result.h"

namespace walkback::pipeline {

// `Opened` has `uint32_t piece_count() const`. Thread-safe.
template <typename Source, typename Opened>
class PieceFeed {
 public:
  // Called by one thread at a time; nothing at the end.
  using Pull = std::function<Result<std::optional<Source>>()>;
  // Called by several threads at once; null when there is nothing to do for this file.
  using Open = std::function<Result<std::shared_ptr<Opened>>(Source)>;

  struct Piece {
    std::shared_ptr<Opened> file;
    uint32_t index = 0;
  };

  PieceFeed(Pull pull, Open open) : pull_(std::move(pull)), open_(std::move(open)) {}

  // The next piece for `worker`, any number that is its own. Nothing when every piece of every file
  // was handed out.
  Result<std::optional<Piece>> next(int worker) {
    std::unique_lock lock(mutex_);
    while (true) {
      if (const auto own = find(worker); own != begun_.end()) return take(own);
      if (!source_ended_) {
        TRY(begin_file(worker, lock));
      } else if (!begun_.empty()) {
        return take(begun_.begin());
      } else if (opening_ > 0) {
        // The last file may be large: wait for it to be opened, and help.
        changed_.wait(lock);
      } else {
        return std::optional<Piece>();
      }
    }
  }

 private:
  struct Begun {
    std::shared_ptr<Opened> file;
    int worker = 0;
    uint32_t next = 0;
  };
  using Files = std::deque<Begun>;

  typename Files::iterator find(int worker) {
    return std::find_if(begun_.begin(), begun_.end(),
                        [worker](const Begun& begun) { return begun.worker == worker; });
  }

  std::optional<Piece> take(typename Files::iterator begun) {
    Piece piece{begun->file, begun->next++};
    if (begun->next == begun->file->piece_count()) begun_.erase(begun);
    return piece;
  }

  Result<void> begin_file(int worker, std::unique_lock<std::mutex>& lock) {
    Result<std::optional<Source>> source = pull_();
    if (!source.ok() || !source->has_value()) {
      source_ended_ = true;
      changed_.notify_all();
      if (!source.ok()) return std::move(source).error();
      return success();
    }
    ++opening_;
    lock.unlock();
    Result<std::shared_ptr<Opened>> file = open_(std::move(**source));
    lock.lock();
    --opening_;
    changed_.notify_all();
    if (!file.ok()) return std::move(file).error();
    if (*file && (*file)->piece_count() > 0) begun_.push_back({*file, worker, 0});
    return success();
  }

  const Pull pull_;
  const Open open_;
  std::mutex mutex_;  // guards all below, and pull_
  std::condition_variable changed_;
  Files begun_;      // those with pieces left
  int opening_ = 0;  // files being opened
  bool source_ended_ = false;
};

}  // namespace walkback::pipeline
