// The operating system's files, as an interface.
//
// Production uses system_files(). Tests use SimulatedFiles (simulated_files.h), which forgets what
// was not synced when its power is cut; `kill -9` alone proves nothing about durability.
//
// Paths are as the operating system takes them. All calls are thread-safe unless said otherwise;
// errors name the path. Nothing is durable until the sync that this header names for it has
// returned.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace walkback {

enum class FileType { kRegular, kDirectory, kSymlink, kOther };

struct FileInfo {
  FileType type = FileType::kOther;
  uint64_t size = 0;
  uint32_t mode = 0;  // permission bits
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t links = 1;  // names that a file has
  uint32_t owner = 0;  // uid
  Timestamp modified;
};

struct DirectoryEntry {
  std::string name;
  FileType type = FileType::kOther;
};

struct DiskSpace {
  uint64_t free_bytes = 0;  // what an unprivileged user may still write
  uint64_t total_bytes = 0;
};

// An open file. Reads and writes at different offsets may run at once; the destructor closes
// without syncing.
class File {
 public:
  virtual ~File() = default;
  // Fills `out` from `offset`; fewer bytes only at the end of the file.
  virtual Result<size_t> read_at(uint64_t offset, MutableBytes out) = 0;
  virtual Result<void> write_at(uint64_t offset, ByteView data) = 0;
  virtual Result<void> truncate(uint64_t size) = 0;
  virtual Result<uint64_t> size() = 0;
  // On success the file's contents and size survive power loss. Its name does not: sync its
  // directory.
  virtual Result<void> sync() = 0;
  // Asks the kernel to begin writing this range; no promise, and never an error worth handling.
  virtual void start_writeback(uint64_t offset, uint64_t length) = 0;
  // This range will not be read again soon: keep it out of the page cache if that costs nothing.
  virtual void forget_cached(uint64_t offset, uint64_t length) = 0;
};

// Held until it is destroyed or its process ends, however that ends.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Absent is kMissing.
  virtual Result<std::unique_ptr<File>> open_read(const std::string& path) = 0;
  // A new empty file for reading and writing; kConflict when the name is taken. Here and below the
  // process's umask is taken from `mode`.
  virtual Result<std::unique_ptr<File>> create(const std::string& path, uint32_t mode) = 0;
  // An existing file for reading and writing.
  virtual Result<std::unique_ptr<File>> open_write(const std::string& path) = 0;

  // Does not follow a symlink in the last component; status() does.
  virtual Result<std::optional<FileInfo>> link_status(const std::string& path) = 0;
  virtual Result<std::optional<FileInfo>> status(const std::string& path) = 0;
  // Sorted by name, without "." and "..".
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;

  // False when a directory of that name was there already; kConflict for anything else. Parents
  // must exist.
  virtual Result<bool> make_directory(const std::string& path, uint32_t mode) = 0;
  // Permission bits of a file or directory that this user owns.
  virtual Result<void> set_mode(const std::string& path, uint32_t mode) = 0;
  virtual Result<void> make_symlink(const std::string& target, const std::string& path) = 0;
  virtual Result<std::string> read_symlink(const std::string& path) = 0;
  // A file, symlink or empty directory. Absent is kMissing.
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  // Atomic; false, with nothing changed, when `to` exists.
  virtual Result<bool> rename_no_replace(const std::string& from, const std::string& to) = 0;

  // On success names created in, renamed into or removed from this directory survive power loss.
  virtual Result<void> sync_directory(const std::string& path) = 0;
  // On success everything written so far to the file system that holds `path`, names and contents,
  // survives power loss: syncfs(2), which reports write-back errors since Linux 5.8. One call costs
  // far less than one fsync for each of a cluster's thousands of files.
  virtual Result<void> sync_file_system(const std::string& path) = 0;

  // Keeps others from locking this directory, and from nothing else; null while another holds it,
  // in this process or elsewhere on this host. flock(2) on the directory: nothing is written. A
  // file system that cannot lock one (NFS) keeps nobody out.
  virtual Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) = 0;

  virtual Result<DiskSpace> disk_space(const std::string& path) = 0;
  // Absolute, without symlinks or "..": the same file has one canonical path.
  virtual Result<std::string> canonical(const std::string& path) = 0;
};

// Lives for the whole program.
FileSystem& system_files();

// Helpers over any FileSystem.

// Whole file; kInvalid above `limit`.
Result<Bytes> read_file(FileSystem& files, const std::string& path, uint64_t limit = 64u << 20);
// Temporary file beside it, sync, rename over `path`, sync directory: readers see the old or the
// new.
Result<void> replace_file(FileSystem& files, const std::string& path, ByteView data, uint32_t mode);
// `path` and its missing parents, each made durable in its own parent. What is there already is
// left alone.
Result<void> make_directories(FileSystem& files, const std::string& path, uint32_t mode);

std::string join_path(std::string_view directory, std::string_view name);
std::string parent_path(std::string_view path);
std::string file_name(std::string_view path);

}  // namespace walkback
