// Files of a backup that never was: their frames lie in memory, and each fetch is counted.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "base/testing/seeded_random.h"
#include "ondemand/file_source.h"

namespace walkback::ondemand {

inline constexpr uint32_t kBlock = 64;

class MadeUpSource final : public FileSource {
 public:
  explicit MadeUpSource(SeededRandom& random) : random_(random) {}

  // Of this size, its blocks spread over frames as after some incremental backups: a full one's
  // frames, and among them blocks that came later. Returns what is in it.
  const Bytes& add(const std::string& name, uint64_t size, uint32_t frame_blocks = 4,
                   bool scattered = false) {
    File& file = files_[name];
    file.content = random_.bytes(size);
    repo::PageMap map;
    map.file_bytes = size;
    map.block_bytes = kBlock;
    std::map<uint32_t, uint32_t> newer;  // block: frame
    const uint32_t full = (map.block_count() + frame_blocks - 1) / frame_blocks;
    map.frames.resize(full);
    for (uint32_t block = 0; block < map.block_count(); ++block) {
      uint32_t frame = block / frame_blocks, at = block % frame_blocks;
      if (scattered && random_.below(3) == 0) {
        const bool fresh = map.frames.size() == full || random_.below(3) == 0;
        if (fresh) map.frames.emplace_back();
        frame = static_cast<uint32_t>(map.frames.size()) - 1;
        at = newer[frame]++;
      }
      repo::Run* last = map.runs.empty() ? nullptr : &map.runs.back();
      if (last != nullptr && last->frame == frame && last->frame_block + last->block_count == at) {
        ++last->block_count;
      } else {
        map.runs.push_back({block, 1, frame, at});
      }
    }
    file.mapped = std::make_shared<MappedFile>(std::move(map));
    return file.content;
  }

  std::optional<uint64_t> size_of(const std::string& name) const override {
    const auto file = files_.find(name);
    if (file == files_.end()) return std::nullopt;
    return file->second.content.size();
  }
  Result<std::shared_ptr<const MappedFile>> map_of(const std::string& name) override {
    return files_.at(name).mapped;
  }
  Result<void> read(const std::string& name, const MappedFile& file,
                    std::vector<pipeline::WantedFrame> frames,
                    const pipeline::TakeRun& take) override {
    {
      std::unique_lock lock(mutex_);
      ++waiting_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return open_; });
      --waiting_;
      for (const auto& wanted : frames) ++fetched[{name, wanted.frame}];
      if (std::ranges::any_of(frames, [&](const auto& wanted) {
            return damaged.contains({name, wanted.frame});
          })) {
        return make_error(ErrorKind::kCorrupt, name + " is damaged");
      }
    }
    const Bytes& content = files_.at(name).content;
    for (const auto& wanted : frames) {
      for (const repo::Run& run : wanted.runs) {
        const uint64_t from = uint64_t{run.first_block} * kBlock;
        const uint64_t to =
            std::min(from + uint64_t{run.block_count} * kBlock, file.map.file_bytes);
        TRY(take(run, ByteView(content).subspan(from, to - from)));
      }
    }
    return success();
  }

  void local_write_failed(Error error) override { write_failures.push_back(error.message); }
  std::vector<std::string> write_failures;

  // Fetches wait from now on, until they are let through.
  void hold() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void wait_until_held(int fetches) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= fetches; });
  }
  void let_through() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  size_t frames_fetched() {
    const std::lock_guard lock(mutex_);
    return fetched.size();
  }

  using FrameOf = std::pair<std::string, uint32_t>;
  std::map<FrameOf, int> fetched;
  std::set<FrameOf> damaged;

 private:
  struct File {
    Bytes content;
    std::shared_ptr<const MappedFile> mapped;
  };
  SeededRandom& random_;
  std::map<std::string, File> files_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int waiting_ = 0;
};

}  // namespace walkback::ondemand
