// A file system whose reads a test sees, delays and spoils: a server that writes while it is
// copied.
#pragma once

#include <functional>

#include "base/file_system.h"

namespace walkback::pipeline {

// Everything else goes to `inner`, which outlives it. The hooks are called on whichever thread
// reads.
class WatchedFiles final : public FileSystem {
 public:
  explicit WatchedFiles(FileSystem& inner) : inner_(inner) {}

  std::function<void(const std::string& path)> before_open;
  std::function<void(const std::string& path, uint64_t offset)> before_read;
  std::function<void(const std::string& path, uint64_t offset, MutableBytes read)> after_read;

  Result<std::unique_ptr<File>> open_read(const std::string& path) override {
    if (before_open) before_open(path);
    auto file = std::make_unique<WatchedFile>(*this, path);
    file->inner = TRY(inner_.open_read(path));
    return std::unique_ptr<File>(std::move(file));
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
  class WatchedFile final : public File {
   public:
    WatchedFile(WatchedFiles& files, std::string path) : files_(files), path_(std::move(path)) {}

    Result<size_t> read_at(uint64_t offset, MutableBytes out) override {
      if (files_.before_read) files_.before_read(path_, offset);
      const size_t size = TRY(inner->read_at(offset, out));
      if (files_.after_read) files_.after_read(path_, offset, out.first(size));
      return size;
    }
    Result<void> write_at(uint64_t offset, ByteView data) override {
      return inner->write_at(offset, data);
    }
    Result<void> truncate(uint64_t size) override { return inner->truncate(size); }
    Result<uint64_t> size() override { return inner->size(); }
    Result<void> sync() override { return inner->sync(); }
    void start_writeback(uint64_t offset, uint64_t length) override {
      inner->start_writeback(offset, length);
    }
    void forget_cached(uint64_t offset, uint64_t length) override {
      inner->forget_cached(offset, length);
    }

    std::unique_ptr<File> inner;

   private:
    WatchedFiles& files_;
    const std::string path_;
  };

  FileSystem& inner_;
};

}  // namespace walkback::pipeline
