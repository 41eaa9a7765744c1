// A directory of the machine's own, for a test, with the files of a source as a restore leaves
// them: of the right size, and empty.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace walkback::ondemand {

class LocalDirectory {
 public:
  LocalDirectory() {
    std::string path = ::testing::TempDir() + "/ondemand-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    path_ = path;
  }
  ~LocalDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  LocalDirectory(const LocalDirectory&) = delete;
  LocalDirectory& operator=(const LocalDirectory&) = delete;

  const std::string& path() const { return path_; }
  int open() const { return ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }
  void make(const std::string& folder) const {
    EXPECT_EQ(mkdir((path_ + "/" + folder).c_str(), 0700), 0);
  }
  void make(const std::string& name, uint64_t size) const {
    const int fd = ::open((path_ + "/" + name).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(ftruncate(fd, static_cast<off_t>(size)), 0);
    close(fd);
  }

 private:
  std::string path_;
};

}  // namespace walkback::ondemand
