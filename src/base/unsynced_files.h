// A file system on which nothing is made durable: for what nobody needs after this process. Where
// other work keeps the disk busy each sync waits for all of it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/forwarding_files.h"

namespace walkback {

class UnsyncedFile final : public ForwardingFile {
 public:
  using ForwardingFile::ForwardingFile;
  Result<void> sync() override { return success(); }
  void start_writeback(uint64_t, uint64_t) override {}
};

class UnsyncedFiles final : public ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  Result<std::unique_ptr<File>> create(const std::string& path, uint32_t mode) override {
    return unsynced(ForwardingFiles::create(path, mode));
  }
  Result<std::unique_ptr<File>> open_write(const std::string& path) override {
    return unsynced(ForwardingFiles::open_write(path));
  }
  Result<void> sync_directory(const std::string&) override { return success(); }
  Result<void> sync_file_system(const std::string&) override { return success(); }

 private:
  static Result<std::unique_ptr<File>> unsynced(Result<std::unique_ptr<File>> opened) {
    return std::unique_ptr<File>(std::make_unique<UnsyncedFile>(TRY(std::move(opened))));
  }
};

}  // namespace walkback
