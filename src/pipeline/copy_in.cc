#include "pipeline/copy_in.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "base/task_group.h"
#include "codec/frame.h"
#include "pg/page.h"
#include "pipeline/file_copy.h"
#include "pipeline/page_verifier.h"
#include "pipeline/piece_feed.h"
#include "pipeline/unlogged_changes.h"
#include "repo/pack.h"

namespace walkback::pipeline {

namespace {

// Two fsyncs under way keep a disk busy; more only fight for it.
constexpr int kFinisherThreads = 2;
// Blocks that changed without a word of it in the WAL.
constexpr uint64_t kEnoughToBeSure = 1000;

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
  std::atomic<uint64_t> bytes_reread{0};
  std::atomic<uint64_t> unexplained{0};  // blocks
  std::mutex sink_mutex;                 // guards sink and the two below
  uint64_t files_copied = 0;
  uint64_t bytes_raw = 0;

  Result<void> deliver(FileCopy& file) {
    CopiedFile copied = std::move(file).finish();
    std::lock_guard lock(sink_mutex);
    ++files_copied;
    bytes_raw += copied.map.file_bytes;
    return sink.accept(std::move(copied));
  }

  // Null when the file vanished, or nothing of it must be read.
  Result<std::shared_ptr<FileCopy>> open(SourceFile file) {
    Result<std::unique_ptr<File>> opened = files.open_read(file.path);
    if (!opened.ok()) {
      if (opened.error().kind == ErrorKind::kMissing) return std::shared_ptr<FileCopy>();
      return std::move(opened).error();
    }
    const uint64_t bytes = TRY((*opened)->size());
    std::optional<repo::PageMap> parent;
    if (file.parent) parent = TRY_CONTEXT(file.parent->map(), file.name);
    auto copy = std::make_shared<FileCopy>(std::move(file), std::move(*opened), bytes,
                                           std::move(parent), options);
    if (!copy->is_done()) return copy;
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
    const std::vector<FileCopy::Blocks> wanted = file.blocks(piece);
    std::vector<Read> reads;
    size_t size = 0;
    for (const FileCopy::Blocks& blocks : wanted) {
      const auto bytes = static_cast<uint32_t>(file.bytes_in(blocks));
      if (buffer_.size() < size + bytes) buffer_.resize(size + bytes);
      const uint64_t offset = file.offset_of(blocks.first);
      const size_t got =
          TRY(file.file().read_at(offset, MutableBytes(buffer_).subspan(size, bytes)));
      copying_.bytes_read += got;
      copying_.progress.add_bytes(got);
      if (got > 0) reads.push_back({blocks.first, size, got});
      size += got;
      if (got < bytes) {
        file.truncated_at(offset + got);
        break;
      }
    }
    FileCopy::StoredPiece stored;
    if (size > 0) stored = TRY(store(file, reads, MutableBytes(buffer_).first(size)));
    if (file.store(piece, std::move(stored))) return copying_.deliver(file);
    return success();
  }

  // Neighbouring blocks in the buffer.
  struct Read {
    uint32_t first_block = 0;
    size_t at = 0;  // in the buffer
    size_t bytes = 0;
  };

  Result<FileCopy::StoredPiece> store(FileCopy& file, const std::vector<Read>& reads,
                                      MutableBytes content) {
    FileCopy::StoredPiece stored;
    // Before hashing: pages that were torn are replaced in the buffer.
    if (file.source().relation) {
      TRY(verify(file, reads, content, stored));
      TRY(prove_unchanged(file, reads, content, stored));
    }
    const ByteView kept = keep_what_is_new(file, reads, content, stored);
    if (kept.empty()) return stored;
    stored.frame.hash = codec::hash_content(kept);
    if (!file.source().relation && reads.size() == 1 && !file.store_anew(reads[0].first_block) &&
        file.parent_has({reads[0].first_block, blocks_in(reads[0].bytes)},
                        static_cast<uint32_t>(kept.size()), stored.frame.hash)) {
      return FileCopy::StoredPiece{};
    }
    stored.frame.content_bytes = static_cast<uint32_t>(kept.size());
    const ByteView frame = encoder_.encode(kept);
    stored.frame.stored_hash = codec::hash_frame(frame);
    stored.frame.location = TRY(pack_.append(frame));
    return stored;
  }

  uint32_t blocks_in(size_t bytes) const {
    return static_cast<uint32_t>((bytes + options_.block_bytes - 1) / options_.block_bytes);
  }

  // Calls `visit(block, its place in content, its bytes, which of those read it is)` for each.
  template <typename Visit>
  void for_each_block(const std::vector<Read>& reads, Visit visit) const {
    size_t index = 0;
    for (const Read& read : reads) {
      for (uint32_t i = 0; i < blocks_in(read.bytes); ++i) {
        const size_t at = read.at + size_t{i} * options_.block_bytes;
        const size_t bytes = std::min<size_t>(options_.block_bytes, read.at + read.bytes - at);
        visit(read.first_block + i, at, bytes, index++);
      }
    }
  }

  // Moves what the parent does not have to the front, and says what it is.
  ByteView keep_what_is_new(const FileCopy& file, const std::vector<Read>& reads,
                            MutableBytes content, FileCopy::StoredPiece& stored) const {
    size_t kept = 0;
    for_each_block(reads, [&](uint32_t block, size_t at, size_t bytes, size_t index) {
      const bool is_parents = !stored.page_hashes.empty() &&
                              file.parent_has(block, stored.page_hashes[index]) &&
                              !(file.store_anew(block) && !is_bad(stored, block));
      if (is_parents) return;
      if (kept != at) std::memmove(content.data() + kept, content.data() + at, bytes);
      const auto frame_block = static_cast<uint32_t>(kept / options_.block_bytes);
      kept += bytes;
      const bool goes_on = !stored.runs.empty() &&
                           stored.runs.back().first_block + stored.runs.back().block_count == block;
      if (goes_on) {
        ++stored.runs.back().block_count;
      } else {
        stored.runs.push_back({block, 1, 0, frame_block});
      }
    });
    return content.first(kept);
  }

  static bool is_bad(const FileCopy::StoredPiece& stored, uint32_t block) {
    return std::ranges::binary_search(stored.bad_blocks, block);
  }
  static bool is_doubtful(const FileCopy::StoredPiece& stored, uint32_t block) {
    return std::ranges::binary_search(stored.doubtful_blocks, block, {}, &DoubtfulBlock::block);
  }

  // Of blocks that had not changed, as the WAL says. Where that is so, or they have been damaged
  // since, what the parent has of them stays.
  Result<void> prove_unchanged(FileCopy& file, const std::vector<Read>& reads, MutableBytes content,
                               FileCopy::StoredPiece& stored) {
    struct Open {
      uint32_t block;
      size_t index;
    };
    std::vector<Open> open;
    std::vector<DifferentPage> different;
    const auto is_parents = [&](uint32_t block, size_t index) {
      stored.page_hashes[index] = file.parents_hash(block);
    };
    for_each_block(reads, [&](uint32_t block, size_t at, size_t bytes, size_t index) {
      if (!file.is_unchanged(block)) return;
      copying_.bytes_reread += bytes;
      if (bytes < options_.block_bytes || file.parent_has(block, stored.page_hashes[index])) return;
      const uint32_t parents = file.parents_masked_hash(block);
      if (is_bad(stored, block)) {
        is_parents(block, index);
        stored.masked_hashes[index] = parents;
      } else if (stored.masked_hashes[index] == parents) {
        if (!file.store_anew(block)) is_parents(block, index);
      } else if (parents != 0 && !file.was_damaged(block) && !is_doubtful(stored, block)) {
        open.push_back({block, index});
        different.push_back({file.offset_of(block), parents, content.subspan(at, bytes)});
      }
    });
    if (open.empty()) return success();
    // Once there are many, it is not that all of them are being written.
    if (!file.source().relation->checksums && copying_.unexplained < kEnoughToBeSure) {
      const uint64_t bytes =
          TRY(read_until_whole(file.file(), different, options_.start_lsn, copying_.clock));
      copying_.bytes_read += bytes;
      copying_.bytes_reread += bytes;
    }
    for (size_t i = 0; i < open.size(); ++i) {
      const auto [block, index] = open[i];
      stored.page_hashes[index] = codec::hash_page(different[i].page);
      stored.masked_hashes[index] = masked_hash(different[i].page);
      if (different[i].is_alike) {
        if (!file.store_anew(block)) is_parents(block, index);
      } else {
        add_unexplained(stored.unexplained, block, pg::page_lsn(different[i].page));
      }
    }
    return success();
  }

  void add_unexplained(std::vector<UnexplainedBlock>& all, uint32_t number, pg::Lsn lsn) {
    const UnexplainedBlock block{number, lsn, replay_may_mend(lsn, options_.start_lsn)};
    if (!block.maybe_replayed) {
      ++copying_.unexplained;
      all.push_back(block);
      return;
    }
    const auto known = std::ranges::find_if(all, &UnexplainedBlock::maybe_replayed);
    if (known == all.end()) {
      all.push_back(block);
    } else if (known->lsn < block.lsn) {
      *known = block;
    }
  }

  Result<void> verify(FileCopy& file, const std::vector<Read>& reads, MutableBytes content,
                      FileCopy::StoredPiece& stored) {
    const PageCheck& relation = *file.source().relation;
    if (relation.checksums) {
      for (const Read& read : reads) {
        TRY(verify(file, relation, read, content.subspan(read.at, read.bytes), stored));
      }
    }
    stored.page_hashes.reserve(options_.frame_bytes / options_.block_bytes);
    stored.masked_hashes.reserve(stored.page_hashes.capacity());
    for_each_block(reads, [&](uint32_t, size_t at, size_t bytes, size_t) {
      const ByteView page = content.subspan(at, bytes);
      stored.page_hashes.push_back(codec::hash_page(page));
      stored.masked_hashes.push_back(bytes == pg::kPageBytes ? masked_hash(page) : 0);
    });
    return success();
  }

  Result<void> verify(FileCopy& file, const PageCheck& relation, const Read& read,
                      MutableBytes pages, FileCopy::StoredPiece& stored) {
    // A page cut short by a concurrent truncation or extension has no checksum to hold.
    const size_t whole = pages.size() / pg::kPageBytes * pg::kPageBytes;
    const PageVerdicts verdicts =
        TRY(verify_pages(file.file(),
                         {file.offset_of(read.first_block), relation.first_block + read.first_block,
                          pages.first(whole)},
                         options_.start_lsn, copying_.clock));
    copying_.bytes_read += verdicts.bytes_read_again;
    for (const uint32_t index : verdicts.bad) {
      stored.bad_blocks.push_back(read.first_block + index);
    }
    for (const DoubtfulPage& page : verdicts.doubtful) {
      stored.doubtful_blocks.push_back({read.first_block + page.index, page.lsn});
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
  result.bytes_reread = copying.bytes_reread;
  result.bytes_raw = copying.bytes_raw;
  return result;
}

}  // namespace walkback::pipeline
