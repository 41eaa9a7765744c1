// system_files(): Linux.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/file_system.h"

namespace walkback {
namespace {

// "writing /x: No space left on device", from errno.
Error failed(std::string_view doing, const std::string& path) {
  int errno_value = errno;
  return errno_error(errno_value, std::string(doing) + " " + path);
}

// "renaming /x to /y: ...", from errno.
Error failed(std::string_view doing, const std::string& from, const std::string& to) {
  int errno_value = errno;
  return errno_error(errno_value, std::string(doing) + " " + from + " to " + to);
}

// Calls again when a signal interrupted the system call.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

int open_path(const std::string& path, int flags, uint32_t mode = 0) {
  return uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
}

struct RealLock final : DirectoryLock {
  explicit RealLock(int fd) : directory(fd) {}
  const Descriptor directory;
};

class RealFile final : public File {
 public:
  RealFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  Result<size_t> read_at(uint64_t offset, MutableBytes out) override {
    size_t done = 0;
    while (done < out.size()) {
      ssize_t got = uninterrupted([&] {
        return ::pread(fd_.get(), out.data() + done, out.size() - done,
                       static_cast<off_t>(offset + done));
      });
      if (got < 0) return failed("reading", path_);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Result<void> write_at(uint64_t offset, ByteView data) override {
    while (!data.empty()) {
      ssize_t put = uninterrupted([&] {
        return ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
      });
      if (put < 0) return failed("writing", path_);
      data = data.subspan(static_cast<size_t>(put));
      offset += static_cast<uint64_t>(put);
    }
    return success();
  }

  Result<void> truncate(uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) < 0) {
      return failed("truncating", path_);
    }
    return success();
  }

  Result<uint64_t> size() override {
    struct stat status {};
    if (::fstat(fd_.get(), &status) < 0) return failed("reading the size of", path_);
    return static_cast<uint64_t>(status.st_size);
  }

  // After a failure the kernel may call the lost pages clean, and the next fsync would succeed: a
  // caller that sees an error writes the file again.
  Result<void> sync() override {
    if (uninterrupted([&] { return ::fsync(fd_.get()); }) < 0) return failed("syncing", path_);
    return success();
  }

  void start_writeback(uint64_t offset, uint64_t length) override {
    (void)::sync_file_range(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length),
                            SYNC_FILE_RANGE_WRITE);
  }

  void forget_cached(uint64_t offset, uint64_t length) override {
    (void)::posix_fadvise(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length),
                          POSIX_FADV_DONTNEED);
  }

 private:
  Descriptor fd_;
  std::string path_;
};

FileType type_of_mode(mode_t mode) {
  if (S_ISREG(mode)) return FileType::kRegular;
  if (S_ISDIR(mode)) return FileType::kDirectory;
  if (S_ISLNK(mode)) return FileType::kSymlink;
  return FileType::kOther;
}

FileInfo info_of(const struct stat& status) {
  FileInfo info;
  info.type = type_of_mode(status.st_mode);
  info.size = static_cast<uint64_t>(status.st_size);
  info.mode = status.st_mode & 07777;
  info.device = status.st_dev;
  info.inode = status.st_ino;
  info.links = status.st_nlink;
  info.owner = status.st_uid;
  info.modified.unix_us =
      int64_t{status.st_mtim.tv_sec} * 1'000'000 + status.st_mtim.tv_nsec / 1000;
  return info;
}

Result<std::optional<FileInfo>> status_of(const std::string& path, int flags) {
  struct stat status {};
  if (::fstatat(AT_FDCWD, path.c_str(), &status, flags) == 0) return {info_of(status)};
  if (errno == ENOENT || errno == ENOTDIR) return {std::nullopt};
  return failed("looking at", path);
}

// Some file systems leave the type to a separate call.
FileType type_of_entry(int directory, const dirent& entry) {
  switch (entry.d_type) {
    case DT_REG:
      return FileType::kRegular;
    case DT_DIR:
      return FileType::kDirectory;
    case DT_LNK:
      return FileType::kSymlink;
    case DT_UNKNOWN:
      break;
    default:
      return FileType::kOther;
  }
  struct stat status {};
  if (::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) return FileType::kOther;
  return type_of_mode(status.st_mode);
}

class RealFiles final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open_read(const std::string& path) override {
    return open_file(path, O_RDONLY, 0, "opening");
  }
  Result<std::unique_ptr<File>> create(const std::string& path, uint32_t mode) override {
    return open_file(path, O_RDWR | O_CREAT | O_EXCL, mode, "creating");
  }
  Result<std::unique_ptr<File>> open_write(const std::string& path) override {
    return open_file(path, O_RDWR, 0, "opening");
  }

  Result<std::optional<FileInfo>> link_status(const std::string& path) override {
    return status_of(path, AT_SYMLINK_NOFOLLOW);
  }
  Result<std::optional<FileInfo>> status(const std::string& path) override {
    return status_of(path, 0);
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    if (!directory) return failed("listing", path);
    std::vector<DirectoryEntry> entries;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(directory.get());
      if (entry == nullptr) break;
      std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      entries.push_back({std::string(name), type_of_entry(::dirfd(directory.get()), *entry)});
    }
    if (errno != 0) return failed("listing", path);
    std::ranges::sort(entries, {}, &DirectoryEntry::name);
    return entries;
  }

  Result<bool> make_directory(const std::string& path, uint32_t mode) override {
    if (::mkdir(path.c_str(), mode) == 0) return true;
    if (errno == EEXIST) {
      std::optional<FileInfo> there = TRY(status(path));
      if (there && there->type == FileType::kDirectory) return false;
      errno = EEXIST;
    }
    return failed("making directory", path);
  }

  Result<void> set_mode(const std::string& path, uint32_t mode) override {
    if (::chmod(path.c_str(), mode) == 0) return success();
    return failed("setting the mode of", path);
  }

  Result<void> make_symlink(const std::string& target, const std::string& path) override {
    if (::symlink(target.c_str(), path.c_str()) < 0) return failed("making symlink", path);
    return success();
  }

  Result<std::string> read_symlink(const std::string& path) override {
    std::string target(256, '\0');
    for (;;) {
      ssize_t got = ::readlink(path.c_str(), target.data(), target.size());
      if (got < 0) return failed("reading symlink", path);
      if (static_cast<size_t>(got) < target.size()) {
        target.resize(static_cast<size_t>(got));
        return target;
      }
      target.resize(target.size() * 2);
    }
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0) return success();
    if (errno == EISDIR && ::rmdir(path.c_str()) == 0) return success();
    return failed("removing", path);
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) < 0) return failed("renaming", from, to);
    return success();
  }

  Result<bool> rename_no_replace(const std::string& from, const std::string& to) override {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
      return true;
    if (errno == EEXIST) return false;
    // NFS and older FUSE file systems do not know the flag; a hard link does not replace either.
    if (errno == EINVAL || errno == ENOSYS) return link_no_replace(from, to);
    return failed("renaming", from, to);
  }

  Result<void> sync_directory(const std::string& path) override {
    Descriptor directory(open_path(path, O_RDONLY | O_DIRECTORY));
    if (!directory.ok()) return failed("opening directory", path);
    if (uninterrupted([&] { return ::fsync(directory.get()); }) == 0) return success();
    // Some network file systems cannot sync one directory; syncing everything promises as much.
    if (errno == EINVAL && ::syncfs(directory.get()) == 0) return success();
    return failed("syncing directory", path);
  }

  Result<void> sync_file_system(const std::string& path) override {
    Descriptor fd(open_path(path, O_RDONLY));
    if (!fd.ok()) return failed("opening", path);
    if (uninterrupted([&] { return ::syncfs(fd.get()); }) < 0) {
      return failed("syncing the file system of", path);
    }
    return success();
  }

  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override {
    auto lock = std::make_unique<RealLock>(open_path(path, O_RDONLY | O_DIRECTORY));
    if (!lock->directory.ok()) return failed("opening directory", path);
    if (uninterrupted([&] { return ::flock(lock->directory.get(), LOCK_EX | LOCK_NB); }) < 0) {
      if (errno == EWOULDBLOCK) return {nullptr};
      // NFS locks only what was opened for writing, which no directory can be.
      const bool cannot = errno == EBADF || errno == EOPNOTSUPP || errno == ENOLCK;
      if (!cannot) return failed("locking", path);
    }
    return {std::move(lock)};
  }

  Result<DiskSpace> disk_space(const std::string& path) override {
    struct statvfs space {};
    if (uninterrupted([&] { return ::statvfs(path.c_str(), &space); }) < 0) {
      return failed("reading the free space of", path);
    }
    return DiskSpace{space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize};
  }

  Result<std::string> canonical(const std::string& path) override {
    std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr), std::free);
    if (!resolved) return failed("resolving", path);
    return std::string(resolved.get());
  }

 private:
  static Result<std::unique_ptr<File>> open_file(const std::string& path, int flags, uint32_t mode,
                                                 std::string_view doing) {
    int fd = open_path(path, flags, mode);
    if (fd < 0) return failed(doing, path);
    return {std::make_unique<RealFile>(fd, path)};
  }

  Result<bool> link_no_replace(const std::string& from, const std::string& to) {
    if (::link(from.c_str(), to.c_str()) < 0) {
      if (errno == EEXIST) return false;
      if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS) {
        return make_error(
            ErrorKind::kUnsupported,
            "the file system of " + to + " can neither rename without replacing nor link",
            "use a file system that can, such as ext4, XFS, Btrfs, ZFS or NFS");
      }
      return failed("linking", from, to);
    }
    if (::unlink(from.c_str()) < 0) return failed("removing", from);
    return true;
  }
};

}  // namespace

FileSystem& system_files() {
  static auto& files = *new RealFiles;
  return files;
}

}  // namespace walkback
