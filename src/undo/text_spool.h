// Texts on disk, in order: statements, or rows. There are as many as rows were lost, and they are
// needed more than once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::undo {

// One thread. It holds the tables' rows, so the file loses its name as soon as it is there: the
// kernel gives its space back when this process ends, however it ends.
class TextSpool {
 public:
  static Result<TextSpool> create(FileSystem& files, std::string path);
  Result<void> add(std::string_view text);
  // Where the next one will be, and what is there.
  uint64_t end() const { return end_; }
  Result<std::string> at(uint64_t place) const;
  // All of them so far.
  Result<void> visit(const std::function<Result<void>(const std::string& text)>& take) const;

 private:
  TextSpool(std::string path, std::unique_ptr<File> file)
      : path_(std::move(path)), file_(std::move(file)) {}
  Result<void> read(uint64_t place, void* out, size_t bytes) const;

  std::string path_;
  std::unique_ptr<File> file_;
  uint64_t end_ = 0;
};

}  // namespace walkback::undo
