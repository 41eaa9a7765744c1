// A file system in memory whose power can be cut.
//
// It forgets what was not synced: each unsynced page of data, file size and directory change
// survives a power cut or not, by seed (simulated_disk.h has the model, which is weaker than any
// real file system). A test runs its story once to count the operations, then once for each
// operation as the moment of the cut, and looks at what is left after reboot():
//
//   for (uint64_t moment = 1; ; ++moment) {
//     SimulatedFiles files(seed);
//     files.fail_at_operation(moment);
//     run_the_story(files);
//     if (!files.failed()) break;      // the story ended before this moment
//     files.reboot();
//     check_what_is_left(files);
//   }
//
// Thread-safe; the order of threads is not the seed's. "/" exists and relative paths start there.
// No users or permissions; deny() stands in for them. Open files must be closed before it is
// destroyed.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "base/file_system.h"
#include "base/testing/seeded_random.h"
#include "base/testing/simulated_disk.h"

namespace walkback {

class SimulatedFiles final : public FileSystem {
 public:
  // What an operation that changes something is called for fail_next().
  enum class Operation {
    kCreate,
    kWrite,
    kTruncate,
    kSync,
    kMakeDirectory,
    kMakeSymlink,
    kRemove,
    kRename,  // both kinds
    kSyncDirectory,
    kSyncFileSystem,
  };
  enum class Failure {
    kPowerCut,  // what was not synced is at risk
    kKilled,    // kill -9: the process is gone, the kernel keeps what it did
  };

  explicit SimulatedFiles(uint64_t seed, Clock& clock = system_clock());

  // --- power ---
  // Every call and every open file fails with kIo from now on; what is on the disk is drawn from
  // `seed`.
  void power_cut(uint64_t seed);
  // The `n`-th changing operation from now (1 is the next) fails, after doing its work wholly,
  // partly or not at all; so does everything after it, until reboot(). 0 takes it back.
  void fail_at_operation(uint64_t n, Failure failure = Failure::kPowerCut);
  // Calls work again. What is seen now is on the disk (after kKilled: still only partly).
  void reboot();
  // The moment chosen by fail_at_operation() or power_cut() has come and nobody rebooted yet.
  bool failed() const;
  // How many changing operations were begun since construction.
  uint64_t operations() const;

  // --- faults ---
  // The next `times` operations of this kind fail with kIo and do nothing. A failed kSync is worse,
  // as on Linux: some pages are never written, though a later sync of them succeeds.
  void fail_next(Operation operation, uint64_t times = 1);
  // After `bytes` more bytes were written, kNoSpace; nothing lifts the limit.
  void limit_space(std::optional<uint64_t> bytes);
  // This path and all below it: kDenied to every call that names it so.
  void deny(const std::string& path);
  void allow_all();

  // --- real directories ---
  // Copies what is seen under `path` into `real_directory`, which exists: for a real PostgreSQL to
  // open.
  Result<void> export_to(const std::string& path, const std::string& real_directory);
  // Copies a real directory's contents into `path`, made durable. Its operations are not counted.
  Result<void> import_from(const std::string& real_directory, const std::string& path);

  Result<std::unique_ptr<File>> open_read(const std::string& path) override;
  Result<std::unique_ptr<File>> create(const std::string& path, uint32_t mode) override;
  Result<std::unique_ptr<File>> open_write(const std::string& path) override;
  Result<std::optional<FileInfo>> link_status(const std::string& path) override;
  Result<std::optional<FileInfo>> status(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<bool> make_directory(const std::string& path, uint32_t mode) override;
  Result<void> set_mode(const std::string& path, uint32_t mode) override;
  Result<void> make_symlink(const std::string& target, const std::string& path) override;
  Result<std::string> read_symlink(const std::string& path) override;
  Result<void> remove(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<bool> rename_no_replace(const std::string& from, const std::string& to) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<void> sync_file_system(const std::string& path) override;
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override;
  Result<DiskSpace> disk_space(const std::string& path) override;
  Result<std::string> canonical(const std::string& path) override;

 private:
  class OpenFile;

  // Where a path leads: `node` is null when its last component does not exist.
  struct Place {
    NodeRef parent;    // null for "/"
    std::string name;  // in `parent`
    NodeRef node;
    std::string canonical;
  };

  // All below: mutex_ is held.
  Result<void> admit(const std::string& path) const;
  Result<Place> locate(const std::string& path, bool follow_last) const;
  Result<Place> locate_existing(const std::string& path, bool follow_last,
                                std::string_view doing) const;
  Result<Place> locate_new(const std::string& path, std::string_view doing) const;
  Result<NodeRef> locate_directory(const std::string& path, std::string_view doing) const;
  NodeRef make_node(FileType type, uint32_t mode);
  void add_name(const Place& place, NodeRef node);
  Result<void> check_replace(const Place& from, const Place& to) const;
  void move(const Place& from, const Place& to);
  static bool is_at_or_below(std::string_view path, std::string_view folder);
  std::optional<Error> take_fault(Operation operation, const std::string& path);
  void fail(Failure failure, uint64_t seed);
  // Counts one changing operation, and does it unless a fault says otherwise.
  template <typename Apply>
  auto change(Operation operation, const std::string& path, Apply apply) -> decltype(apply());
  ByteView what_space_allows(ByteView data);
  Result<FileInfo> info_of(const NodeRef& node) const;

  Clock& clock_;
  mutable std::mutex mutex_;
  SeededRandom random_;
  NodeRef root_;
  bool failed_ = false;
  bool failing_now_ = false;  // the operation under way is the one that fails
  uint64_t generation_ = 0;   // open files of an earlier one are stale
  uint64_t operations_ = 0;
  std::optional<uint64_t> fail_at_;
  Failure failure_ = Failure::kPowerCut;
  std::map<Operation, uint64_t> faults_;
  std::optional<uint64_t> space_left_;
  std::set<std::string> denied_;
  std::map<uint64_t, std::weak_ptr<const bool>> locks_;  // by inode; alive while held
  uint64_t next_inode_ = 2;
  uint64_t next_change_ = 1;
};

// Copies the tree under `from` (directories, files, symlinks) into the existing directory `to`.
Result<void> copy_tree(FileSystem& source, const std::string& from, FileSystem& target,
                       const std::string& to);

}  // namespace walkback
