#include "health/wal_directory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "base/testing/simulated_files.h"

namespace walkback::health {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr uint32_t kSegmentBytes = 1 << 20;

class WalDirectory : public testing::Test {
 protected:
  WalDirectory() {
    EXPECT_TRUE(make_directories(files_, "/pg_wal/archive_status", 0700).ok());
    server_.timeline = {2};
  }
  // Last written now.
  void file(const std::string& name) {
    const auto created = files_.create("/pg_wal/" + name, 0600);
    ASSERT_TRUE(created.ok() && (*created)->write_at(0, as_bytes("x")).ok());
  }
  static std::string segment(uint64_t number, uint32_t timeline = 2) {
    return pg::SegmentName{{timeline}, number}.text(kSegmentBytes);
  }
  WalDirectoryFacts look(bool server_answers = true) {
    const auto facts = look_at_pg_wal(files_, "/pg_wal", kSegmentBytes,
                                      server_answers ? &server_ : nullptr, clock_.now());
    EXPECT_TRUE(facts.ok()) << facts.error().message;
    return *facts;
  }

  ManualClock clock_{Timestamp{1'000'000'000'000'000}};
  SimulatedFiles files_{1, clock_};
  ServerFacts server_;
};

TEST_F(WalDirectory, CountsWhatWaitsForTheArchiverAndSinceWhen) {
  for (uint64_t number = 5; number < 9; ++number) {
    file(segment(number));
    file(fmt::format("archive_status/{}.{}", segment(number), number < 6 ? "done" : "ready"));
    clock_.advance(minutes(1));
  }
  file("archive_status/00000002.history.ready");
  file("00000002.history");
  const WalDirectoryFacts facts = look();
  EXPECT_EQ(facts.segments, 4u);
  EXPECT_EQ(facts.bytes, 4u * kSegmentBytes);
  EXPECT_EQ(facts.waiting, 3u);
  EXPECT_EQ(facts.first_waiting, segment(6));
  EXPECT_EQ(facts.waiting_since, clock_.now() + -minutes(3));
}

TEST_F(WalDirectory, TheRateIsThatOfTheLastHour) {
  file(segment(1));  // long ago
  clock_.advance(minutes(90));
  file(segment(2));
  clock_.advance(minutes(10));
  file(segment(3));
  clock_.advance(minutes(10));
  file(segment(4));  // is written
  file(segment(9));  // to be used again
  server_.wal_end = {4 * kSegmentBytes + kSegmentBytes / 2};
  // One and a half since segment 2 ended, 20 minutes ago.
  EXPECT_DOUBLE_EQ(*look().bytes_per_s, 1.5 * kSegmentBytes / 1200);
  clock_.advance(minutes(45));
  EXPECT_DOUBLE_EQ(*look().bytes_per_s, 0.5 * kSegmentBytes / (55 * 60));
  clock_.advance(minutes(60));
  EXPECT_EQ(look().bytes_per_s, std::nullopt);
}

TEST_F(WalDirectory, WithoutAServerOrTimeThereIsNoRate) {
  file(segment(2));
  file(segment(3, 1));  // the parent's
  server_.wal_end = {3 * kSegmentBytes + 100};
  clock_.advance(seconds(9));
  EXPECT_EQ(look().bytes_per_s, std::nullopt);
  clock_.advance(seconds(1));
  EXPECT_DOUBLE_EQ(*look().bytes_per_s, 10);
  EXPECT_EQ(look(false).bytes_per_s, std::nullopt);
}

TEST_F(WalDirectory, ADirectoryThatIsNotThereIsAnError) {
  EXPECT_FALSE(look_at_pg_wal(files_, "/none", kSegmentBytes, nullptr, clock_.now()).ok());
}

}  // namespace
}  // namespace walkback::health
