#include "base/remove_tree.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/forwarding_files.h"

namespace walkback {
namespace {

namespace fs = std::filesystem;

class RemoveTree : public ::testing::Test {
 protected:
  RemoveTree() {
    char path[] = "/tmp/walkback-tree-XXXXXX";
    place_ = mkdtemp(path);
    tree_ = place_ + "/tree";
    fs::create_directories(tree_ + "/a/b");
    for (const char* name : {"/a/b/file", "/record", "/z"}) std::ofstream(tree_ + name) << "x";
  }
  ~RemoveTree() override { fs::remove_all(place_); }

  std::string place_, tree_;
};

TEST_F(RemoveTree, EverythingInItGoes) {
  ASSERT_TRUE(remove_tree(system_files(), tree_).ok());
  EXPECT_FALSE(fs::exists(tree_));
  EXPECT_TRUE(remove_tree(system_files(), tree_).ok()) << "it may be gone already";
}

TEST_F(RemoveTree, WhatALinkLeadsToStays) {
  fs::create_directory(place_ + "/precious");
  std::ofstream(place_ + "/precious/file") << "x";
  fs::create_directory_symlink(place_ + "/precious", tree_ + "/a/link");
  ASSERT_TRUE(remove_tree(system_files(), tree_).ok());
  EXPECT_FALSE(fs::exists(tree_));
  EXPECT_TRUE(fs::exists(place_ + "/precious/file"));
  fs::create_directory_symlink(place_ + "/precious", tree_);
  EXPECT_EQ(remove_tree(system_files(), tree_).error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(fs::exists(place_ + "/precious/file"));
}

// A directory that is said to be of another file system.
class OneMount final : public ForwardingFiles {
 public:
  explicit OneMount(std::string point)
      : ForwardingFiles(system_files()), point_(std::move(point)) {}
  Result<std::optional<FileInfo>> link_status(const std::string& path) override {
    Result<std::optional<FileInfo>> info = ForwardingFiles::link_status(path);
    if (info.ok() && *info && path == point_) ++(*info)->device;
    return info;
  }

 private:
  const std::string point_;
};

TEST_F(RemoveTree, WhatIsMountedInItStays) {
  OneMount files(tree_ + "/a/b");
  EXPECT_EQ(remove_tree(files, tree_).error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(fs::exists(tree_ + "/a/b/file"));
}

TEST_F(RemoveTree, TheLastStaysUntilAllElseIsGone) {
  OneMount files(tree_ + "/z");
  EXPECT_FALSE(remove_tree(files, tree_, "record").ok());
  EXPECT_TRUE(fs::exists(tree_ + "/record"));
  EXPECT_FALSE(fs::exists(tree_ + "/a"));
  EXPECT_TRUE(remove_tree(system_files(), tree_, "record").ok());
  EXPECT_FALSE(fs::exists(tree_));
}

}  // namespace
}  // namespace walkback
