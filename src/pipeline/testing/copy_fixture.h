// The verbs of the stories about copying: a data directory, a repository, a directory to restore
// into.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "base/testing/simulated_files.h"
#include "pg/page.h"
#include "pipeline/copy_in.h"
#include "pipeline/copy_out.h"
#include "pipeline/testing/watched_files.h"
#include "store/memory_store.h"

namespace walkback::pipeline {

inline constexpr pg::Lsn kStartLsn{1'000'000};
inline constexpr pg::Lsn kBeforeStart{999'999};

class ListedFiles final : public FileSource {
 public:
  Result<std::optional<SourceFile>> next() override {
    if (files.empty()) return std::optional<SourceFile>();
    std::optional<SourceFile> file = std::move(files.front());
    files.pop_front();
    return file;
  }
  std::deque<SourceFile> files;
};

class CopiedFiles final : public CopiedFileSink {
 public:
  Result<void> accept(CopiedFile file) override {
    const std::string name = file.source.name;
    EXPECT_TRUE(by_name.emplace(name, std::move(file)).second) << name << " was reported twice";
    return success();
  }
  std::map<std::string, CopiedFile> by_name;
};

// All that were copied, below a directory.
class TargetFiles final : public TargetSource {
 public:
  TargetFiles(const std::map<std::string, CopiedFile>& files, std::string into)
      : files_(files), next_(files_.begin()), into_(std::move(into)) {}
  Result<std::optional<TargetFile>> next() override {
    if (next_ == files_.end()) return std::optional<TargetFile>();
    const auto& [name, file] = *next_++;
    return std::optional(TargetFile{into_ + "/" + name, name, file.source.mode, file.map});
  }

 private:
  const std::map<std::string, CopiedFile>& files_;
  std::map<std::string, CopiedFile>::const_iterator next_;
  const std::string into_;
};

class CopyTest : public testing::Test {
 protected:
  CopyTest() {
    disk.make_directory("/data", 0700).value();
    options.pack_prefix = "packs";
    options.start_lsn = kStartLsn;
    options.frame_bytes = 4 * pg::kPageBytes;
    options.pack_bytes = 100'000;
  }

  // --- the data directory ---

  // Pages with right checksums for their places, as a relation's file beginning at `first_block`.
  Bytes pages(uint32_t count, uint32_t first_block = 0, pg::Lsn lsn = kBeforeStart) {
    Bytes all = random.bytes(size_t{count} * pg::kPageBytes);
    for (uint32_t i = 0; i < count; ++i) {
      stamp(MutableBytes(all).subspan(i * pg::kPageBytes, pg::kPageBytes), first_block + i, lsn);
    }
    return all;
  }
  static void stamp(MutableBytes page, uint32_t block, pg::Lsn lsn) {
    const uint32_t halves[2] = {static_cast<uint32_t>(lsn.value >> 32),
                                static_cast<uint32_t>(lsn.value)};
    std::memcpy(page.data(), halves, 8);
    const uint16_t checksum = pg::page_checksum(page, block);
    std::memcpy(page.data() + 8, &checksum, 2);
  }

  void add_file(const std::string& name, ByteView content) {
    write("/data/" + name, content);
    listed.files.push_back(listing(name));
  }
  void add_relation(const std::string& name, ByteView content, uint32_t first_block = 0) {
    add_file(name, content);
    listed.files.back().relation = PageCheck{first_block, true};
  }
  void write(const std::string& path, ByteView content) {
    if (disk.status(path).value()) disk.remove(path).value();
    auto file = disk.create(path, 0600).value();
    file->write_at(0, content).value();
  }
  Bytes content(const std::string& path) { return read_file(disk, path).value(); }

  // --- copying ---

  Result<CopyInResult> back_up(std::stop_token stop = {}) {
    return copy_in(files, *objects, clock, random, listed, sink, options, silent_progress(), stop);
  }
  Result<CopyOutResult> restore(const std::string& into, int workers = 2) {
    disk.make_directory(into, 0700).value();
    into_ = into;
    TargetFiles targets(copied, into);
    return copy_out(disk, *objects, targets, {workers, "packs"}, silent_progress(), {});
  }
  void expect_restored(const std::string& name, ByteView expected) {
    const Bytes restored = content(into_ + "/" + name);
    EXPECT_TRUE(std::equal(restored.begin(), restored.end(), expected.begin(), expected.end()))
        << name << ": " << restored.size() << " bytes, expected " << expected.size();
  }

  SimulatedFiles disk{1};
  WatchedFiles files{disk};
  std::unique_ptr<store::ObjectStore> objects = store::make_memory_store();
  SeededRandom random{7};
  ManualClock clock;
  CopyInOptions options;
  ListedFiles listed;
  CopiedFiles sink;
  std::map<std::string, CopiedFile>& copied = sink.by_name;

 private:
  static SourceFile listing(const std::string& name) {
    SourceFile file;
    file.path = "/data/" + name;
    file.name = name;
    file.mode = 0600;
    return file;
  }

  std::string into_;
};

}  // namespace walkback::pipeline
