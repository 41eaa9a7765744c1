// A file system whose reads a test sees, delays and spoils: a server that writes while it is
// copied.
#pragma once

#include <functional>

#include "base/forwarding_files.h"

namespace walkback::pipeline {

// Everything else goes to `inner`, which outlives it. The hooks are called on whichever thread
// reads.
class WatchedFiles final : public ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;

  std::function<void(const std::string& path)> before_open;
  std::function<void(const std::string& path, uint64_t offset)> before_read;
  std::function<void(const std::string& path, uint64_t offset, MutableBytes read)> after_read;

  Result<std::unique_ptr<File>> open_read(const std::string& path) override {
    if (before_open) before_open(path);
    std::unique_ptr<File> file = TRY(ForwardingFiles::open_read(path));
    return std::unique_ptr<File>(std::make_unique<WatchedFile>(std::move(file), *this, path));
  }

 private:
  class WatchedFile final : public ForwardingFile {
   public:
    WatchedFile(std::unique_ptr<File> inner, WatchedFiles& files, std::string path)
        : ForwardingFile(std::move(inner)), files_(files), path_(std::move(path)) {}

    Result<size_t> read_at(uint64_t offset, MutableBytes out) override {
      if (files_.before_read) files_.before_read(path_, offset);
      const size_t size = TRY(ForwardingFile::read_at(offset, out));
      if (files_.after_read) files_.after_read(path_, offset, out.first(size));
      return size;
    }

   private:
    WatchedFiles& files_;
    const std::string path_;
  };
};

}  // namespace walkback::pipeline
