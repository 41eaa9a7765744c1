#include "pipeline/piece_feed.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

namespace walkback::pipeline {
namespace {

// A "file" is a number of pieces.
struct Opened {
  uint32_t pieces = 0;
  uint32_t piece_count() const { return pieces; }
};
using Feed = PieceFeed<uint32_t, Opened>;

class PieceFeedTest : public testing::Test {
 protected:
  Feed feed_of(std::vector<uint32_t> sizes) {
    sizes_ = std::move(sizes);
    return Feed(
        [this]() -> Result<std::optional<uint32_t>> {
          if (next_ == sizes_.size()) return std::optional<uint32_t>();
          return std::optional(sizes_[next_++]);
        },
        [this](uint32_t pieces) -> Result<std::shared_ptr<Opened>> {
          if (before_open) before_open();
          return std::make_shared<Opened>(Opened{pieces});
        });
  }
  static uint32_t drain(Feed& feed, int worker = 0) {
    uint32_t pieces = 0;
    while (feed.next(worker).value()) ++pieces;
    return pieces;
  }
  std::function<void()> before_open;

 private:
  std::vector<uint32_t> sizes_;
  size_t next_ = 0;
};

TEST_F(PieceFeedTest, EveryPieceIsHandedOutOnceInOrder) {
  Feed feed = feed_of({3, 1});
  for (uint32_t expected : {0u, 1u, 2u, 0u}) EXPECT_EQ(feed.next(0).value()->index, expected);
  EXPECT_FALSE(feed.next(0).value().has_value());
  EXPECT_FALSE(feed.next(0).value().has_value());
}

TEST_F(PieceFeedTest, EachWorkerHasAFileOfItsOwnUntilThereAreNoMore) {
  Feed feed = feed_of({3, 4});
  const auto first = feed.next(1).value()->file;
  const auto second = feed.next(2).value()->file;
  EXPECT_NE(first, second);
  EXPECT_EQ(feed.next(1).value()->file, first);
  EXPECT_EQ(feed.next(1).value()->file, first);
  EXPECT_EQ(feed.next(1).value()->file, second);  // helps
  EXPECT_EQ(feed.next(2).value()->index, 2u);
  EXPECT_EQ(feed.next(1).value()->index, 3u);
  EXPECT_FALSE(feed.next(2).value().has_value());
}

TEST_F(PieceFeedTest, FilesWithoutPiecesArePassedOver) {
  Feed feed = feed_of({0, 0, 2, 0});
  EXPECT_EQ(drain(feed), 2u);
}

TEST_F(PieceFeedTest, ManyThreadsShareThePieces) {
  std::vector<uint32_t> sizes;
  for (uint32_t i = 0; i < 500; ++i) sizes.push_back(i % 5 == 0 ? 40 : i % 3);
  uint32_t expected = 0;
  for (uint32_t size : sizes) expected += size;
  Feed feed = feed_of(sizes);
  std::atomic<uint32_t> pieces = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&, i] { pieces += drain(feed, i); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pieces, expected);
}

// The last file is being opened by one thread when another finds the source empty.
TEST_F(PieceFeedTest, WhoeverFindsTheSourceEmptyWaitsForTheLastFileAndHelps) {
  std::atomic<bool> others_wait = false;
  before_open = [&] {
    while (!others_wait) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  };
  Feed feed = feed_of({2});
  std::thread opener([&] { EXPECT_TRUE(feed.next(0).value().has_value()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  others_wait = true;
  EXPECT_TRUE(feed.next(1).value().has_value());
  opener.join();
  EXPECT_FALSE(feed.next(0).value().has_value());
}

TEST_F(PieceFeedTest, AnErrorOfTheSourceEndsIt) {
  Feed feed(
      []() -> Result<std::optional<uint32_t>> { return make_error(ErrorKind::kIo, "broken"); },
      [](uint32_t) -> Result<std::shared_ptr<Opened>> { return std::shared_ptr<Opened>(); });
  EXPECT_EQ(feed.next(0).error().message, "broken");
  EXPECT_FALSE(feed.next(0).value().has_value());
}

TEST_F(PieceFeedTest, AnErrorInOpeningIsToldToOneAndKeepsNobodyWaiting) {
  std::atomic<bool> first = true;
  Feed feed(
      [&]() -> Result<std::optional<uint32_t>> {
        if (first.exchange(false)) return std::optional<uint32_t>(1);
        return std::optional<uint32_t>();
      },
      [](uint32_t) -> Result<std::shared_ptr<Opened>> {
        return make_error(ErrorKind::kIo, "broken");
      });
  EXPECT_EQ(feed.next(0).error().message, "broken");
  EXPECT_FALSE(feed.next(0).value().has_value());
}

}  // namespace
}  // namespace walkback::pipeline
