#include "base/testing/lying_files.h"

#include "base/forwarding_files.h"

namespace walkback {
namespace {

class LyingFile final : public ForwardingFile {
 public:
  LyingFile(std::unique_ptr<File> inner, std::string path, const Lie& lie)
      : ForwardingFile(std::move(inner)), path_(std::move(path)), lie_(lie) {}
  Result<void> sync() override {
    return lie_(SyncKind::kFile, path_) ? success() : ForwardingFile::sync();
  }

 private:
  const std::string path_;
  const Lie& lie_;
};

class LyingFiles final : public ForwardingFiles {
 public:
  LyingFiles(FileSystem& inner, Lie lie) : ForwardingFiles(inner), lie_(std::move(lie)) {}

  Result<std::unique_ptr<File>> open_read(const std::string& path) override {
    return wrap(TRY(ForwardingFiles::open_read(path)), path);
  }
  Result<std::unique_ptr<File>> create(const std::string& path, uint32_t mode) override {
    return wrap(TRY(ForwardingFiles::create(path, mode)), path);
  }
  Result<std::unique_ptr<File>> open_write(const std::string& path) override {
    return wrap(TRY(ForwardingFiles::open_write(path)), path);
  }
  Result<void> sync_directory(const std::string& path) override {
    return lie_(SyncKind::kDirectory, path) ? success() : ForwardingFiles::sync_directory(path);
  }
  Result<void> sync_file_system(const std::string& path) override {
    return lie_(SyncKind::kFileSystem, path) ? success() : ForwardingFiles::sync_file_system(path);
  }

 private:
  Result<std::unique_ptr<File>> wrap(std::unique_ptr<File> file, const std::string& path) {
    return {std::make_unique<LyingFile>(std::move(file), path, lie_)};
  }

  const Lie lie_;
};

}  // namespace

std::unique_ptr<FileSystem> make_lying_files(FileSystem& inner, Lie lie) {
  return std::make_unique<LyingFiles>(inner, std::move(lie));
}

}  // namespace walkback
