// A file that fills as it is used.
#include "ondemand/lazy_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "ondemand/testing/made_up_source.h"

namespace walkback::ondemand {
namespace {

constexpr uint64_t kBlocks = 40;
constexpr uint64_t kSize = kBlocks * kBlock - 10;  // the last block is a short one

class LazyFileTest : public ::testing::Test {
 protected:
  LazyFileTest() { EXPECT_EQ(ftruncate(fd, kSize), 0); }
  ~LazyFileTest() override { close(fd); }

  Bytes read(uint64_t offset, uint64_t size) {
    const Result<void> there = file.make_present(fd, offset, size);
    EXPECT_TRUE(there.ok()) << there.error().message;
    Bytes bytes(size);
    const ssize_t got = pread(fd, bytes.data(), size, static_cast<off_t>(offset));
    EXPECT_GE(got, 0);
    bytes.resize(static_cast<size_t>(got));
    return bytes;
  }
  Bytes then(uint64_t offset, uint64_t size) const {
    return to_bytes(ByteView(content).subspan(offset, size));
  }
  void write(uint64_t offset, ByteView data) { ASSERT_TRUE(file.write(fd, offset, data).ok()); }
  int fetches() const {
    int sum = 0;
    for (const auto& [frame, times] : source.fetched) sum += times;
    return sum;
  }

  SeededRandom random{1};
  MadeUpSource source{random};
  const Bytes content = source.add("base/5/1", kSize);
  const int fd = memfd_create("lazy", MFD_CLOEXEC);
  LazyFile file{"base/5/1", kSize, source};
};

TEST_F(LazyFileTest, WhatIsReadIsFetchedAndNothingElse) {
  EXPECT_EQ(read(5 * kBlock + 3, 7), then(5 * kBlock + 3, 7));
  EXPECT_EQ(source.fetched.size(), 1u);  // a frame of four blocks
  EXPECT_EQ(read(4 * kBlock, 4 * kBlock), then(4 * kBlock, 4 * kBlock));
  EXPECT_EQ(fetches(), 1);
}

TEST_F(LazyFileTest, TheShortBlockAtTheEndIsReadAsItIs) {
  EXPECT_EQ(read(kSize - 5, 100), then(kSize - 5, 5));
  EXPECT_EQ(read(kSize, 100), Bytes());
  struct stat info {};
  fstat(fd, &info);
  EXPECT_EQ(info.st_size, static_cast<off_t>(kSize));
}

TEST_F(LazyFileTest, WhoReadsOnGetsMoreAtATime) {
  for (uint64_t block = 0; block < kBlocks - 1; ++block) read(block * kBlock, kBlock);
  EXPECT_EQ(fetches(), 10);  // every frame once
  for (const auto& [frame, times] : source.fetched) EXPECT_EQ(times, 1) << frame.second;
}

TEST_F(LazyFileTest, WhatIsWrittenWholeIsNotFetched) {
  const Bytes fresh = random.bytes(4 * kBlock);
  write(8 * kBlock, fresh);
  EXPECT_EQ(read(8 * kBlock, 4 * kBlock), fresh);
  EXPECT_EQ(fetches(), 0);
  // Its neighbours in the frame, and not over what was written.
  write(12 * kBlock, fresh);
  write(12 * kBlock + kBlock, ByteView(fresh).first(1));
  EXPECT_EQ(read(12 * kBlock, kBlock), to_bytes(ByteView(fresh).first(kBlock)));
}

TEST_F(LazyFileTest, APartOfABlockIsWrittenIntoWhatItWas) {
  const Bytes fresh = random.bytes(kBlock);
  write(9 * kBlock + 10, ByteView(fresh).first(20));
  Bytes expected = then(8 * kBlock, 4 * kBlock);
  std::copy_n(fresh.begin(), 20, expected.begin() + kBlock + 10);
  EXPECT_EQ(read(8 * kBlock, 4 * kBlock), expected);
}

TEST_F(LazyFileTest, WhatWasCutOffNeverComesBack) {
  ASSERT_TRUE(file.truncate(fd, 6 * kBlock + 5).ok());
  ASSERT_TRUE(file.truncate(fd, kSize).ok());
  Bytes expected = then(0, 6 * kBlock + 5);
  expected.resize(kSize);
  EXPECT_EQ(read(0, kSize), expected);
}

TEST_F(LazyFileTest, WhatIsWrittenOrCutOffWhileItIsFetchedStays) {
  source.hold();
  std::thread reader([&] { read(16 * kBlock, kBlock); });
  source.wait_until_held(1);
  const Bytes fresh = random.bytes(kBlock);
  write(17 * kBlock, fresh);
  ASSERT_TRUE(file.truncate(fd, 19 * kBlock).ok());
  ASSERT_TRUE(file.truncate(fd, 20 * kBlock).ok());
  source.let_through();
  reader.join();
  Bytes expected = then(16 * kBlock, 4 * kBlock);
  std::ranges::copy(fresh, expected.begin() + kBlock);
  std::fill_n(expected.begin() + 3 * kBlock, kBlock, std::byte{0});
  EXPECT_EQ(read(16 * kBlock, 4 * kBlock), expected);
}

TEST_F(LazyFileTest, ManyAtOnceFetchSideBySideAndEachFrameOnce) {
  source.hold();
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([&, i] {
      const uint64_t at = static_cast<uint64_t>(i % 4) * 8 * kBlock + kBlock;
      EXPECT_EQ(read(at, kBlock), then(at, kBlock));
    });
  }
  source.wait_until_held(4);
  source.let_through();
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(source.fetched.size(), 4u);
  EXPECT_EQ(fetches(), 4);
}

TEST_F(LazyFileTest, WhatIsDamagedFailsAndNothingElse) {
  source.damaged.insert({"base/5/1", 3});
  EXPECT_EQ(file.make_present(fd, 13 * kBlock, 1).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(file.make_present(fd, 13 * kBlock, 1).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(read(0, kBlock), then(0, kBlock));
  EXPECT_EQ(file.write(fd, 13 * kBlock + 1, ByteView(content).first(1)).error().kind,
            ErrorKind::kCorrupt);
  write(12 * kBlock, ByteView(content).first(4 * kBlock));
  EXPECT_EQ(read(13 * kBlock, kBlock), then(kBlock, kBlock));
}

}  // namespace
}  // namespace walkback::ondemand
