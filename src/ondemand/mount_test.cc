// Mounted, as programs see it. Skipped where this user may not mount.
#include "ondemand/mount.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "ondemand/testing/local_directory.h"
#include "ondemand/testing/made_up_source.h"

namespace walkback::ondemand {
namespace {

class MountTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<void> allowed = try_to_mount();
    if (!allowed.ok()) {
      GTEST_SKIP() << allowed.error().message << ": " << allowed.error().hint;
    }
    local.make("base");
    local.make("base/1", 100'000);
    content = source.add("base/1", 100'000, 64);
  }
  void mount() { mounted = Mount::make(local.path(), "", source, 4).value(); }
  std::string path(const std::string& name) const { return local.path() + "/" + name; }
  static Bytes read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    return to_bytes(as_bytes(text));
  }

  LocalDirectory local;
  SeededRandom random{1};
  MadeUpSource source{random};
  Bytes content;
  std::unique_ptr<Mount> mounted;
};

TEST_F(MountTest, AFileIsReadAsItWas) {
  mount();
  EXPECT_EQ(std::filesystem::file_size(path("base/1")), 100'000u);
  EXPECT_EQ(source.frames_fetched(), 0u);
  EXPECT_EQ(read(path("base/1")), content);
}

TEST_F(MountTest, FilesAreMadeRenamedListedAndRemoved) {
  mount();
  std::ofstream(path("base/new")) << "new";
  std::filesystem::rename(path("base/new"), path("base/2"));
  std::filesystem::create_directory(path("base/3"));
  std::filesystem::create_symlink("2", path("base/4"));
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path("base"))) {
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names, (std::set<std::string>{"1", "2", "3", "4"}));
  EXPECT_EQ(read(path("base/4")), to_bytes(as_bytes("new")));
  std::filesystem::remove(path("base/3"));
  std::filesystem::remove(path("base/2"));
  EXPECT_FALSE(std::filesystem::exists(path("base/2")));
  std::filesystem::resize_file(path("base/1"), 70);
  EXPECT_EQ(read(path("base/1")), to_bytes(ByteView(content).first(70)));
}

TEST_F(MountTest, AHoleThatWasNotFetchedIsNoHole) {
  mount();
  const int fd = open(path("base/1").c_str(), O_RDONLY);
  EXPECT_EQ(lseek(fd, 0, SEEK_DATA), 0);
  EXPECT_EQ(lseek(fd, 0, SEEK_HOLE), 100'000);
  EXPECT_EQ(lseek(fd, 0, SEEK_END), 100'000);
  close(fd);
}

TEST_F(MountTest, SyncingCostsNothing) {
  mount();
  const int fd = open(path("base/1").c_str(), O_RDWR);
  EXPECT_EQ(fsync(fd), 0);
  close(fd);
  EXPECT_EQ(source.frames_fetched(), 0u);
}

TEST_F(MountTest, WhatIsDamagedIsAnError) {
  source.damaged.insert({"base/1", 0});
  mount();
  const int fd = open(path("base/1").c_str(), O_RDONLY);
  char byte = 0;
  EXPECT_EQ(pread(fd, &byte, 1, 0), -1);
  EXPECT_EQ(errno, EIO);
  close(fd);
}

TEST_F(MountTest, AfterwardsNothingIsMounted) {
  struct stat under {
  }, over{}, again{};
  stat(local.path().c_str(), &under);
  mount();
  stat(local.path().c_str(), &over);
  EXPECT_NE(under.st_dev, over.st_dev);
  mounted.reset();
  stat(local.path().c_str(), &again);
  EXPECT_EQ(under.st_dev, again.st_dev);
}

TEST_F(MountTest, WhatAKilledProcessLeftMountedIsTakenAway) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t process = fork();
  if (process == 0) {
    mount();
    (void)!write(ready[1], "x", 1);
    for (;;) pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  kill(process, SIGKILL);
  waitpid(process, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
  struct stat info {};
  EXPECT_EQ(stat(path("base").c_str(), &info), -1);
  EXPECT_EQ(errno, ENOTCONN);
  ASSERT_TRUE(unmount(local.path()).ok());
  EXPECT_EQ(stat(path("base").c_str(), &info), 0);
}

}  // namespace
}  // namespace walkback::ondemand
