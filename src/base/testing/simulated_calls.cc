// The FileSystem and File calls themselves, with the errors Linux would give.
#include <algorithm>
#include <cerrno>

#include "base/testing/simulated_files.h"

namespace walkback {
namespace {

constexpr uint64_t kDiskBytes = uint64_t{1} << 40;

Error error_of(int errno_value, std::string_view doing, const std::string& path) {
  return errno_error(errno_value, std::string(doing) + " " + path);
}

bool is_directory(const NodeRef& node) { return node && node->type == FileType::kDirectory; }

}  // namespace

template <typename Apply>
auto SimulatedFiles::change(Operation operation, const std::string& path, Apply apply)
    -> decltype(apply()) {
  ++operations_;
  if (std::optional<Error> fault = take_fault(operation, path)) return *fault;
  if (fail_at_ != operations_) return apply();
  failing_now_ = true;
  if (random_.percent(50)) (void)apply();
  failing_now_ = false;
  fail(failure_, random_.next_u64());
  return make_error(ErrorKind::kIo, path + ": power went off");
}

class SimulatedFiles::OpenFile final : public File {
 public:
  OpenFile(SimulatedFiles& files, NodeRef node, std::string path, bool writable)
      : files_(files),
        node_(std::move(node)),
        path_(std::move(path)),
        writable_(writable),
        generation_(files.generation_) {}

  Result<size_t> read_at(uint64_t offset, MutableBytes out) override {
    std::lock_guard lock(files_.mutex_);
    TRY(admit());
    if (is_directory(node_)) return error_of(EISDIR, "reading", path_);
    return node_->contents.read(offset, out);
  }

  Result<void> write_at(uint64_t offset, ByteView data) override {
    std::lock_guard lock(files_.mutex_);
    TRY(admit());
    if (!writable_) return error_of(EBADF, "writing", path_);
    return files_.change(Operation::kWrite, path_, [&]() -> Result<void> {
      ByteView fits = files_.what_space_allows(data);
      node_->contents.write(offset, fits);
      node_->modified = files_.clock_.now();
      if (fits.size() < data.size()) return error_of(ENOSPC, "writing", path_);
      return success();
    });
  }

  Result<void> truncate(uint64_t size) override {
    std::lock_guard lock(files_.mutex_);
    TRY(admit());
    if (!writable_) return error_of(EINVAL, "truncating", path_);
    return files_.change(Operation::kTruncate, path_, [&]() -> Result<void> {
      node_->contents.truncate(size);
      node_->modified = files_.clock_.now();
      return success();
    });
  }

  Result<uint64_t> size() override {
    std::lock_guard lock(files_.mutex_);
    TRY(admit());
    return node_->contents.size();
  }

  Result<void> sync() override {
    std::lock_guard lock(files_.mutex_);
    TRY(admit());
    if (std::optional<Error> fault = files_.take_fault(Operation::kSync, path_)) {
      ++files_.operations_;
      node_->contents.sync_and_fail(files_.random_);
      return *fault;
    }
    return files_.change(Operation::kSync, path_, [&]() -> Result<void> {
      node_->contents.sync();
      return success();
    });
  }

  void start_writeback(uint64_t, uint64_t) override {}
  void forget_cached(uint64_t, uint64_t) override {}

 private:
  Result<void> admit() const {
    if (generation_ != files_.generation_)
      return error_of(EIO, "using a file opened before the failure,", path_);
    return files_.admit(path_);
  }

  friend class SimulatedFiles;
  SimulatedFiles& files_;
  NodeRef node_;
  std::string path_;
  bool writable_;
  uint64_t generation_;
};

Result<std::unique_ptr<File>> SimulatedFiles::open_read(const std::string& path) {
  std::lock_guard lock(mutex_);
  Place place = TRY(locate_existing(path, true, "opening"));
  return {std::make_unique<OpenFile>(*this, place.node, path, false)};
}

Result<std::unique_ptr<File>> SimulatedFiles::open_write(const std::string& path) {
  std::lock_guard lock(mutex_);
  Place place = TRY(locate_existing(path, true, "opening"));
  if (is_directory(place.node)) return error_of(EISDIR, "opening", path);
  return {std::make_unique<OpenFile>(*this, place.node, path, true)};
}

Result<std::unique_ptr<File>> SimulatedFiles::create(const std::string& path, uint32_t mode) {
  std::lock_guard lock(mutex_);
  Place place = TRY(locate_new(path, "creating"));
  return change(Operation::kCreate, path, [&]() -> Result<std::unique_ptr<File>> {
    NodeRef node = make_node(FileType::kRegular, mode);
    add_name(place, node);
    return {std::make_unique<OpenFile>(*this, node, path, true)};
  });
}

Result<FileInfo> SimulatedFiles::info_of(const NodeRef& node) const {
  FileInfo info;
  info.type = node->type;
  info.size = node->type == FileType::kSymlink ? node->target.size() : node->contents.size();
  info.mode = node->mode;
  info.device = 1;
  info.inode = node->inode;
  info.modified = node->modified;
  return info;
}

namespace {

// What is missing is an answer to status(), not a failure.
template <typename Place>
Result<std::optional<NodeRef>> found(Result<Place> place) {
  if (place.ok()) return {place->node};
  if (place.error().kind == ErrorKind::kMissing) return {std::nullopt};
  return std::move(place).error();
}

}  // namespace

Result<std::optional<FileInfo>> SimulatedFiles::link_status(const std::string& path) {
  std::lock_guard lock(mutex_);
  std::optional<NodeRef> node = TRY(found(locate_existing(path, false, "looking at")));
  if (!node) return {std::nullopt};
  return {TRY(info_of(*node))};
}

Result<std::optional<FileInfo>> SimulatedFiles::status(const std::string& path) {
  std::lock_guard lock(mutex_);
  std::optional<NodeRef> node = TRY(found(locate_existing(path, true, "looking at")));
  if (!node) return {std::nullopt};
  return {TRY(info_of(*node))};
}

Result<std::vector<DirectoryEntry>> SimulatedFiles::list(const std::string& path) {
  std::lock_guard lock(mutex_);
  NodeRef directory = TRY(locate_directory(path, "listing"));
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, node] : directory->names.now()) entries.push_back({name, node->type});
  return entries;
}

Result<bool> SimulatedFiles::make_directory(const std::string& path, uint32_t mode) {
  std::lock_guard lock(mutex_);
  TRY(admit(path));
  Place place = TRY(locate(path, false));
  if (place.node && is_directory(TRY(locate(path, true)).node)) return false;
  if (place.node) return error_of(EEXIST, "making directory", path);
  return change(Operation::kMakeDirectory, path, [&]() -> Result<bool> {
    add_name(place, make_node(FileType::kDirectory, mode));
    return true;
  });
}

// Modes are not at risk: no promise of ours is about them.
Result<void> SimulatedFiles::set_mode(const std::string& path, uint32_t mode) {
  std::lock_guard lock(mutex_);
  TRY(admit(path));
  Place place = TRY(locate_existing(path, true, "setting the mode of"));
  place.node->mode = mode;
  return success();
}

Result<void> SimulatedFiles::make_symlink(const std::string& target, const std::string& path) {
  std::lock_guard lock(mutex_);
  Place place = TRY(locate_new(path, "making symlink"));
  return change(Operation::kMakeSymlink, path, [&]() -> Result<void> {
    NodeRef node = make_node(FileType::kSymlink, 0777);
    node->target = target;
    add_name(place, node);
    return success();
  });
}

Result<std::string> SimulatedFiles::read_symlink(const std::string& path) {
  std::lock_guard lock(mutex_);
  Place place = TRY(locate_existing(path, false, "reading symlink"));
  if (place.node->type != FileType::kSymlink) return error_of(EINVAL, "reading symlink", path);
  return place.node->target;
}

Result<void> SimulatedFiles::remove(const std::string& path) {
  std::lock_guard lock(mutex_);
  Place place = TRY(locate_existing(path, false, "removing"));
  if (!place.parent) return error_of(EBUSY, "removing", path);
  if (!place.node->names.now().empty()) return error_of(ENOTEMPTY, "removing", path);
  return change(Operation::kRemove, path, [&]() -> Result<void> {
    place.parent->names.remove(place.name);
    place.parent->modified = clock_.now();
    return success();
  });
}

Result<void> SimulatedFiles::check_replace(const Place& from, const Place& to) const {
  if (!from.parent || !to.parent) return error_of(EBUSY, "renaming to", to.canonical);
  if (is_directory(from.node) && is_at_or_below(to.canonical, from.canonical)) {
    return error_of(EINVAL, "renaming to", to.canonical);
  }
  if (!to.node) return success();
  if (is_directory(from.node) && !is_directory(to.node)) {
    return error_of(ENOTDIR, "renaming to", to.canonical);
  }
  if (!is_directory(from.node) && is_directory(to.node)) {
    return error_of(EISDIR, "renaming to", to.canonical);
  }
  if (!to.node->names.now().empty()) return error_of(ENOTEMPTY, "renaming to", to.canonical);
  return success();
}

void SimulatedFiles::move(const Place& from, const Place& to) {
  uint64_t change = next_change_;
  add_name(to, from.node);
  from.parent->names.remove(from.name, change);
  from.parent->modified = clock_.now();
}

Result<void> SimulatedFiles::rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  Place source = TRY(locate_existing(from, false, "renaming"));
  TRY(admit(to));
  Place target = TRY(locate(to, false));
  if (source.node == target.node) return success();
  TRY(check_replace(source, target));
  return change(Operation::kRename, to, [&]() -> Result<void> {
    move(source, target);
    return success();
  });
}

Result<bool> SimulatedFiles::rename_no_replace(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  Place source = TRY(locate_existing(from, false, "renaming"));
  TRY(admit(to));
  Place target = TRY(locate(to, false));
  if (target.node) return false;
  TRY(check_replace(source, target));
  return change(Operation::kRename, to, [&]() -> Result<bool> {
    move(source, target);
    return true;
  });
}

Result<void> SimulatedFiles::sync_directory(const std::string& path) {
  std::lock_guard lock(mutex_);
  NodeRef directory = TRY(locate_directory(path, "opening directory"));
  return change(Operation::kSyncDirectory, path, [&]() -> Result<void> {
    directory->names.sync();
    return success();
  });
}

Result<void> SimulatedFiles::sync_file_system(const std::string& path) {
  std::lock_guard lock(mutex_);
  TRY(locate_existing(path, true, "opening"));
  return change(Operation::kSyncFileSystem, path, [&]() -> Result<void> {
    sync_tree(root_);
    return success();
  });
}

Result<std::unique_ptr<DirectoryLock>> SimulatedFiles::lock_directory(const std::string& path) {
  struct Lock final : DirectoryLock {
    std::shared_ptr<const bool> held = std::make_shared<const bool>(true);
  };
  std::lock_guard lock(mutex_);
  std::weak_ptr<const bool>& holder = locks_[TRY(locate_directory(path, "locking"))->inode];
  if (!holder.expired()) return {nullptr};
  auto taken = std::make_unique<Lock>();
  holder = taken->held;
  return {std::move(taken)};
}

Result<DiskSpace> SimulatedFiles::disk_space(const std::string& path) {
  std::lock_guard lock(mutex_);
  TRY(locate_existing(path, true, "reading the free space of"));
  return DiskSpace{space_left_.value_or(kDiskBytes), kDiskBytes};
}

Result<std::string> SimulatedFiles::canonical(const std::string& path) {
  std::lock_guard lock(mutex_);
  return TRY(locate_existing(path, true, "resolving")).canonical;
}

}  // namespace walkback
