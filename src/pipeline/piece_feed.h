// Hands out the pieces of files to workers: the workers share a large file, and small ones go
// round.
//
// Files are pulled from the source one at a time and only when no opened file has a piece left, so
// at most as many are open as there are workers.
#pragma once

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

  // Nothing when every piece of every file was handed out.
  Result<std::optional<Piece>> next() {
    std::unique_lock lock(mutex_);
    while (true) {
      // The last file may be large: whoever finds the source empty waits for it to be opened, and
      // helps.
      changed_.wait(lock, [&] { return !begun_.empty() || !source_ended_ || opening_ == 0; });
      if (!begun_.empty()) return take();
      if (source_ended_) return std::optional<Piece>();
      TRY(begin_file(lock));
    }
  }

 private:
  struct Begun {
    std::shared_ptr<Opened> file;
    uint32_t next = 0;
  };

  std::optional<Piece> take() {
    Begun& begun = begun_.front();
    Piece piece{begun.file, begun.next++};
    if (begun.next == begun.file->piece_count()) begun_.pop_front();
    return piece;
  }

  Result<void> begin_file(std::unique_lock<std::mutex>& lock) {
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
    if (*file && (*file)->piece_count() > 0) begun_.push_back({*file, 0});
    return success();
  }

  const Pull pull_;
  const Open open_;
  std::mutex mutex_;  // guards all below, and pull_
  std::condition_variable changed_;
  std::deque<Begun> begun_;  // files with pieces left
  int opening_ = 0;          // files being opened
  bool source_ended_ = false;
};

}  // namespace walkback::pipeline
