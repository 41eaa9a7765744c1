#include "pipeline/copy_in.h"

#include <atomic>
#include <mutex>

#include "base/task_group.h"
#include "codec/frame.h"
#include "pg/page.h"
#include "pipeline/file_copy.h"
#include "pipeline/page_verifier.h"
#include "pipeline/piece_feed.h"
#include "repo/pack.h"

namespace walkback::pipeline {

namespace {

// Two fsyncs under way keep a disk busy; more only fight for it.
constexpr int kFinisherThreads = 2;

using Feed = PieceFeed<SourceFile, FileCopy>;

// What the workers share.
struct Copying {
  FileSystem& files;
  store::ObjectStore& objects;
  Clock& clock;
  Random& random;
  FileSource& source;
  CopiedFileSink& sink;
  const CopyInOptions& options;
  Progress& progress;
  repo::PackFinisher& finisher;

  std::atomic<uint64_t> bytes_read{0};
  std::mutex sink_mutex;  // guards sink and the two below
  uint64_t files_copied = 0;
  uint64_t bytes_raw = 0;

  Result<void> deliver(FileCopy& file) {
    CopiedFile copied = std::move(file).finish();
    std::lock_guard lock(sink_mutex);
    ++files_copied;
    bytes_raw += copied.map.file_bytes;
    return sink.accept(std::move(copied));
  }

  // Null when the file vanished, or is empty and thereby done.
  Result<std::shared_ptr<FileCopy>> open(SourceFile file) {
    Result<std::unique_ptr<File>> opened = files.open_read(file.path);
    if (!opened.ok()) {
      if (opened.error().kind == ErrorKind::kMissing) return std::shared_ptr<FileCopy>();
      return std::move(opened).error();
    }
    const uint64_t bytes = TRY((*opened)->size());
    auto copy = std::make_shared<FileCopy>(std::move(file), std::move(*opened), bytes, options);
    if (bytes > 0) return copy;
    TRY(deliver(*copy));
    return std::shared_ptr<FileCopy>();
  }
};

// One thread's buffers, compressor and open pack.
class Worker {
 public:
  Worker(Copying& copying, int number)
      : copying_(copying),
        number_(number),
        options_(copying.options),
        encoder_(options_.compression_level),
        pack_(copying.objects, copying.random, options_.pack_prefix, options_.pack_bytes,
              copying.finisher) {}

  Result<void> run(Feed& feed, std::stop_token stop) {
    while (!stop.stop_requested()) {
      const std::optional<Feed::Piece> piece = TRY(feed.next(number_));
      if (!piece) return pack_.close();
      TRY(copy(*piece->file, piece->index));
    }
    return make_error(ErrorKind::kCancelled, "interrupted");
  }

 private:
  Result<void> copy(FileCopy& file, uint32_t piece) {
    const FileCopy::Range range = file.range(piece);
    if (buffer_.size() < range.bytes) buffer_.resize(range.bytes);
    const size_t size =
        TRY(file.file().read_at(range.offset, MutableBytes(buffer_).first(range.bytes)));
    copying_.bytes_read += size;
    copying_.progress.add_bytes(size);
    FileCopy::StoredPiece stored;
    if (size > 0) stored = TRY(store(file, range, MutableBytes(buffer_).first(size)));
    if (file.store(piece, std::move(stored))) return copying_.deliver(file);
    return success();
  }

  Result<FileCopy::StoredPiece> store(FileCopy& file, const FileCopy::Range& range,
                                      MutableBytes content) {
    FileCopy::StoredPiece stored;
    // Before hashing: pages that were torn are replaced in the buffer.
    if (file.source().relation) TRY(verify(file, range, content, stored));
    stored.frame.content_bytes = static_cast<uint32_t>(content.size());
    stored.frame.hash = codec::hash_content(content);
    const ByteView frame = encoder_.encode(content);
    stored.frame.stored_hash = codec::hash_frame(frame);
    stored.frame.location = TRY(pack_.append(frame));
    return stored;
  }

  Result<void> verify(FileCopy& file, const FileCopy::Range& range, MutableBytes content,
                      FileCopy::StoredPiece& stored) {
    const PageCheck& relation = *file.source().relation;
    if (relation.checksums) {
      // A page cut short by a concurrent truncation or extension has no checksum to hold.
      const size_t whole = content.size() / pg::kPageBytes * pg::kPageBytes;
      const PageVerdicts verdicts = TRY(verify_pages(
          file.file(),
          {range.offset, relation.first_block + range.first_block, content.first(whole)},
          options_.start_lsn, copying_.clock));
      copying_.bytes_read += verdicts.bytes_read_again;
      for (const uint32_t index : verdicts.bad) {
        stored.bad_blocks.push_back(range.first_block + index);
      }
      for (const DoubtfulPage& page : verdicts.doubtful) {
        stored.doubtful_blocks.push_back({range.first_block + page.index, page.lsn});
      }
    }
    stored.page_hashes.reserve(options_.frame_bytes / options_.block_bytes);
    for (size_t at = 0; at < content.size(); at += options_.block_bytes) {
      const size_t size = std::min<size_t>(options_.block_bytes, content.size() - at);
      stored.page_hashes.push_back(codec::hash_page(content.subspan(at, size)));
    }
    return success();
  }

  Copying& copying_;
  const int number_;
  const CopyInOptions& options_;
  codec::FrameEncoder encoder_;
  repo::PackWriter pack_;
  Bytes buffer_;
};

}  // namespace

Result<CopyInResult> copy_in(FileSystem& files, store::ObjectStore& objects, Clock& clock,
                             Random& random, FileSource& source, CopiedFileSink& sink,
                             const CopyInOptions& options, Progress& progress,
                             std::stop_token stop) {
  CHECK(options.workers > 0 && options.block_bytes == pg::kPageBytes);
  CHECK(options.frame_bytes % options.block_bytes == 0 &&
        options.frame_bytes <= repo::kLargestFrameContent);
  repo::PackFinisher finisher(kFinisherThreads);
  Copying copying{files, objects, clock, random, source, sink, options, progress, finisher};
  Feed feed([&] { return source.next(); },
            [&](SourceFile file) { return copying.open(std::move(file)); });
  {
    TaskGroup workers(stop);
    for (int i = 0; i < options.workers; ++i) {
      workers.start([&, i](std::stop_token token) { return Worker(copying, i).run(feed, token); });
    }
    TRY(workers.wait());
  }
  CopyInResult result;
  result.packs = TRY(finisher.wait());
  for (const repo::PackFinisher::Stored& pack : result.packs) result.bytes_stored += pack.size;
  result.files = copying.files_copied;
  result.bytes_read = copying.bytes_read;
  result.bytes_raw = copying.bytes_raw;
  return result;
}

}  // namespace walkback::pipeline
