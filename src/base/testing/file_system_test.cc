// One suite for the real file system and the simulated one: a test that passes on the simulation
// means something for the real one only as far as they agree.
#include "base/file_system.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "base/testing/simulated_files.h"

namespace walkback {
namespace {

enum class Kind { kReal, kSimulated };

class FileSystemTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::kReal) {
      std::string name = testing::TempDir() + "walkback-files-XXXXXX";
      ASSERT_NE(::mkdtemp(name.data()), nullptr);
      files_ = &system_files();
      root_ = files_->canonical(name).value();
    } else {
      simulated_ = std::make_unique<SimulatedFiles>(1);
      files_ = simulated_.get();
      root_ = "/srv";
      ASSERT_TRUE(files_->make_directory(root_, 0755).ok());
    }
  }
  void TearDown() override {
    if (GetParam() == Kind::kReal) std::filesystem::remove_all(root_);
  }

  std::string at(std::string_view name) { return join_path(root_, name); }
  void write(std::string_view name, std::string_view text) {
    auto file = files_->create(at(name), 0640).value();
    ASSERT_TRUE(file->write_at(0, as_bytes(text)).ok());
  }
  std::string read(std::string_view name) {
    Result<Bytes> bytes = read_file(*files_, at(name));
    if (!bytes.ok())
      return std::string("error: ") + std::string(error_kind_name(bytes.error().kind));
    return std::string(as_text(*bytes));
  }
  std::string names(std::string_view name = "") {
    std::string text;
    for (const DirectoryEntry& entry : files_->list(at(name)).value()) {
      if (!text.empty()) text += " ";
      text += entry.name;
      if (entry.type == FileType::kDirectory) text += "/";
      if (entry.type == FileType::kSymlink) text += "@";
    }
    return text;
  }
  template <typename T>
  static std::string kind(const Result<T>& result) {
    return result.ok() ? "ok" : std::string(error_kind_name(result.error().kind));
  }

  std::unique_ptr<SimulatedFiles> simulated_;
  FileSystem* files_ = nullptr;
  std::string root_;
};

INSTANTIATE_TEST_SUITE_P(Files, FileSystemTest, testing::Values(Kind::kReal, Kind::kSimulated),
                         [](const auto& test) {
                           return test.param == Kind::kReal ? "Real" : "Simulated";
                         });

TEST_P(FileSystemTest, WhatIsWrittenIsRead) {
  write("a", "hello");
  EXPECT_EQ(read("a"), "hello");
  EXPECT_EQ(read("b"), "error: missing");
  EXPECT_EQ(read("a/b"), "error: missing");
  EXPECT_EQ(kind(files_->create(at("a"), 0600)), "conflict");
  EXPECT_EQ(kind(files_->open_write(at("b"))), "missing");
}

TEST_P(FileSystemTest, WritesAndTruncationsMeetAcrossPages) {
  auto file = files_->create(at("a"), 0600).value();
  std::string expected(10'000, '\0');
  auto put = [&](uint64_t offset, std::string_view text) {
    ASSERT_TRUE(file->write_at(offset, as_bytes(text)).ok());
    expected.resize(std::max(expected.size(), offset + text.size()));
    expected.replace(offset, text.size(), text);
  };
  put(9'990, "0123456789");
  put(4'090, std::string(5'000, 'x'));
  put(4'095, "yz");
  EXPECT_EQ(read("a"), expected);

  // What was cut off does not come back when the file grows.
  ASSERT_TRUE(file->truncate(4'100).ok());
  ASSERT_TRUE(file->truncate(12'000).ok());
  expected.resize(4'100);
  expected.resize(12'000, '\0');
  EXPECT_EQ(read("a"), expected);
  EXPECT_EQ(file->size().value(), 12'000u);

  std::array<std::byte, 100> tail{};
  EXPECT_EQ(file->read_at(11'950, tail).value(), 50u);
  EXPECT_EQ(file->read_at(12'000, tail).value(), 0u);
  EXPECT_EQ(file->read_at(99'000, tail).value(), 0u);
  ASSERT_TRUE(file->sync().ok());
}

TEST_P(FileSystemTest, ListsSortedByName) {
  write("b", "");
  write("a.b", "");
  ASSERT_TRUE(files_->make_directory(at("a"), 0755).value());
  ASSERT_TRUE(files_->make_symlink("a", at("c")).ok());
  EXPECT_EQ(names(), "a/ a.b b c@");
  EXPECT_EQ(names("a"), "");
  EXPECT_EQ(kind(files_->list(at("b"))), "missing");
  EXPECT_EQ(kind(files_->list(at("no"))), "missing");
}

TEST_P(FileSystemTest, DirectoriesAreMadeOnceAndRemovedEmpty) {
  EXPECT_TRUE(files_->make_directory(at("d"), 0750).value());
  EXPECT_FALSE(files_->make_directory(at("d"), 0750).value());
  EXPECT_EQ(files_->status(at("d")).value()->mode, 0750u);
  EXPECT_EQ(kind(files_->make_directory(at("no/d"), 0750)), "missing");
  write("d/f", "x");
  EXPECT_EQ(kind(files_->make_directory(at("d/f"), 0750)), "conflict");
  EXPECT_EQ(kind(files_->remove(at("d"))), "conflict");
  EXPECT_TRUE(files_->remove(at("d/f")).ok());
  EXPECT_TRUE(files_->remove(at("d")).ok());
  EXPECT_EQ(kind(files_->remove(at("d"))), "missing");
  EXPECT_EQ(names(), "");
}

TEST_P(FileSystemTest, StatusFollowsSymlinksAndLinkStatusDoesNot) {
  ASSERT_TRUE(files_->make_directory(at("d"), 0755).ok());
  write("d/f", "12345");
  ASSERT_TRUE(files_->make_symlink("d/f", at("link")).ok());
  ASSERT_TRUE(files_->make_symlink(at("d"), at("dir")).ok());
  ASSERT_TRUE(files_->make_symlink("nowhere", at("broken")).ok());
  EXPECT_EQ(files_->status(at("link")).value()->size, 5u);
  EXPECT_EQ(files_->status(at("link")).value()->inode, files_->status(at("d/f")).value()->inode);
  EXPECT_EQ(files_->link_status(at("link")).value()->type, FileType::kSymlink);
  EXPECT_EQ(files_->read_symlink(at("link")).value(), "d/f");
  EXPECT_EQ(kind(files_->read_symlink(at("d/f"))), "invalid");
  EXPECT_EQ(read("dir/f"), "12345");
  EXPECT_FALSE(files_->status(at("broken")).value().has_value());
  EXPECT_TRUE(files_->link_status(at("broken")).value().has_value());
  EXPECT_FALSE(files_->status(at("d/f/g")).value().has_value());
  EXPECT_EQ(files_->canonical(at("dir/../dir/./f")).value(), at("d/f"));
  EXPECT_EQ(kind(files_->canonical(at("broken"))), "missing");
  EXPECT_FALSE(files_->make_directory(at("dir"), 0755).value());
}

TEST_P(FileSystemTest, RenameReplacesAndRenameNoReplaceDoesNot) {
  write("a", "A");
  write("b", "B");
  EXPECT_FALSE(files_->rename_no_replace(at("a"), at("b")).value());
  EXPECT_EQ(read("a") + read("b"), "AB");
  EXPECT_TRUE(files_->rename_no_replace(at("a"), at("c")).value());
  EXPECT_EQ(names(), "b c");
  EXPECT_TRUE(files_->rename(at("c"), at("b")).ok());
  EXPECT_EQ(names(), "b");
  EXPECT_EQ(read("b"), "A");
  EXPECT_EQ(kind(files_->rename(at("no"), at("b"))), "missing");
  EXPECT_EQ(kind(files_->rename_no_replace(at("no"), at("x"))), "missing");
  ASSERT_TRUE(files_->make_directory(at("d"), 0755).ok());
  EXPECT_EQ(kind(files_->rename(at("b"), at("d"))), "invalid");
  EXPECT_EQ(kind(files_->rename(at("d"), at("d/e"))), "invalid");
  EXPECT_TRUE(files_->rename(at("d"), at("e")).ok());
  EXPECT_EQ(names(), "b e/");
}

TEST_P(FileSystemTest, OnlyOneOfManyRenamesWithoutReplacingWins) {
  constexpr int kThreads = 8;
  std::atomic<int> winners = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) write("from" + std::to_string(i), std::to_string(i));
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      winners += files_->rename_no_replace(at("from" + std::to_string(i)), at("to")).value();
    });
  }
  threads.clear();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(files_->list(root_).value().size(), size_t{kThreads});
}

TEST_P(FileSystemTest, ADirectoryIsLockedByOneAtATime) {
  ASSERT_TRUE(files_->make_directory(at("d"), 0755).ok());
  ASSERT_TRUE(files_->make_directory(at("e"), 0755).ok());
  ASSERT_TRUE(files_->make_symlink("d", at("link")).ok());
  auto lock = files_->lock_directory(at("d")).value();
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(files_->lock_directory(at("d")).value(), nullptr);
  EXPECT_EQ(files_->lock_directory(at("link")).value(), nullptr);
  EXPECT_NE(files_->lock_directory(at("e")).value(), nullptr);
  lock.reset();
  EXPECT_NE(files_->lock_directory(at("link")).value(), nullptr);
  EXPECT_EQ(kind(files_->lock_directory(at("no"))), "missing");
  EXPECT_EQ(names("d"), "");
}

TEST_P(FileSystemTest, AnOpenFileOutlivesItsName) {
  write("a", "still here");
  auto file = files_->open_read(at("a")).value();
  ASSERT_TRUE(files_->remove(at("a")).ok());
  Bytes bytes(10);
  EXPECT_EQ(file->read_at(0, bytes).value(), 10u);
  EXPECT_EQ(as_text(bytes), "still here");
  EXPECT_FALSE(file->write_at(0, as_bytes("x")).ok());
}

TEST_P(FileSystemTest, SyncsWhatExists) {
  write("a", "x");
  EXPECT_TRUE(files_->open_read(at("a")).value()->sync().ok());
  EXPECT_TRUE(files_->sync_directory(root_).ok());
  EXPECT_TRUE(files_->sync_file_system(root_).ok());
  EXPECT_EQ(kind(files_->sync_directory(at("no"))), "missing");
  EXPECT_EQ(kind(files_->sync_directory(at("a"))), "missing");
  DiskSpace space = files_->disk_space(root_).value();
  EXPECT_GT(space.total_bytes, 0u);
  EXPECT_LE(space.free_bytes, space.total_bytes);
  EXPECT_EQ(kind(files_->disk_space(at("no"))), "missing");
}

TEST_P(FileSystemTest, ErrorsNameThePath) {
  EXPECT_NE(files_->open_read(at("no")).error().message.find(at("no")), std::string::npos);
  EXPECT_NE(files_->rename(at("no"), at("x")).error().message.find(root_), std::string::npos);
}

TEST_P(FileSystemTest, ReplaceFileShowsTheOldOrTheNewAndLeavesNothingElse) {
  ASSERT_TRUE(replace_file(*files_, at("a"), as_bytes("old"), 0600).ok());
  ASSERT_TRUE(replace_file(*files_, at("a"), as_bytes("new"), 0600).ok());
  EXPECT_EQ(read("a"), "new");
  EXPECT_EQ(names(), "a");
  ASSERT_TRUE(files_->make_directory(at("d"), 0755).ok());
  EXPECT_FALSE(replace_file(*files_, at("d"), as_bytes("x"), 0600).ok());
  EXPECT_EQ(names(), "a d/");
}

TEST_P(FileSystemTest, MakeDirectoriesMakesWhatIsMissing) {
  ASSERT_TRUE(make_directories(*files_, at("x/y/z/"), 0700).ok());
  ASSERT_TRUE(make_directories(*files_, at("x/y/z"), 0700).ok());
  EXPECT_EQ(names("x/y"), "z/");
  write("file", "");
  EXPECT_EQ(kind(make_directories(*files_, at("file"), 0700)), "conflict");
  EXPECT_FALSE(make_directories(*files_, at("file/d"), 0700).ok());
}

TEST_P(FileSystemTest, ReadFileRefusesMoreThanItsLimit) {
  write("a", "12345");
  EXPECT_EQ(read_file(*files_, at("a"), 5).value().size(), 5u);
  EXPECT_EQ(kind(read_file(*files_, at("a"), 4)), "invalid");
}

TEST(Paths, AreJoinedAndTakenApart) {
  EXPECT_EQ(join_path("/a", "b"), "/a/b");
  EXPECT_EQ(join_path("/a/", "b"), "/a/b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(parent_path("/a/b"), "/a");
  EXPECT_EQ(parent_path("/a/b/"), "/a");
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(parent_path("/"), "/");
  EXPECT_EQ(parent_path("a"), ".");
  EXPECT_EQ(file_name("/a/b"), "b");
  EXPECT_EQ(file_name("/a/b/"), "b");
  EXPECT_EQ(file_name("b"), "b");
}

}  // namespace
}  // namespace walkback
