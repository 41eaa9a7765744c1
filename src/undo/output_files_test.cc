#include "undo/output_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/testing/simulated_files.h"

namespace walkback::undo {
namespace {

using ::testing::HasSubstr;

class OutputFilesTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(files_, "/out", 0755).ok()); }

  bool is_there(const std::string& path) { return files_.status(path).value().has_value(); }
  std::string content(const std::string& path) {
    const auto bytes = read_file(files_, path);
    return bytes.ok() ? std::string(as_text(*bytes)) : "error: " + bytes.error().message;
  }
  uint32_t mode(const std::string& path) { return files_.status(path).value()->mode; }

  SimulatedFiles files_{1};
};

// Power is cut between any two operations: `whole` says whether what is there then is all of it.
void cut_power_at_every_moment(const std::function<Result<void>(FileSystem&)>& story,
                               const std::string& path,
                               const std::function<bool(FileSystem&)>& whole) {
  for (uint64_t moment = 1;; ++moment) {
    SimulatedFiles files(moment);
    ASSERT_TRUE(make_directories(files, "/out", 0755).ok());
    files.fail_at_operation(moment);
    const bool done = story(files).ok();
    if (files.failed()) files.reboot();
    const bool is_there = files.status(path).value().has_value();
    EXPECT_TRUE(is_there || !done) << moment;
    EXPECT_TRUE(!is_there || whole(files)) << moment;
    if (done) return;
  }
}

TEST_F(OutputFilesTest, AFileIsThereWhenItIsFinished) {
  {
    auto file = OutputFile::create(files_, "/out/rows.csv").value();
    ASSERT_TRUE(file->write("id\n").ok());
    ASSERT_TRUE(file->write("7\n").ok());
    EXPECT_FALSE(is_there("/out/rows.csv"));
    ASSERT_TRUE(file->finish().ok());
  }
  EXPECT_EQ(mode("/out/rows.csv"), 0600u);
  EXPECT_EQ(content("/out/rows.csv"), "id\n7\n");
  EXPECT_FALSE(is_there("/out/rows.csv.partial"));
}

TEST_F(OutputFilesTest, AfterAPowerCutAllOfItIsThereOrNothing) {
  const std::string rows(1 << 20, 'x');
  cut_power_at_every_moment(
      [&](FileSystem& files) -> Result<void> {
        auto file = TRY(OutputFile::create(files, "/out/rows.csv"));
        TRY(file->write(rows));
        return file->finish();
      },
      "/out/rows.csv",
      [&](FileSystem& files) {
        return as_text(read_file(files, "/out/rows.csv").value()) == rows;
      });
  cut_power_at_every_moment(
      [&](FileSystem& files) -> Result<void> {
        auto directory = TRY(OutputDirectory::create(files, "/out/rows"));
        for (const char* name : {"a", "b"}) {
          auto file = TRY(directory->create_file(name));
          TRY(file->write(rows));
          TRY(file->finish());
        }
        return directory->finish();
      },
      "/out/rows",
      [&](FileSystem& files) {
        for (const char* name : {"/out/rows/a", "/out/rows/b"}) {
          const auto bytes = read_file(files, name);
          if (!bytes.ok() || as_text(*bytes) != rows) return false;
        }
        return true;
      });
}

TEST_F(OutputFilesTest, WhatIsNotFinishedLeavesNothing) {
  {
    auto file = OutputFile::create(files_, "/out/rows.csv").value();
    ASSERT_TRUE(file->write(std::string(1 << 20, 'x')).ok());
    EXPECT_TRUE(is_there("/out/rows.csv.partial"));
  }
  {
    auto directory = OutputDirectory::create(files_, "/out/rows").value();
    auto file = directory->create_file("a.csv").value();
    ASSERT_TRUE(file->write("x").ok());
    ASSERT_TRUE(file->finish().ok());
  }
  EXPECT_EQ(files_.list("/out").value().size(), 0u);
}

TEST_F(OutputFilesTest, NothingIsOverwritten) {
  ASSERT_TRUE(replace_file(files_, "/out/taken", as_bytes("mine"), 0644).ok());
  for (const char* path : {"/out/taken", "/out"}) {
    auto file = OutputFile::create(files_, path);
    ASSERT_FALSE(file.ok());
    EXPECT_EQ(file.error().kind, ErrorKind::kConflict);
    EXPECT_FALSE(OutputDirectory::create(files_, path).ok());
  }
  // Nor what somebody made meanwhile.
  auto late = OutputFile::create(files_, "/out/late").value();
  ASSERT_TRUE(replace_file(files_, "/out/late", as_bytes("mine"), 0644).ok());
  EXPECT_EQ(late->finish().error().kind, ErrorKind::kConflict);
  late.reset();
  EXPECT_EQ(content("/out/late"), "mine");
  EXPECT_EQ(content("/out/taken"), "mine");
}

TEST_F(OutputFilesTest, WhatAnotherCommandWritesIsLeftToIt) {
  auto first = OutputFile::create(files_, "/out/rows.csv").value();
  auto second = OutputFile::create(files_, "/out/rows.csv");
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error().hint, HasSubstr("`rm -r /out/rows.csv.partial`"));
  EXPECT_TRUE(first->finish().ok());
}

TEST_F(OutputFilesTest, ADirectoryIsThereWithAllOfItsFiles) {
  {
    auto directory = OutputDirectory::create(files_, "/out/rows").value();
    auto file = directory->create_file("a.csv").value();
    ASSERT_TRUE(file->write("x").ok());
    ASSERT_TRUE(file->finish().ok());
    EXPECT_FALSE(is_there("/out/rows"));
    ASSERT_TRUE(directory->finish().ok());
  }
  EXPECT_EQ(mode("/out/rows"), 0700u);
  EXPECT_EQ(content("/out/rows/a.csv"), "x");
}

}  // namespace
}  // namespace walkback::undo
