#include "pipeline/copy_out.h"

#include <atomic>

#include "base/task_group.h"
#include "pipeline/file_restore.h"
#include "pipeline/frame_reader.h"
#include "pipeline/pages_there.h"
#include "pipeline/piece_feed.h"
#include "repo/pack.h"

namespace walkback::pipeline {

namespace {

using Feed = PieceFeed<TargetFile, FileRestore>;

// Smaller writes are better left for the kernel to gather.
constexpr uint64_t kWorthWriteback = 256 << 10;

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
  Worker(Restoring& restoring, int number)
      : restoring_(restoring), number_(number), frames_(restoring.packs) {}

  Result<void> run(Feed& feed, std::stop_token stop) {
    while (!stop.stop_requested()) {
      const std::optional<Feed::Piece> piece = TRY(feed.next(number_));
      if (!piece) return success();
      TRY_CONTEXT(restore(*piece->file, piece->index), piece->file->target().name);
    }
    return make_error(ErrorKind::kCancelled, "interrupted");
  }

 private:
  Result<void> restore(FileRestore& file, uint32_t piece) {
    std::vector<WantedFrame> uses = file.uses(piece);
    if (file.was_there()) {
      const uint64_t right =
          TRY(pages_there_.leave_out_right(file.file(), file.target().map, uses));
      restoring_.bytes_right += right;
      restoring_.progress.add_bytes(right);
    }
    const auto take = [&](const repo::Run& run, ByteView content) {
      return write(file, run, content);
    };
    restoring_.bytes_fetched += TRY(frames_.read(file.target().map, std::move(uses), take));
    return success();
  }

  Result<void> write(FileRestore& file, const repo::Run& run, ByteView content) {
    const uint64_t offset = uint64_t{run.first_block} * file.target().map.block_bytes;
    TRY(file.file().write_at(offset, content));
    // Early, so that the sync at the end finds little left to do.
    if (content.size() >= kWorthWriteback) file.file().start_writeback(offset, content.size());
    restoring_.bytes_written += content.size();
    restoring_.progress.add_bytes(content.size());
    return success();
  }

  Restoring& restoring_;
  const int number_;
  FrameReader frames_;
  PagesThere pages_there_;
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
