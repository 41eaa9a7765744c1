// One file that fills as it is used: what of it was never read lies in the repository only.
//
// It lies beside a local file, sparse, of the size that it had in the backup. A block is either
// absent, or it is in the local file as it was in the backup or as it was written since. What is
// written whole is never fetched; what was cut off never comes back.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ondemand/file_source.h"

namespace walkback::ondemand {

// Thread-safe: reads fetch side by side, and each frame once. `fd` is the local file, open for
// reading and writing, in each call.
class LazyFile {
 public:
  LazyFile(std::string name, uint64_t file_bytes, FileSource& source);

  // Until it returns, these bytes may be absent; afterwards the local file has them.
  Result<void> make_present(int fd, uint64_t offset, uint64_t size);
  Result<void> write(int fd, uint64_t offset, ByteView data);
  Result<void> truncate(int fd, uint64_t size);

 private:
  using Lock = std::unique_lock<std::mutex>;
  Result<std::shared_ptr<const MappedFile>> mapped();
  bool is_absent(uint64_t block) const { return block < absent_.size() && absent_[block]; }
  void now_present(uint64_t block);
  uint64_t begin_of(uint64_t block) const { return block * block_bytes_; }
  uint64_t end_of(uint64_t block) const;
  // Of these blocks, those of absent ones that nobody fetches yet; `waits` says whether somebody
  // fetches some.
  std::vector<uint32_t> frames_of(const MappedFile& file, uint64_t first, uint64_t last,
                                  bool& waits) const;
  void read_ahead(const MappedFile& file, uint64_t first, uint64_t last,
                  std::vector<uint32_t>& frames);
  Result<void> fetch(Lock& lock, int fd, const MappedFile& file,
                     const std::vector<uint32_t>& frames);
  Result<void> install(int fd, const repo::Run& run, ByteView content);
  std::optional<uint64_t> absent_and_cut_by(uint64_t offset, uint64_t size) const;

  const std::string name_;
  const uint64_t file_bytes_;  // in the backup
  FileSource& source_;
  std::atomic<bool> whole_ = false;  // nothing is absent any more

  std::mutex mutex_;  // guards what follows
  std::condition_variable fetched_;
  uint32_t block_bytes_ = 0;  // 0: not known yet
  std::vector<bool> absent_;
  uint64_t absent_count_ = 0;
  std::set<uint32_t> fetching_;  // frames
  // Who reads on from where the last one ended gets more at a time.
  uint64_t next_block_ = 0;
  uint32_t ahead_ = 1;  // frames
};

}  // namespace walkback::ondemand
