#include "generated_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace walkback {

namespace {

constexpr uint32_t kFirstFile = 200'000;
constexpr uint32_t kFirstRelation = 300'000;
constexpr uint32_t kChangesOfSegment = 8;
constexpr uint64_t kChangedSmallFile = 100;  // every hundredth
constexpr size_t kSeedAt = 32;               // in a page, behind its header

uint64_t mix(uint64_t value) {
  // SplitMix64: neighbours become unlike.
  value += 0x9E3779B97F4A7C15;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string GeneratedFile::name() const {
  if (!is_segment) {
    return fmt::format("base/{}/{}", kFirstDatabase + number / kFilesInDatabase,
                       kFirstFile + number % kFilesInDatabase);
  }
  const uint64_t part = number % kSegmentsInRelation;
  return fmt::format("base/{}/{}{}", kSegmentsDatabase,
                     kFirstRelation + number / kSegmentsInRelation,
                     part == 0 ? "" : fmt::format(".{}", part));
}

std::optional<GeneratedFile> parse_generated(std::string_view name) {
  if (!take(name, "base/")) return std::nullopt;
  const std::optional<uint64_t> database = take_number(name);
  if (!database || !take(name, "/")) return std::nullopt;
  const std::optional<uint64_t> file = take_number(name);
  if (!file) return std::nullopt;
  if (*database != kSegmentsDatabase) {
    if (!name.empty() || *database < kFirstDatabase || *file < kFirstFile) return std::nullopt;
    return GeneratedFile{false,
                         (*database - kFirstDatabase) * kFilesInDatabase + *file - kFirstFile};
  }
  uint64_t part = 0;
  if (take(name, ".")) part = take_number(name).value_or(kSegmentsInRelation);
  if (!name.empty() || *file < kFirstRelation || part >= kSegmentsInRelation) return std::nullopt;
  return GeneratedFile{true, (*file - kFirstRelation) * kSegmentsInRelation + part};
}

wal::RelationLocator GeneratedFile::relation() const {
  constexpr pg::Oid kDefaultTablespace = 1663;
  if (is_segment) {
    return {kDefaultTablespace, kSegmentsDatabase,
            static_cast<pg::Oid>(kFirstRelation + number / kSegmentsInRelation)};
  }
  return {kDefaultTablespace, static_cast<pg::Oid>(kFirstDatabase + number / kFilesInDatabase),
          static_cast<pg::Oid>(kFirstFile + number % kFilesInDatabase)};
}

uint32_t GeneratedFile::changed_blocks() const {
  if (is_segment) return kChangesOfSegment;
  return number % kChangedSmallFile == 0 ? 1 : 0;
}

uint32_t GeneratedFile::changed_block(uint32_t index) const {
  if (!is_segment) return 0;
  return static_cast<uint32_t>(number % 97) + index * (kSegmentBlocks / kChangesOfSegment);
}

bool GeneratedFile::is_changed(uint32_t block) const {
  if (!is_segment) return changed_blocks() == 1;
  return block % (kSegmentBlocks / kChangesOfSegment) == number % 97;
}

uint32_t kind_of_frame(uint64_t segment, uint32_t frame) {
  return static_cast<uint32_t>((segment * 7 + frame) % kKindsOfFrame);
}

uint64_t page_seed(const GeneratedFile& file, uint32_t block, bool changes_made) {
  if (changes_made && file.is_changed(block)) return mix(mix(file.number) + block + 1);
  if (!file.is_segment) return mix(file.number);
  const uint32_t frame = block / kFrameBlocks % kFramesOfSegment;
  return mix(uint64_t{kind_of_frame(file.number, frame)} << 32 | block % kFrameBlocks);
}

void make_page(uint64_t seed, MutableBytes page) {
  constexpr uint16_t kUpper = 0x2000;
  std::memset(page.data(), 0, page.size());
  std::memcpy(page.data() + 14, &kUpper, sizeof kUpper);  // pd_upper: not a new page
  std::memcpy(page.data() + kSeedAt, &seed, sizeof seed);
}

bool is_page(uint64_t seed, ByteView page) {
  static const std::array<std::byte, kPageBytes> kZeros{};
  constexpr size_t kHead = kSeedAt + sizeof seed;
  std::array<std::byte, kHead> head{};
  make_page(seed, head);
  return page.size() == kPageBytes && std::memcmp(page.data(), head.data(), kHead) == 0 &&
         std::memcmp(page.data() + kHead, kZeros.data(), kPageBytes - kHead) == 0;
}

// Read by a backup.
class GeneratedFiles::Source final : public File {
 public:
  Source(const GeneratedFile& file, bool changes_made) : file_(file), changes_made_(changes_made) {}

  Result<size_t> read_at(uint64_t offset, MutableBytes out) override {
    const size_t size =
        std::min<uint64_t>(out.size(), file_.bytes() - std::min(offset, file_.bytes()));
    CHECK(offset % kPageBytes == 0 && size % kPageBytes == 0);
    for (size_t at = 0; at < size; at += kPageBytes) {
      const auto block = static_cast<uint32_t>((offset + at) / kPageBytes);
      make_page(page_seed(file_, block, changes_made_), out.subspan(at, kPageBytes));
    }
    return size;
  }
  Result<void> write_at(uint64_t, ByteView) override { return refuse(); }
  Result<void> truncate(uint64_t) override { return refuse(); }
  Result<uint64_t> size() override { return file_.bytes(); }
  Result<void> sync() override { return success(); }
  void start_writeback(uint64_t, uint64_t) override {}
  void forget_cached(uint64_t, uint64_t) override {}

 private:
  static Error refuse() { return make_error(ErrorKind::kIo, "a backup writes to the cluster"); }

  const GeneratedFile file_;
  const bool changes_made_;
};

// Written by a recovery, each block once.
class GeneratedFiles::Target final : public File {
 public:
  Target(const GeneratedFile& file, Restored& restored) : file_(file), restored_(restored) {}
  ~Target() override {
    ++restored_.files;
    restored_.bytes += written_;
    if (!right_ || size_ != file_.bytes() || written_ != file_.bytes()) ++restored_.wrong;
  }

  Result<size_t> read_at(uint64_t, MutableBytes) override {
    return make_error(ErrorKind::kIo, "a recovery reads what it wrote");
  }
  Result<void> write_at(uint64_t offset, ByteView data) override {
    bool right = offset % kPageBytes == 0 && data.size() % kPageBytes == 0;
    for (size_t at = 0; right && at < data.size(); at += kPageBytes) {
      const auto block = static_cast<uint32_t>((offset + at) / kPageBytes);
      right = is_page(page_seed(file_, block, true), data.subspan(at, kPageBytes));
    }
    if (!right) right_ = false;
    written_ += data.size();
    return success();
  }
  Result<void> truncate(uint64_t size) override {
    size_ = size;
    return success();
  }
  Result<uint64_t> size() override { return size_.load(); }
  Result<void> sync() override { return success(); }
  void start_writeback(uint64_t, uint64_t) override {}
  void forget_cached(uint64_t, uint64_t) override {}

 private:
  const GeneratedFile file_;
  Restored& restored_;
  std::atomic<uint64_t> written_ = 0;
  std::atomic<uint64_t> size_ = 0;
  std::atomic<bool> right_ = true;
};

GeneratedFiles::GeneratedFiles(FileSystem& real, std::string root, const ClusterSize& size,
                               uint64_t segments_there, bool changes_made)
    : ForwardingFiles(real),
      pgdata_(join_path(root, "pg")),
      target_(join_path(root, "restored")),
      size_(size),
      segments_there_(segments_there),
      changes_made_(changes_made) {}

std::optional<GeneratedFile> GeneratedFiles::find(const std::string& top,
                                                  const std::string& path) const {
  std::string_view name = path;
  if (!take(name, top) || !take(name, "/")) return std::nullopt;
  const std::optional<GeneratedFile> file = parse_generated(name);
  if (!file || !is_there(*file)) return std::nullopt;
  return file;
}

bool GeneratedFiles::is_there(const GeneratedFile& file) const {
  return file.number < (file.is_segment ? segments_there_ : size_.files);
}

bool GeneratedFiles::is_generated_directory(const std::string& path) const {
  std::string_view name = path;
  if (!take(name, pgdata_) || !take(name, "/base/")) return false;
  const std::optional<uint64_t> database = take_number(name);
  if (!database || !name.empty()) return false;
  return *database == kSegmentsDatabase ||
         (*database >= kFirstDatabase && *database < kFirstDatabase + size_.databases());
}

Result<std::unique_ptr<File>> GeneratedFiles::open_read(const std::string& path) {
  const std::optional<GeneratedFile> file = find(pgdata_, path);
  if (!file) return ForwardingFiles::open_read(path);
  return std::unique_ptr<File>(std::make_unique<Source>(*file, changes_made_));
}

Result<std::unique_ptr<File>> GeneratedFiles::create(const std::string& path, uint32_t mode) {
  const std::optional<GeneratedFile> file = find(target_, path);
  if (!file) return ForwardingFiles::create(path, mode);
  return std::unique_ptr<File>(std::make_unique<Target>(*file, restored_));
}

Result<std::optional<FileInfo>> GeneratedFiles::link_status(const std::string& path) {
  return status(path);
}

Result<std::optional<FileInfo>> GeneratedFiles::status(const std::string& path) {
  FileInfo info;
  if (const std::optional<GeneratedFile> file = find(pgdata_, path)) {
    info.type = FileType::kRegular;
    info.size = file->bytes();
    info.mode = 0600;
    info.modified = {1'800'000'000'000'000};
    return std::optional(info);
  }
  if (is_generated_directory(path)) {
    info.type = FileType::kDirectory;
    info.mode = 0700;
    return std::optional(info);
  }
  return ForwardingFiles::status(path);
}

Result<std::vector<DirectoryEntry>> GeneratedFiles::list(const std::string& path) {
  std::vector<DirectoryEntry> entries;
  if (path == join_path(pgdata_, "base")) {
    entries.push_back({std::to_string(kSegmentsDatabase), FileType::kDirectory});
    for (uint64_t i = 0; i < size_.databases(); ++i) {
      entries.push_back({std::to_string(kFirstDatabase + i), FileType::kDirectory});
    }
  } else if (is_generated_directory(path)) {
    const uint64_t database = std::stoull(file_name(path));
    const bool of_segments = database == kSegmentsDatabase;
    const uint64_t first = of_segments ? 0 : (database - kFirstDatabase) * kFilesInDatabase;
    const uint64_t end =
        of_segments ? segments_there_ : std::min(first + kFilesInDatabase, size_.files);
    for (uint64_t i = first; i < end; ++i) {
      entries.push_back({file_name(GeneratedFile{of_segments, i}.name()), FileType::kRegular});
    }
  } else {
    return ForwardingFiles::list(path);
  }
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

Result<DiskSpace> GeneratedFiles::disk_space(const std::string&) {
  return DiskSpace{uint64_t{1} << 50, uint64_t{1} << 50};
}

}  // namespace walkback
