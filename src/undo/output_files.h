// What a person asked for in a file or a directory: new, its owner's alone, and there only when it
// is complete. Until then it is called PATH.partial; nothing is ever overwritten.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::undo {

// One thread.
class OutputFile {
 public:
  // kConflict when PATH or PATH.partial is there.
  static Result<std::unique_ptr<OutputFile>> create(FileSystem& files, std::string path);
  // What was not finished is removed.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  Result<void> write(std::string_view text);
  // On success the file is there, and survives power loss. kConflict when somebody else made PATH
  // meanwhile.
  Result<void> finish();

 private:
  OutputFile(FileSystem& files, std::string path, std::unique_ptr<File> file)
      : files_(files), path_(std::move(path)), file_(std::move(file)) {}
  Result<void> flush();

  FileSystem& files_;
  const std::string path_;
  std::unique_ptr<File> file_;  // until it is finished
  std::string buffer_;
  uint64_t end_ = 0;
};

// What a COPY's bytes are given to; kCancelled once `stop` is asked for.
inline auto writing_to(OutputFile& file, const std::stop_token& stop) {
  return [&file, stop](std::string_view bytes) -> Result<void> {
    if (stop.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
    return file.write(bytes);
  };
}

// Likewise; a directory is there when all of its files are.
class OutputDirectory {
 public:
  static Result<std::unique_ptr<OutputDirectory>> create(FileSystem& files, std::string path);
  ~OutputDirectory();
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  // To be finished before the directory is.
  Result<std::unique_ptr<OutputFile>> create_file(const std::string& name);
  Result<void> finish();

 private:
  OutputDirectory(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  FileSystem& files_;
  const std::string path_;
  bool finished_ = false;
};

}  // namespace walkback::undo
