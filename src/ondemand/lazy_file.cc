#include "ondemand/lazy_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace walkback::ondemand {

namespace {

// Of 1 MiB of content each; as much as one request of a restore takes.
constexpr uint32_t kMostAhead = 8;

Result<void> write_all(int fd, uint64_t offset, ByteView data, const std::string& name) {
  while (!data.empty()) {
    const ssize_t wrote = pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno_error(errno, "writing " + name);
    data = data.subspan(static_cast<size_t>(wrote));
    offset += static_cast<uint64_t>(wrote);
  }
  return success();
}

// The run that holds `block`.
std::vector<repo::Run>::const_iterator run_of(const repo::PageMap& map, uint64_t block) {
  const auto after = std::ranges::upper_bound(map.runs, block, {}, &repo::Run::first_block);
  return after - 1;
}

}  // namespace

LazyFile::LazyFile(std::string name, uint64_t file_bytes, FileSource& source)
    : name_(std::move(name)), file_bytes_(file_bytes), source_(source) {}

Result<std::shared_ptr<const MappedFile>> LazyFile::mapped() {
  std::shared_ptr<const MappedFile> file = TRY(source_.map_of(name_));
  const Lock lock(mutex_);
  if (block_bytes_ == 0) {
    block_bytes_ = file->map.block_bytes;
    absent_count_ = file->map.block_count();
    absent_.assign(absent_count_, true);
  }
  return file;
}

uint64_t LazyFile::end_of(uint64_t block) const {
  return std::min(begin_of(block + 1), file_bytes_);
}

void LazyFile::now_present(uint64_t block) {
  if (!is_absent(block)) return;
  absent_[block] = false;
  if (--absent_count_ == 0) whole_ = true;
}

Result<void> LazyFile::make_present(int fd, uint64_t offset, uint64_t size) {
  if (whole_ || size == 0 || offset >= file_bytes_) return success();
  const std::shared_ptr<const MappedFile> file = TRY(mapped());
  Lock lock(mutex_);
  const uint64_t first = offset / block_bytes_;
  const uint64_t last = (std::min(offset + size, file_bytes_) - 1) / block_bytes_;
  for (;;) {
    bool waits = false;
    std::vector<uint32_t> frames = frames_of(*file, first, last, waits);
    if (!frames.empty()) {
      read_ahead(*file, first, last, frames);
      TRY(fetch(lock, fd, *file, frames));
    } else if (waits) {
      fetched_.wait(lock);
    } else {
      return success();
    }
  }
}

std::vector<uint32_t> LazyFile::frames_of(const MappedFile& file, uint64_t first, uint64_t last,
                                          bool& waits) const {
  std::vector<uint32_t> frames;
  for (auto run = run_of(file.map, first); run != file.map.runs.end() && run->first_block <= last;
       ++run) {
    const uint64_t from = std::max<uint64_t>(first, run->first_block);
    const uint64_t to = std::min<uint64_t>(last + 1, uint64_t{run->first_block} + run->block_count);
    bool any = false;
    for (uint64_t block = from; block < to && !any; ++block) any = is_absent(block);
    if (!any) continue;
    if (fetching_.contains(run->frame)) {
      waits = true;
    } else if (std::ranges::find(frames, run->frame) == frames.end()) {
      frames.push_back(run->frame);
    }
  }
  return frames;
}

void LazyFile::read_ahead(const MappedFile& file, uint64_t first, uint64_t last,
                          std::vector<uint32_t>& frames) {
  const auto last_run = run_of(file.map, last);
  const bool goes_on = next_block_ > 0 && first <= next_block_ && next_block_ <= last + 1;
  ahead_ = goes_on ? std::min(ahead_ * 2, kMostAhead) : 1;
  auto run = last_run;
  for (++run; run != file.map.runs.end() && frames.size() < ahead_; ++run) {
    bool waits = false;
    const uint64_t end = uint64_t{run->first_block} + run->block_count - 1;
    for (const uint32_t frame : frames_of(file, run->first_block, end, waits)) {
      if (std::ranges::find(frames, frame) == frames.end()) frames.push_back(frame);
    }
  }
  --run;
  next_block_ = uint64_t{run->first_block} + run->block_count;
}

Result<void> LazyFile::fetch(Lock& lock, int fd, const MappedFile& file,
                             const std::vector<uint32_t>& frames) {
  std::vector<pipeline::WantedFrame> wanted;
  for (const uint32_t frame : frames) {
    fetching_.insert(frame);
    wanted.push_back(file.runs.use_of(frame));
  }
  lock.unlock();
  const Result<void> read = source_.read(
      name_, file, std::move(wanted), [&](const repo::Run& run, ByteView content) -> Result<void> {
        const Lock installing(mutex_);
        return install(fd, run, content);
      });
  lock.lock();
  for (const uint32_t frame : frames) fetching_.erase(frame);
  fetched_.notify_all();
  return read;
}

// Only what is absent still: the rest was written, or cut off, while this was fetched.
Result<void> LazyFile::install(int fd, const repo::Run& run, ByteView content) {
  for (uint64_t at = 0; at < run.block_count;) {
    const uint64_t begin = run.first_block + at;
    if (!is_absent(begin)) {
      ++at;
      continue;
    }
    uint64_t end = begin;
    while (end < uint64_t{run.first_block} + run.block_count && is_absent(end)) ++end;
    const ByteView part = content.subspan(at * block_bytes_, end_of(end - 1) - begin_of(begin));
    TRY(write_all(fd, begin_of(begin), part, name_));
    for (uint64_t block = begin; block < end; ++block) now_present(block);
    at = end - run.first_block;
  }
  return success();
}

// Of the blocks that hold some of these bytes and others too, one that is absent.
std::optional<uint64_t> LazyFile::absent_and_cut_by(uint64_t offset, uint64_t size) const {
  const uint64_t first = offset / block_bytes_, last = (offset + size - 1) / block_bytes_;
  for (const uint64_t block : {first, last}) {
    if (!is_absent(block)) continue;
    if (offset > begin_of(block) || offset + size < end_of(block)) return block;
  }
  return std::nullopt;
}

Result<void> LazyFile::write(int fd, uint64_t offset, ByteView data) {
  if (data.empty()) return success();
  if (whole_ || offset >= file_bytes_) return write_all(fd, offset, data, name_);
  TRY(mapped());
  for (;;) {
    Lock lock(mutex_);
    const std::optional<uint64_t> cut = absent_and_cut_by(offset, data.size());
    if (cut) {
      lock.unlock();
      TRY(make_present(fd, begin_of(*cut), 1));
      continue;
    }
    // Under the lock: what is fetched meanwhile must find it present.
    TRY(write_all(fd, offset, data, name_));
    const uint64_t last = (offset + data.size() - 1) / block_bytes_;
    for (uint64_t block = offset / block_bytes_; block <= last && block < absent_.size(); ++block) {
      now_present(block);
    }
    return success();
  }
}

Result<void> LazyFile::truncate(int fd, uint64_t size) {
  if (!whole_) TRY(mapped());
  for (;;) {
    Lock lock(mutex_);
    if (!whole_ && size < file_bytes_) {
      const uint64_t cut = size / block_bytes_;
      if (size > begin_of(cut) && is_absent(cut)) {
        lock.unlock();
        TRY(make_present(fd, begin_of(cut), 1));
        continue;
      }
    }
    if (ftruncate(fd, static_cast<off_t>(size)) != 0) {
      return errno_error(errno, "truncating " + name_);
    }
    if (whole_) return success();
    for (uint64_t block = (size + block_bytes_ - 1) / block_bytes_; block < absent_.size();
         ++block) {
      now_present(block);
    }
    return success();
  }
}

}  // namespace walkback::ondemand
