#include "store/file_store.h"

#include <fmt/format.h>

#include "store/durable_directories.h"
#include "store/file_lister.h"

namespace walkback::store {
namespace {

constexpr uint32_t kFileMode = 0640;
constexpr uint32_t kDirectoryMode = 0750;
constexpr std::string_view kTemporaryFolder = ".tmp";
// Begun this often, write-back keeps up with the writer and the fsync at the end finds little left
// to do.
constexpr uint64_t kWritebackStep = uint64_t{4} << 20;
// Above this, get() would take memory that only open() should decide about.
constexpr uint64_t kMaxGetSize = uint64_t{1} << 30;

class FileStore;

// Whole objects are likely to be read again soon, streams (packs) are not.
enum class Size { kWhole, kStream };

class FileWriter final : public ObjectWriter {
 public:
  FileWriter(FileStore& store, ObjectKey key, Size size, std::string temporary,
             std::unique_ptr<File> file)
      : store_(store),
        key_(std::move(key)),
        size_(size),
        temporary_(std::move(temporary)),
        file_(std::move(file)) {}
  ~FileWriter() override;

  Result<void> append(ByteView data) override;
  Result<PutOutcome> finish() override;

 private:
  Result<void> write(ByteView data);
  Result<PutOutcome> publish();
  Error fail(Error error);

  FileStore& store_;
  const ObjectKey key_;
  const Size size_;
  const std::string temporary_;  // its path
  std::unique_ptr<File> file_;   // null once published
  std::optional<Error> failed_;  // a file that missed one write or sync is never published
  uint64_t written_ = 0;         // bytes
  uint64_t writing_back_ = 0;    // of those, how many write-back was begun for
};

class FileReader final : public ObjectReader {
 public:
  FileReader(std::unique_ptr<File> file, uint64_t size, std::string name)
      : file_(std::move(file)), size_(size), name_(std::move(name)) {}

  Result<void> read_at(uint64_t offset, MutableBytes out) override {
    size_t got = TRY_CONTEXT(file_->read_at(offset, out), "reading " + name_);
    if (got == out.size()) return success();
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("{} has {} bytes; {} were expected from offset {}", name_, size_,
                                  out.size(), offset));
  }
  uint64_t size() const override { return size_; }

 private:
  std::unique_ptr<File> file_;
  uint64_t size_;
  std::string name_;
};

class FileStore final : public ObjectStore {
 public:
  FileStore(FileSystem& files, Random& random, std::string root, bool root_exists)
      : files_(files),
        random_(random),
        root_(std::move(root)),
        directories_(files, root_, root_exists) {}

  Result<PutOutcome> put(const ObjectKey& key, ByteView data) override;
  Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey& key) override;
  Result<std::optional<Bytes>> get(const ObjectKey& key) override;
  Result<std::unique_ptr<ObjectReader>> open(const ObjectKey& key) override;
  Result<std::optional<ObjectInfo>> info(const ObjectKey& key) override;
  Result<void> list(std::string_view prefix, std::string_view after, const Visitor& visit) override;
  Result<std::vector<std::string>> list_folders(std::string_view folder) override;
  Result<void> remove(const ObjectKey& key) override;
  bool conditional_put() const override { return true; }
  std::string description() const override { return "file://" + root_; }

  // For writers.
  FileSystem& files() { return files_; }
  // Gives a synced temporary file its name, durably. The temporary file is gone afterwards, or on
  // failure the writer's to remove.
  Result<PutOutcome> publish(const std::string& temporary, const ObjectKey& key);
  // "storing KEY in STORE: ..." and what to do about it.
  Error explain(Error error, std::string_view doing, std::string_view what) const;

 private:
  std::string path_of(const ObjectKey& key) const { return join_path(root_, key.text()); }
  std::string name_of(const ObjectKey& key) const { return key.text() + " in " + description(); }
  Result<std::unique_ptr<ObjectWriter>> start(const ObjectKey& key, Size size);
  Result<std::unique_ptr<File>> create_temporary(const std::string& path);
  Result<std::optional<FileInfo>> object_info(const ObjectKey& key);
  Result<void> check_absent(std::string path);
  Result<Bytes> read_object(const ObjectKey& key);
  Result<void> make_existing_durable(const ObjectKey& key);

  FileSystem& files_;
  Random& random_;
  const std::string root_;
  DurableDirectories directories_;
};

// --- writing ---

FileWriter::~FileWriter() {
  // An error here leaves a file that sweep_temporary_files() takes; nobody ever sees it.
  if (file_) (void)store_.files().remove(temporary_);
}

Error FileWriter::fail(Error error) {
  failed_ = store_.explain(std::move(error), "storing", key_.text());
  return *failed_;
}

Result<void> FileWriter::append(ByteView data) {
  CHECK(file_);
  if (failed_) return *failed_;
  Result<void> written = write(data);
  if (!written.ok()) return fail(std::move(written).error());
  return success();
}

Result<void> FileWriter::write(ByteView data) {
  TRY(file_->write_at(written_, data));
  written_ += data.size();
  if (size_ == Size::kStream && written_ - writing_back_ >= kWritebackStep) {
    file_->start_writeback(writing_back_, written_ - writing_back_);
    writing_back_ = written_;
  }
  return success();
}

Result<PutOutcome> FileWriter::finish() {
  CHECK(file_);
  if (failed_) return *failed_;
  Result<PutOutcome> outcome = publish();
  if (!outcome.ok()) return fail(std::move(outcome).error());
  file_.reset();
  return outcome;
}

Result<PutOutcome> FileWriter::publish() {
  // Contents first: the name must never lead to bytes that power loss could take.
  TRY(file_->sync());
  // The page cache is the database's.
  if (size_ == Size::kStream) file_->forget_cached(0, written_);
  return store_.publish(temporary_, key_);
}

Result<PutOutcome> FileStore::put(const ObjectKey& key, ByteView data) {
  // Pushed again, a segment should cost no write.
  if (TRY(object_info(key))) {
    Result<void> durable = make_existing_durable(key);
    if (durable.ok()) return PutOutcome::kAlreadyExists;
    if (durable.error().kind != ErrorKind::kMissing) {
      return explain(std::move(durable).error(), "storing", key.text());
    }
  }
  std::unique_ptr<ObjectWriter> writer = TRY(start(key, Size::kWhole));
  TRY(writer->append(data));
  return writer->finish();
}

Result<std::unique_ptr<ObjectWriter>> FileStore::create(const ObjectKey& key) {
  return start(key, Size::kStream);
}

Result<std::unique_ptr<ObjectWriter>> FileStore::start(const ObjectKey& key, Size size) {
  std::string temporary = join_path(join_path(root_, kTemporaryFolder), random_.hex(16));
  Result<std::unique_ptr<File>> file = create_temporary(temporary);
  if (!file.ok()) return explain(std::move(file).error(), "storing", key.text());
  return {std::make_unique<FileWriter>(*this, key, size, std::move(temporary),
                                       std::move(file).value())};
}

Result<std::unique_ptr<File>> FileStore::create_temporary(const std::string& path) {
  Result<std::unique_ptr<File>> file = files_.create(path, kFileMode);
  if (file.ok() || file.error().kind != ErrorKind::kMissing) return file;
  // The first put: its folder need not be durable, for what it holds need not be either.
  TRY(directories_.make(root_));
  TRY(files_.make_directory(parent_path(path), kDirectoryMode));
  return files_.create(path, kFileMode);
}

Result<PutOutcome> FileStore::publish(const std::string& temporary, const ObjectKey& key) {
  std::string path = path_of(key);
  // Its directories before it: a durable name in a directory that is not durable would be lost with
  // it.
  TRY(directories_.make(parent_path(path)));
  if (TRY(files_.rename_no_replace(temporary, path))) {
    TRY(files_.sync_directory(parent_path(path)));
    return PutOutcome::kCreated;
  }
  TRY(make_existing_durable(key));
  // Of no use any more; a sweep finds it if this fails.
  (void)files_.remove(temporary);
  return PutOutcome::kAlreadyExists;
}

Result<void> FileStore::make_existing_durable(const ObjectKey& key) {
  std::string path = path_of(key);
  std::optional<FileInfo> there = TRY(files_.status(path));
  if (there && there->type != FileType::kRegular) {
    return make_error(ErrorKind::kConflict, path + " is not a file",
                      "move it out of the repository: walkback did not put it there");
  }
  TRY(TRY(files_.open_read(path))->sync());
  TRY(directories_.make(parent_path(path)));
  return files_.sync_directory(parent_path(path));
}

// --- reading ---

Result<std::optional<FileInfo>> FileStore::object_info(const ObjectKey& key) {
  Result<std::optional<FileInfo>> info = files_.status(path_of(key));
  if (!info.ok()) return explain(std::move(info).error(), "looking for", key.text());
  if (*info && (*info)->type == FileType::kRegular) return info;
  Result<void> absent = directories_.check_root();
  if (absent.ok()) absent = check_absent(path_of(key));
  if (!absent.ok()) return explain(std::move(absent).error(), "looking for", key.text());
  return {std::nullopt};
}

// That nothing is there must be plain: a folder that was moved to another disk, with a symbolic
// link in its place, is not empty while that disk is away.
Result<void> FileStore::check_absent(std::string path) {
  while (!TRY(files_.link_status(path))) {
    if (path.size() <= root_.size()) return success();
    path = parent_path(path);
  }
  if (TRY(files_.status(path))) return success();
  return make_error(ErrorKind::kMissing, path + " is a symbolic link that leads nowhere",
                    "mount the file system that it leads to, or correct the link");
}

Result<std::optional<ObjectInfo>> FileStore::info(const ObjectKey& key) {
  std::optional<FileInfo> info = TRY(object_info(key));
  if (!info) return {std::nullopt};
  return {ObjectInfo{key, info->size}};
}

Result<std::optional<Bytes>> FileStore::get(const ObjectKey& key) {
  if (!TRY(object_info(key))) return {std::nullopt};
  Result<Bytes> bytes = read_file(files_, path_of(key), kMaxGetSize);
  if (bytes.ok()) return {std::move(bytes).value()};
  // Removed since we looked.
  if (bytes.error().kind == ErrorKind::kMissing) return {std::nullopt};
  return explain(std::move(bytes).error(), "reading", key.text());
}

Result<std::unique_ptr<ObjectReader>> FileStore::open(const ObjectKey& key) {
  if (!TRY(object_info(key))) {
    return make_error(ErrorKind::kMissing, "there is no " + name_of(key));
  }
  Result<std::unique_ptr<File>> file = files_.open_read(path_of(key));
  if (!file.ok()) return explain(std::move(file).error(), "opening", key.text());
  Result<uint64_t> size = (*file)->size();
  if (!size.ok()) return explain(std::move(size).error(), "opening", key.text());
  return {std::make_unique<FileReader>(std::move(file).value(), *size, name_of(key))};
}

Result<void> FileStore::list(std::string_view prefix, std::string_view after,
                             const Visitor& visit) {
  Result<void> listed = directories_.check_root();
  if (listed.ok()) listed = list_files(files_, root_, prefix, after, visit);
  if (!listed.ok()) return explain(std::move(listed).error(), "listing", "objects");
  return success();
}

Result<std::vector<std::string>> FileStore::list_folders(std::string_view folder) {
  CHECK(folder.empty() || folder.ends_with('/'));
  Result<void> there = directories_.check_root();
  if (!there.ok()) return explain(std::move(there).error(), "listing", "folders");
  Result<std::vector<std::string>> folders = list_file_folders(files_, root_, folder);
  if (!folders.ok()) return explain(std::move(folders).error(), "listing", "folders");
  return folders;
}

Result<void> FileStore::remove(const ObjectKey& key) {
  if (!TRY(object_info(key))) return success();
  Result<void> removed = files_.remove(path_of(key));
  if (removed.ok() || removed.error().kind == ErrorKind::kMissing) return success();
  return explain(std::move(removed).error(), "removing", key.text());
}

// --- errors ---

std::string hint_for(ErrorKind kind, const std::string& root) {
  switch (kind) {
    case ErrorKind::kNoSpace:
      return "free space on the file system of " + root +
             ", or make it larger; nothing that was stored before is harmed";
    case ErrorKind::kDenied:
      return "let the user that runs walkback read and write " + root + " and everything below it";
    case ErrorKind::kMissing:
      return "is the file system of " + root + " mounted?";
    case ErrorKind::kIo:
      return "look into the kernel's log (dmesg): the disk under " + root + " may be failing";
    default:
      return {};
  }
}

Error FileStore::explain(Error error, std::string_view doing, std::string_view what) const {
  std::string hint = hint_for(error.kind, root_);
  std::string context = fmt::format("{} {} in {}", doing, what, description());
  return std::move(error).with_context(context).with_hint(hint);
}

// Absolute, and otherwise as the user wrote it.
Result<std::string> absolute(FileSystem& files, const std::string& root) {
  if (root.starts_with('/')) return root;
  return join_path(TRY(files.canonical(parent_path(root))), file_name(root));
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_file_store(FileSystem& files, Random& random,
                                                     std::string root) {
  root = TRY(absolute(files, without_trailing_slashes(std::move(root))));
  std::optional<FileInfo> there = TRY(files.status(root));
  if (there && there->type != FileType::kDirectory) {
    return make_error(ErrorKind::kInvalid, root + " is not a directory",
                      "name a directory as the repository: file:///srv/backup");
  }
  if (!there && !TRY(files.status(parent_path(root)))) {
    return make_error(ErrorKind::kMissing,
                      fmt::format("neither {} nor {} exists", root, parent_path(root)),
                      "make the directory, or mount its file system");
  }
  return {std::make_unique<FileStore>(files, random, std::move(root), there.has_value())};
}

Result<uint64_t> sweep_temporary_files(FileSystem& files, const std::string& root, Clock& clock,
                                       std::chrono::hours age) {
  std::string folder = join_path(root, kTemporaryFolder);
  if (!TRY(files.status(folder))) return uint64_t{0};
  Timestamp oldest_kept = clock.now() + -std::chrono::microseconds(age);
  uint64_t removed = 0;
  for (const DirectoryEntry& entry : TRY(files.list(folder))) {
    std::string path = join_path(folder, entry.name);
    std::optional<FileInfo> info = TRY(files.link_status(path));
    if (!info || info->type != FileType::kRegular || info->modified >= oldest_kept) continue;
    Result<void> gone = files.remove(path);
    if (!gone.ok() && gone.error().kind != ErrorKind::kMissing) return std::move(gone).error();
    ++removed;
  }
  return removed;
}

}  // namespace walkback::store
