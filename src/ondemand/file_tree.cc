#include "ondemand/file_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace walkback::ondemand {

class FileTree::OpenFile {
 public:
  OpenFile(int fd, std::shared_ptr<LazyFile> lazy, FileSource& source)
      : fd_(fd), lazy_(std::move(lazy)), source_(source) {}
  ~OpenFile() { close(fd_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }
  LazyFile* lazy() const { return lazy_.get(); }
  FileSource& source() const { return source_; }

 private:
  const int fd_;
  const std::shared_ptr<LazyFile> lazy_;
  FileSource& source_;
};

namespace {

int number_of(const Error& error) { return error.kind == ErrorKind::kNoSpace ? -ENOSPC : -EIO; }

bool is_there(int directory, const std::string& name, struct stat& info) {
  return fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

// A file with several names stays when one goes.
bool goes_with_its_name(const struct stat& info) {
  return S_ISREG(info.st_mode) && info.st_nlink == 1;
}

}  // namespace

FileTree::FileTree(int directory, std::string prefix, FileSource& source)
    : directory_(directory), prefix_(std::move(prefix)), source_(source) {}

FileTree::~FileTree() { close(directory_); }

// By its name in the backup, unless it is known already.
int FileTree::know(const std::string& name, ino_t& inode) {
  struct stat info {};
  if (!is_there(directory_, name, info)) return -errno;
  if (S_ISDIR(info.st_mode)) return -EISDIR;
  inode = info.st_ino;
  const std::lock_guard lock(mutex_);
  if (inodes_.contains(inode)) return 0;
  const std::string name_then = prefix_ + name;
  const std::optional<uint64_t> size =
      S_ISREG(info.st_mode) ? source_.size_of(name_then) : std::nullopt;
  Inode& known = inodes_[inode];
  if (size && *size > 0) known.lazy = std::make_shared<LazyFile>(name_then, *size, source_);
  return 0;
}

void FileTree::forget(ino_t inode) {
  const std::lock_guard lock(mutex_);
  inodes_.erase(inode);
}

int FileTree::open(const std::string& name, Handle& opened) {
  const std::shared_lock lock(names_);
  return open_known(name, opened);
}

// Once for all who have it open: descriptors are scarce, and a server's backends all open the same
// relations.
int FileTree::open_known(const std::string& name, Handle& opened) {
  ino_t inode = 0;
  if (const int failed = know(name, inode); failed != 0) return failed;
  const std::lock_guard lock(mutex_);
  Inode& known = inodes_[inode];
  opened = known.open.lock();
  if (opened) return 0;
  int fd = openat(directory_, name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && errno == EACCES && !known.lazy) {
    fd = openat(directory_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  }
  if (fd < 0) return -errno;
  opened = std::make_shared<OpenFile>(fd, known.lazy, source_);
  known.open = opened;
  return 0;
}

int FileTree::create(const std::string& name, int flags, mode_t mode, Handle& opened) {
  const std::unique_lock lock(names_);
  struct stat info {};
  if (is_there(directory_, name, info)) {
    if ((flags & O_EXCL) != 0) return -EEXIST;
    if (const int failed = open_known(name, opened); failed != 0) return failed;
    return (flags & O_TRUNC) != 0 ? truncate(*opened, 0) : 0;
  }
  const int fd =
      openat(directory_, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) return -errno;
  opened = std::make_shared<OpenFile>(fd, nullptr, source_);
  if (fstat(fd, &info) != 0) return -errno;
  const std::lock_guard known(mutex_);
  inodes_[info.st_ino] = {nullptr, opened};
  return 0;
}

ssize_t FileTree::read(OpenFile& file, uint64_t offset, MutableBytes out) {
  if (file.lazy() != nullptr) {
    const Result<void> there = file.lazy()->make_present(file.fd(), offset, out.size());
    if (!there.ok()) return number_of(there.error());
  }
  const ssize_t got = pread(file.fd(), out.data(), out.size(), static_cast<off_t>(offset));
  return got < 0 ? -errno : got;
}

ssize_t FileTree::write(OpenFile& file, uint64_t offset, ByteView data) {
  if (file.lazy() != nullptr) {
    const Result<void> written = file.lazy()->write(file.fd(), offset, data);
    if (written.ok()) return static_cast<ssize_t>(data.size());
    file.source().local_write_failed(written.error());
    return number_of(written.error());
  }
  const ssize_t wrote = pwrite(file.fd(), data.data(), data.size(), static_cast<off_t>(offset));
  if (wrote >= 0) return wrote;
  const int number = errno;
  file.source().local_write_failed(errno_error(number, "writing a file of the scratch server"));
  return -number;
}

int FileTree::truncate(OpenFile& file, uint64_t size) {
  if (file.lazy() != nullptr) {
    const Result<void> cut = file.lazy()->truncate(file.fd(), size);
    return cut.ok() ? 0 : number_of(cut.error());
  }
  return ftruncate(file.fd(), static_cast<off_t>(size)) == 0 ? 0 : -errno;
}

int FileTree::descriptor(const OpenFile& file) { return file.fd(); }

int FileTree::remove(const std::string& name) {
  const std::unique_lock lock(names_);
  struct stat info {};
  if (!is_there(directory_, name, info)) return -errno;
  if (unlinkat(directory_, name.c_str(), 0) != 0) return -errno;
  // Its number may be given to another file now.
  if (goes_with_its_name(info)) forget(info.st_ino);
  return 0;
}

int FileTree::rename(const std::string& from, const std::string& to, unsigned flags) {
  if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) != 0) return -EINVAL;
  const std::unique_lock lock(names_);
  struct stat info {};
  if (!is_there(directory_, from, info)) return -errno;
  if (S_ISDIR(info.st_mode)) {
    // The files in it are known by their names. PostgreSQL renames none of these directories.
    if (comes_on_demand(prefix_ + from + "/")) return -EBUSY;
  } else {
    ino_t inode = 0;
    if (const int failed = know(from, inode); failed != 0) return failed;
  }
  struct stat replaced {};
  const bool replaces = is_there(directory_, to, replaced) && replaced.st_ino != info.st_ino;
  if (renameat2(directory_, from.c_str(), directory_, to.c_str(), flags) != 0) return -errno;
  if (replaces && goes_with_its_name(replaced)) forget(replaced.st_ino);
  return 0;
}

int FileTree::link(const std::string& from, const std::string& to) {
  const std::unique_lock lock(names_);
  ino_t inode = 0;
  if (const int failed = know(from, inode); failed != 0) return failed;
  return linkat(directory_, from.c_str(), directory_, to.c_str(), 0) == 0 ? 0 : -errno;
}

}  // namespace walkback::ondemand
