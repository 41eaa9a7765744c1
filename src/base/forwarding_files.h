// A file system, and a file, that hand every call on: for who changes some of them.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"

namespace walkback {

class ForwardingFile : public File {
 public:
  explicit ForwardingFile(std::unique_ptr<File> inner) : inner_(std::move(inner)) {}

  Result<size_t> read_at(uint64_t offset, MutableBytes out) override {
    return inner_->read_at(offset, out);
  }
  Result<void> write_at(uint64_t offset, ByteView data) override {
    return inner_->write_at(offset, data);
  }
  Result<void> truncate(uint64_t size) override { return inner_->truncate(size); }
  Result<uint64_t> size() override { return inner_->size(); }
  Result<void> sync() override { return inner_->sync(); }
  void start_writeback(uint64_t offset, uint64_t length) override {
    inner_->start_writeback(offset, length);
  }
  void forget_cached(uint64_t offset, uint64_t length) override {
    inner_->forget_cached(offset, length);
  }

 private:
  const std::unique_ptr<File> inner_;
};

// `inner` outlives it.
class ForwardingFiles : public FileSystem {
 public:
  explicit ForwardingFiles(FileSystem& inner) : inner_(inner) {}

  Result<std::unique_ptr<File>> open_read(const std::string& path) override {
    return inner_.open_read(path);
  }
  Result<std::unique_ptr<File>> create(const std::string& path, uint32_t mode) override {
    return inner_.create(path, mode);
  }
  Result<std::unique_ptr<File>> open_write(const std::string& path) override {
    return inner_.open_write(path);
  }
  Result<std::optional<FileInfo>> link_status(const std::string& path) override {
    return inner_.link_status(path);
  }
  Result<std::optional<FileInfo>> status(const std::string& path) override {
    return inner_.status(path);
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    return inner_.list(path);
  }
  Result<bool> make_directory(const std::string& path, uint32_t mode) override {
    return inner_.make_directory(path, mode);
  }
  Result<void> set_mode(const std::string& path, uint32_t mode) override {
    return inner_.set_mode(path, mode);
  }
  Result<void> make_symlink(const std::string& target, const std::string& path) override {
    return inner_.make_symlink(target, path);
  }
  Result<std::string> read_symlink(const std::string& path) override {
    return inner_.read_symlink(path);
  }
  Result<void> remove(const std::string& path) override { return inner_.remove(path); }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return inner_.rename(from, to);
  }
  Result<bool> rename_no_replace(const std::string& from, const std::string& to) override {
    return inner_.rename_no_replace(from, to);
  }
  Result<void> sync_directory(const std::string& path) override {
    return inner_.sync_directory(path);
  }
  Result<void> sync_file_system(const std::string& path) override {
    return inner_.sync_file_system(path);
  }
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override {
    return inner_.lock_directory(path);
  }
  Result<DiskSpace> disk_space(const std::string& path) override { return inner_.disk_space(path); }
  Result<std::string> canonical(const std::string& path) override { return inner_.canonical(path); }

 private:
  FileSystem& inner_;
};

}  // namespace walkback
