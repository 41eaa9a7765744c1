// SQL statements on disk, in order: there are as many as rows were lost, and they are needed more
// than once.
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
class StatementSpool {
 public:
  static Result<StatementSpool> create(FileSystem& files, std::string path);
  Result<void> add(std::string_view statement);
  // All of them so far.
  Result<void> visit(const std::function<Result<void>(const std::string& statement)>& take) const;

 private:
  StatementSpool(std::string path, std::unique_ptr<File> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  std::unique_ptr<File> file_;
  uint64_t end_ = 0;
};

}  // namespace walkback::undo
