#include "base/file_system.h"

#include <fmt/format.h>

#include "base/random.h"

namespace walkback {
namespace {

Result<void> write_new_file(FileSystem& files, const std::string& path, ByteView data,
                            uint32_t mode) {
  std::unique_ptr<File> file = TRY(files.create(path, mode));
  TRY(file->write_at(0, data));
  return file->sync();
}

Result<void> replace_through(FileSystem& files, const std::string& temporary,
                             const std::string& path, ByteView data, uint32_t mode) {
  TRY(write_new_file(files, temporary, data, mode));
  return files.rename(temporary, path);
}

}  // namespace

Result<Bytes> read_file(FileSystem& files, const std::string& path, uint64_t limit) {
  std::unique_ptr<File> file = TRY(files.open_read(path));
  uint64_t size = TRY(file->size());
  if (size > limit) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("{} holds {} bytes, more than the {} it may have", path, size, limit));
  }
  Bytes bytes(size);
  bytes.resize(TRY(file->read_at(0, bytes)));
  return bytes;
}

Result<void> replace_file(FileSystem& files, const std::string& path, ByteView data,
                          uint32_t mode) {
  std::string temporary = path + ".tmp-" + system_random().hex(8);
  Result<void> replaced = replace_through(files, temporary, path, data, mode);
  if (!replaced.ok()) {
    // What failed is the news; a leftover that cannot be removed either is not.
    (void)files.remove(temporary);
    return replaced;
  }
  return files.sync_directory(parent_path(path));
}

Result<void> make_directories(FileSystem& files, const std::string& path, uint32_t mode) {
  std::optional<FileInfo> there = TRY(files.status(path));
  if (there && there->type == FileType::kDirectory) return success();
  std::string parent = parent_path(path);
  if (parent != path) TRY(make_directories(files, parent, mode));
  TRY(files.make_directory(path, mode));
  return files.sync_directory(parent);
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path.push_back('/');
  return path.append(name);
}

namespace {

std::string_view without_trailing_slashes(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

}  // namespace

std::string parent_path(std::string_view path) {
  path = without_trailing_slashes(path);
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(without_trailing_slashes(path.substr(0, slash + 1)));
}

std::string file_name(std::string_view path) {
  path = without_trailing_slashes(path);
  size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace walkback
