#include "pipeline/copy_out.h"

#include <algorithm>
#include <atomic>

#include "base/task_group.h"
#include "codec/frame.h"
#include "pipeline/file_restore.h"
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

// What the workers share.
struct Restoring {
  FileSystem& files;
  Progress& progress;
  repo::PackReader& packs;

  std::atomic<uint64_t> files_created{0};
  std::atomic<uint64_t> bytes_fetched{0};
  std::atomic<uint64_t> bytes_written{0};

  Result<std::shared_ptr<FileRestore>> create(TargetFile target) {
    std::unique_ptr<File> file = TRY(files.create(target.path, target.mode));
    // The size at once: pieces are written side by side, and an empty file is done.
    if (target.map.file_bytes > 0) TRY(file->truncate(target.map.file_bytes));
    ++files_created;
    return std::make_shared<FileRestore>(std::move(target), std::move(file));
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
    const repo::Frame& frame = file.target().map.frames[use.frame];
    const MutableBytes content = grow(content_, frame.content_bytes);
    if (codec::hash_frame(stored) != frame.stored_hash) {
      return damaged(frame, "its bytes do not match their checksum");
    }
    Result<void> decoded = decoder_.decode(stored, content);
    if (!decoded.ok()) return damaged(frame, decoded.error().message);
    if (codec::hash_content(content) != frame.hash) {
      return damaged(frame, "its content does not match its checksum");
    }
    for (const uint32_t run : use.runs) TRY(write(file, file.target().map.runs[run], content));
    return success();
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
  Bytes range_;    // frames as stored
  Bytes content_;  // of one frame
};

}  // namespace

Result<CopyOutResult> copy_out(FileSystem& files, store::ObjectStore& objects, TargetSource& source,
                               const CopyOutOptions& options, Progress& progress,
                               std::stop_token stop) {
  CHECK(options.workers > 0);
  repo::PackReader packs(objects, options.pack_prefix);
  Restoring restoring{files, progress, packs};
  Feed feed([&] { return source.next(); },
            [&](TargetFile target) { return restoring.create(std::move(target)); });
  TaskGroup workers(stop);
  for (int i = 0; i < options.workers; ++i) {
    workers.start([&, i](std::stop_token token) { return Worker(restoring, i).run(feed, token); });
  }
  TRY(workers.wait());
  return CopyOutResult{restoring.files_created, restoring.bytes_fetched, restoring.bytes_written};
}

}  // namespace walkback::pipeline
