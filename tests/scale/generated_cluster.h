// A cluster of millions of relation files and of any size, of which nothing is stored: what a page
// holds follows from its place.
//
// Below ROOT/pg/base a backup finds `files` relations of one page and `segments` segments of 1 GiB;
// everything else of the data directory are real files below ROOT. What a recovery writes below
// ROOT/restored/base is compared with what it should be, and forgotten.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/forwarding_files.h"
#include "repo/page_map.h"
#include "wal/record.h"

namespace walkback {

inline constexpr uint32_t kPageBytes = 8192;
inline constexpr uint32_t kSegmentBlocks = 131072;
inline constexpr uint64_t kSegmentFileBytes = uint64_t{kSegmentBlocks} * kPageBytes;
inline constexpr uint64_t kFilesInDatabase = 50'000;
inline constexpr uint32_t kFirstDatabase = 100'000;  // of the small files
inline constexpr uint32_t kSegmentsDatabase = 50'000;
inline constexpr uint64_t kSegmentsInRelation = 32;
// So many segments are there when the first backup is taken; the rest came later.
inline constexpr uint64_t kFirstSegments = 2;

struct ClusterSize {
  uint64_t files = 0;
  uint64_t segments = 0;
  uint64_t databases() const { return (files + kFilesInDatabase - 1) / kFilesInDatabase; }
};

// One relation file, by what it is called.
struct GeneratedFile {
  bool is_segment = false;
  uint64_t number = 0;  // among its kind

  uint64_t bytes() const { return is_segment ? kSegmentFileBytes : kPageBytes; }
  std::string name() const;  // "base/100000/200000"
  wal::RelationLocator relation() const;
  // Blocks that changed between the two backups, and whether this one did.
  uint32_t changed_blocks() const;
  uint32_t changed_block(uint32_t index) const;
  bool is_changed(uint32_t block) const;
};
std::optional<GeneratedFile> parse_generated(std::string_view name);

// What makes a page differ from every other kind of page. Bulk segments are made of few kinds, so
// that a store can make their frames as fast as they are read.
uint64_t page_seed(const GeneratedFile& file, uint32_t block, bool changes_made);
void make_page(uint64_t seed, MutableBytes page);
bool is_page(uint64_t seed, ByteView page);

// Frames of bulk segments: one serves kRunsOfFrame stretches of its segment.
inline constexpr uint32_t kFrameBlocks = 128;
inline constexpr uint32_t kFramesOfSegment = 128;
inline constexpr uint32_t kFramesInPack = 4;  // so that there are as many packs as 32 MiB packs
inline constexpr uint32_t kKindsOfFrame = 64;
uint32_t kind_of_frame(uint64_t segment, uint32_t frame);

class GeneratedFiles final : public ForwardingFiles {
 public:
  // `root` exists. `segments_there`: of size.segments; `changes_made` as in page_seed().
  GeneratedFiles(FileSystem& real, std::string root, const ClusterSize& size,
                 uint64_t segments_there, bool changes_made);

  struct Restored {
    std::atomic<uint64_t> files = 0;
    std::atomic<uint64_t> bytes = 0;
    std::atomic<uint64_t> wrong = 0;  // files that are not what they should be
  };
  const Restored& restored() const { return restored_; }

  Result<std::unique_ptr<File>> open_read(const std::string& path) override;
  Result<std::unique_ptr<File>> create(const std::string& path, uint32_t mode) override;
  Result<std::optional<FileInfo>> link_status(const std::string& path) override;
  Result<std::optional<FileInfo>> status(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<DiskSpace> disk_space(const std::string& path) override;

 private:
  class Source;
  class Target;

  // Of a path below `top`.
  std::optional<GeneratedFile> find(const std::string& top, const std::string& path) const;
  bool is_there(const GeneratedFile& file) const;
  bool is_generated_directory(const std::string& path) const;

  const std::string pgdata_;
  const std::string target_;
  const ClusterSize size_;
  const uint64_t segments_there_;
  const bool changes_made_;
  Restored restored_;
};

}  // namespace walkback
