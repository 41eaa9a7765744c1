// Between SimulatedFiles and real directories.
#include "base/testing/simulated_files.h"

namespace walkback {
namespace {

constexpr size_t kPieceSize = size_t{1} << 20;

Result<void> copy_file(FileSystem& source, const std::string& from, FileSystem& target,
                       const std::string& to) {
  std::optional<FileInfo> info = TRY(source.status(from));
  if (!info) return make_error(ErrorKind::kMissing, from + " vanished while it was copied");
  std::unique_ptr<File> in = TRY(source.open_read(from));
  std::unique_ptr<File> out = TRY(target.create(to, info->mode));
  Bytes piece(kPieceSize);
  for (uint64_t offset = 0;;) {
    size_t got = TRY(in->read_at(offset, piece));
    if (got == 0) return success();
    TRY(out->write_at(offset, ByteView(piece).first(got)));
    offset += got;
  }
}

Result<void> copy_entry(FileSystem& source, const std::string& from, FileType type,
                        FileSystem& target, const std::string& to) {
  switch (type) {
    case FileType::kRegular:
      return copy_file(source, from, target, to);
    case FileType::kSymlink:
      return target.make_symlink(TRY(source.read_symlink(from)), to);
    case FileType::kDirectory: {
      std::optional<FileInfo> info = TRY(source.status(from));
      if (!info) return make_error(ErrorKind::kMissing, from + " vanished while it was copied");
      TRY(target.make_directory(to, info->mode));
      return copy_tree(source, from, target, to);
    }
    case FileType::kOther:
      return success();  // a socket has no contents
  }
  return success();
}

}  // namespace

Result<void> copy_tree(FileSystem& source, const std::string& from, FileSystem& target,
                       const std::string& to) {
  for (const DirectoryEntry& entry : TRY(source.list(from))) {
    TRY(copy_entry(source, join_path(from, entry.name), entry.type, target,
                   join_path(to, entry.name)));
  }
  return success();
}

Result<void> SimulatedFiles::export_to(const std::string& path, const std::string& real_directory) {
  return copy_tree(*this, path, system_files(), real_directory);
}

Result<void> SimulatedFiles::import_from(const std::string& real_directory,
                                         const std::string& path) {
  uint64_t operations_before = 0;
  std::optional<uint64_t> fail_at;
  {
    std::lock_guard lock(mutex_);
    operations_before = operations_;
    fail_at = std::exchange(fail_at_, std::nullopt);
  }
  Result<void> copied = copy_tree(system_files(), real_directory, *this, path);
  if (copied.ok()) copied = sync_file_system(path);
  std::lock_guard lock(mutex_);
  operations_ = operations_before;
  fail_at_ = fail_at;
  return copied;
}

}  // namespace walkback
