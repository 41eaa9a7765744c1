// A directory of local files, some of which fill as they are used: what a file system in user space
// does, as calls.
//
// A file that comes on demand is known by its name in the backup until somebody first asks for it,
// and from then on by its inode, wherever it is renamed to. What is made here is local, whatever it
// is called: a relation's number may be used again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "base/bytes.h"
#include "ondemand/file_source.h"
#include "ondemand/lazy_file.h"

namespace walkback::ondemand {

// All names are relative to the directory. Errors are negative errno values, for the kernel; what
// the repository could not give is -EIO. Thread-safe.
class FileTree {
 public:
  // Of an open directory, which is closed at the end; `prefix` is what the names of its files begin
  // with in the backup.
  FileTree(int directory, std::string prefix, FileSource& source);
  ~FileTree();
  FileTree(const FileTree&) = delete;
  FileTree& operator=(const FileTree&) = delete;

  int directory() const { return directory_; }

  class OpenFile;
  using Handle = std::shared_ptr<OpenFile>;  // closed when nobody has it any more
  int open(const std::string& name, Handle& opened);
  // As open(2) with O_CREAT and these flags.
  int create(const std::string& name, int flags, mode_t mode, Handle& opened);
  static ssize_t read(OpenFile& file, uint64_t offset, MutableBytes out);
  static ssize_t write(OpenFile& file, uint64_t offset, ByteView data);
  static int truncate(OpenFile& file, uint64_t size);
  static int descriptor(const OpenFile& file);

  int remove(const std::string& name);
  int rename(const std::string& from, const std::string& to, unsigned flags);
  int link(const std::string& from, const std::string& to);

 private:
  struct Inode {
    std::shared_ptr<LazyFile> lazy;  // null: all of it is here
    std::weak_ptr<OpenFile> open;
  };
  // The caller holds names_, in either way.
  int know(const std::string& name, ino_t& inode);
  int open_known(const std::string& name, Handle& opened);
  void forget(ino_t inode);

  const int directory_;
  const std::string prefix_;
  FileSource& source_;
  // Shared by who looks up names, alone by who changes them.
  std::shared_mutex names_;
  std::mutex mutex_;  // guards what follows
  std::unordered_map<ino_t, Inode> inodes_;
};

}  // namespace walkback::ondemand
