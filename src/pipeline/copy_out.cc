#include "pipeline/copy_out.h"

#include <algorithm>
#include <atomic>

#include "base/task_group.h"
#include "codec/frame.h"
#include "pipeline/file_restore.h"
#include "pipeline/pages_there.h"
#include "pipeline/piece_feed.h"
#include "repo/pack.h"

namespace walkback::pipeline {

namespace {

using Feed = PieceFeed<TargetFile, FileRestore>;
using Use = FileRestore::Use;

// Neighbouring frames are fetched in one read up to this size: for a bucket, one request.
constexpr uint32_t kLargestRead = 4 << 20;

// Smaller writes are better left for the kernel to gather.
constexpr uint64_t kWorthWriteback = 256 << 10;

// A frame of which this part or less at its end is not needed is decoded whole.
constexpr uint64_t kMuch = 8;

// What the workers share.
class Restoring {
 public:
  Restoring(FileSystem& target, Progress& watcher, repo::PackReader& from)
      : files(target), progress(watcher), packs(from) {}

  FileSystem& files;
  Progress& progress;
  repo::PackReader& packs;

  std::atomic<uint64_t> files_restored{0};
  std::atomic<uint64_t> bytes_fetched{0};
  std::atomic<uint64_t> bytes_written{0};
  std::atomic<uint64_t> bytes_right{0};

  Result<std::shared_ptr<FileRestore>> open(TargetFile target) {
    std::unique_ptr<File> file;
    if (target.may_exist) file = TRY(open_there(target));
    const bool was_there = file != nullptr;
    if (!was_there) file = TRY(files.create(target.path, target.mode));
    // The size at once: pieces are written side by side, and an empty file is done.
    const uint64_t size = was_there ? TRY(file->size()) : 0;
    if (size != target.map.file_bytes) TRY(file->truncate(target.map.file_bytes));
    ++files_restored;
    return std::make_shared<FileRestore>(std::move(target), std::move(file), was_there);
  }

 private:
  // Null when none is there, or none any more.
  Result<std::unique_ptr<File>> open_there(const TargetFile& target) {
    const std::optional<FileInfo> there = TRY(files.link_status(target.path));
    if (!there) return std::unique_ptr<File>();
    if (there->type != FileType::kRegular || there->links > 1) {
      TRY(files.remove(target.path));
      return std::unique_ptr<File>();
    }
    if (there->mode != target.mode) TRY(files.set_mode(target.path, target.mode));
    return files.open_write(target.path);
  }
};

// One thread's buffers and decompressor.
class Worker {
 public:
  Worker(Restoring& restoring, int number) : restoring_(restoring), number_(number) {}

  Result<void> run(Feed& feed, std::stop_token stop) {
    while (!stop.stop_requested()) {
      const std::optional<Feed::Piece> piece = TRY(feed.next(number_));
      if (!piece) return success();
      TRY_CONTEXT(restore(*piece->file, piece->index), piece->file->target().name);
    }
    return make_error(ErrorKind::kCancelled, "interrupted");
  }

 private:
  static const repo::FrameLocation& location(const FileRestore& file, const Use& use) {
    return file.target().map.frames[use.frame].location;
  }

  Result<void> restore(FileRestore& file, uint32_t piece) {
    std::vector<Use> uses = file.uses(piece);
    if (file.was_there()) {
      const uint64_t right =
          TRY(pages_there_.leave_out_right(file.file(), file.target().map, uses));
      restoring_.bytes_right += right;
      restoring_.progress.add_bytes(right);
    }
    // In the packs' order, so that neighbours are found; two workers' packs take turns in one file.
    std::sort(uses.begin(), uses.end(),
              [&](const Use& a, const Use& b) { return location(file, a) < location(file, b); });
    for (size_t begin = 0; begin < uses.size();) {
      const size_t end = end_of_range(file, uses, begin);
      TRY(restore_range(file, std::span(uses).subspan(begin, end - begin)));
      begin = end;
    }
    return success();
  }

  // As many frames as lie one after another in one pack, within one read.
  static size_t end_of_range(const FileRestore& file, std::span<const Use> uses, size_t begin) {
    uint32_t length = location(file, uses[begin]).length;
    size_t end = begin + 1;
    for (; end < uses.size(); ++end) {
      const repo::FrameLocation& last = location(file, uses[end - 1]);
      const repo::FrameLocation& next = location(file, uses[end]);
      if (next.pack != last.pack || next.offset != last.offset + last.length) break;
      if (next.length > kLargestRead || length > kLargestRead - next.length) break;
      length += next.length;
    }
    return end;
  }

  Result<void> restore_range(FileRestore& file, std::span<const Use> uses) {
    const repo::FrameLocation& first = location(file, uses.front());
    const repo::FrameLocation& last = location(file, uses.back());
    const uint32_t length = last.offset + last.length - first.offset;
    const MutableBytes range = grow(range_, length);
    TRY(restoring_.packs.read({first.pack, first.offset, length}, range));
    restoring_.bytes_fetched += length;
    for (const Use& use : uses) {
      const repo::FrameLocation& at = location(file, use);
      TRY(restore_frame(file, use, range.subspan(at.offset - first.offset, at.length)));
    }
    return success();
  }

  Result<void> restore_frame(FileRestore& file, const Use& use, ByteView stored) {
    const repo::PageMap& map = file.target().map;
    const repo::Frame& frame = map.frames[use.frame];
    if (codec::hash_frame(stored) != frame.stored_hash) {
      return damaged(frame, "its bytes do not match their checksum");
    }
    const uint64_t wanted = end_of_wanted(use, map);
    const bool all = map.page_hashes.empty() || wanted > frame.content_bytes / kMuch * (kMuch - 1);
    const MutableBytes content = grow(content_, all ? frame.content_bytes : wanted);
    Result<void> decoded =
        all ? decoder_.decode(stored, content) : decoder_.decode_beginning(stored, content);
    if (!decoded.ok()) return damaged(frame, decoded.error().message);
    if (all ? codec::hash_content(content) != frame.hash : !holds_its_pages(use, map, content)) {
      return damaged(frame, "its content does not match its checksum");
    }
    for (const repo::Run& run : use.runs) TRY(write(file, run, content));
    return success();
  }

  // Up to where of its content a frame is needed.
  static uint64_t end_of_wanted(const Use& use, const repo::PageMap& map) {
    uint64_t blocks = 0;
    for (const repo::Run& run : use.runs) {
      blocks = std::max<uint64_t>(blocks, uint64_t{run.frame_block} + run.block_count);
    }
    return std::min<uint64_t>(blocks * map.block_bytes, map.frames[use.frame].content_bytes);
  }

  static bool holds_its_pages(const Use& use, const repo::PageMap& map, ByteView content) {
    for (const repo::Run& run : use.runs) {
      for (uint32_t i = 0; i < run.block_count; ++i) {
        const uint64_t from = uint64_t{run.frame_block + i} * map.block_bytes;
        const uint64_t size = std::min<uint64_t>(map.block_bytes, content.size() - from);
        if (codec::hash_page(content.subspan(from, size)) != map.page_hashes[run.first_block + i]) {
          return false;
        }
      }
    }
    return true;
  }

  Result<void> write(FileRestore& file, const repo::Run& run, ByteView content) {
    const uint64_t block = file.target().map.block_bytes;
    const uint64_t from = run.frame_block * block;
    const uint64_t size = std::min<uint64_t>(run.block_count * block, content.size() - from);
    const uint64_t offset = run.first_block * block;
    TRY(file.file().write_at(offset, content.subspan(from, size)));
    // Early, so that the sync at the end finds little left to do.
    if (size >= kWorthWriteback) file.file().start_writeback(offset, size);
    restoring_.bytes_written += size;
    restoring_.progress.add_bytes(size);
    return success();
  }

  static Error damaged(const repo::Frame& frame, const std::string& why) {
    return make_error(ErrorKind::kCorrupt,
                      "pack " + frame.location.pack.text() + " is damaged at byte " +
                          std::to_string(frame.location.offset) + ": " + why,
                      "restore this pack from another copy of the repository, or recover from "
                      "another backup (`walkback list`)");
  }

  static MutableBytes grow(Bytes& buffer, size_t size) {
    if (buffer.size() < size) buffer.resize(size);
    return MutableBytes(buffer).first(size);
  }

  Restoring& restoring_;
  const int number_;
  codec::FrameDecoder decoder_;
  PagesThere pages_there_;
  Bytes range_;    // frames as stored
  Bytes content_;  // of one frame
};

}  // namespace

Result<CopyOutResult> copy_out(FileSystem& files, store::ObjectStore& objects, TargetSource& source,
                               const CopyOutOptions& options, Progress& progress,
                               std::stop_token stop) {
  CHECK(options.workers > 0);
  repo::PackReader packs(objects, options.pack_prefix);
  Restoring restoring(files, progress, packs);
  Feed feed([&] { return source.next(); },
            [&](TargetFile target) { return restoring.open(std::move(target)); });
  TaskGroup workers(stop);
  for (int i = 0; i < options.workers; ++i) {
    workers.start([&, i](std::stop_token token) { return Worker(restoring, i).run(feed, token); });
  }
  TRY(workers.wait());
  return CopyOutResult{restoring.files_restored, restoring.bytes_fetched, restoring.bytes_written,
                       restoring.bytes_right};
}

}  // namespace walkback::pipeline
