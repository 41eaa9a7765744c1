#include "undo/output_files.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/remove_tree.h"
#include "base/shell.h"

namespace walkback::undo {

namespace {

constexpr size_t kBufferBytes = 256u << 10;

std::string partial(const std::string& path) { return path + ".partial"; }

Error is_there(const std::string& path) {
  return make_error(ErrorKind::kConflict, path + " is there already",
                    "nothing is overwritten: name another, or remove it");
}

Error partial_is_there(const std::string& path) {
  return make_error(
      ErrorKind::kConflict, partial(path) + " is there already",
      fmt::format("another command writes it, or one that was killed left it; then `rm -r {}`",
                  shell_word(partial(path))));
}

Result<void> check_is_free(FileSystem& files, const std::string& path) {
  if (TRY(files.link_status(path))) return is_there(path);
  if (TRY(files.link_status(partial(path)))) return partial_is_there(path);
  return success();
}

// Under its own name, for good.
Result<void> publish(FileSystem& files, const std::string& path) {
  if (!TRY(files.rename_no_replace(partial(path), path))) return is_there(path);
  return files.sync_directory(parent_path(path));
}

}  // namespace

Result<std::unique_ptr<OutputFile>> OutputFile::create(FileSystem& files, std::string path) {
  constexpr uint32_t kForItsOwnerAlone = 0600;
  TRY(check_is_free(files, path));
  std::unique_ptr<File> file = TRY(files.create(partial(path), kForItsOwnerAlone));
  return std::unique_ptr<OutputFile>(new OutputFile(files, std::move(path), std::move(file)));
}

OutputFile::~OutputFile() {
  if (file_) (void)files_.remove(partial(path_));
}

Result<void> OutputFile::write(std::string_view text) {
  buffer_ += text;
  return buffer_.size() < kBufferBytes ? success() : flush();
}

Result<void> OutputFile::flush() {
  TRY(file_->write_at(end_, as_bytes(buffer_)));
  end_ += buffer_.size();
  buffer_.clear();
  return success();
}

Result<void> OutputFile::finish() {
  TRY(flush());
  TRY(file_->sync());
  TRY(publish(files_, path_));
  file_.reset();
  return success();
}

Result<std::unique_ptr<OutputDirectory>> OutputDirectory::create(FileSystem& files,
                                                                 std::string path) {
  constexpr uint32_t kForItsOwnerAlone = 0700;
  TRY(check_is_free(files, path));
  if (!TRY(files.make_directory(partial(path), kForItsOwnerAlone))) return partial_is_there(path);
  return std::unique_ptr<OutputDirectory>(new OutputDirectory(files, std::move(path)));
}

OutputDirectory::~OutputDirectory() {
  if (!finished_) (void)remove_tree(files_, partial(path_));
}

Result<std::unique_ptr<OutputFile>> OutputDirectory::create_file(const std::string& name) {
  return OutputFile::create(files_, join_path(partial(path_), name));
}

Result<void> OutputDirectory::finish() {
  TRY(publish(files_, path_));
  finished_ = true;
  return success();
}

}  // namespace walkback::undo
