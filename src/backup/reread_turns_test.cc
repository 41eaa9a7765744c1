#include "backup/reread_turns.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>

namespace walkback::backup {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kInData = catalog::Place::kDataDirectory;
constexpr microseconds kPeriod = std::chrono::days(30);
constexpr Timestamp kStart{1'795'000'000'000'000};

std::vector<uint32_t> turns(Timestamp parent, Timestamp now, const std::string& name,
                            uint32_t count) {
  return RereadTurns::between(parent, now, kPeriod).of(kInData, name, count);
}

// Whatever the rhythm: none is left out and none comes twice.
TEST(RereadTurns, InOnePeriodEveryTurnComesOnce) {
  std::mt19937 chance(3);
  for (int rhythm = 0; rhythm < 20; ++rhythm) {
    std::map<std::pair<int, uint32_t>, int> seen;
    Timestamp parent = kStart;
    const Timestamp end = kStart + kPeriod;
    while (parent < end) {
      const auto step =
          microseconds(1 + chance() % (rhythm % 2 == 0 ? 4'000'000'000 : 900'000'000));
      const Timestamp now = std::min(parent + step * (1 + rhythm), end);
      for (int file = 0; file < 10; ++file) {
        for (const uint32_t turn : turns(parent, now, fmt::format("base/5/{}", file), 64)) {
          ++seen[{file, turn}];
        }
      }
      parent = now;
    }
    EXPECT_THAT(seen, SizeIs(640));
    for (const auto& [which, times] : seen) EXPECT_EQ(times, 1);
  }
}

// Backups of a rhythm read about as much each, of one large file and of many small ones.
TEST(RereadTurns, AreSpreadOverThePeriod) {
  for (int hour = 0; hour < 720; ++hour) {
    const Timestamp parent = kStart + hours(hour);
    const Timestamp now = parent + hours(1);
    const size_t of_a_large_one = turns(parent, now, "base/5/16384", 72'000).size();
    EXPECT_GT(of_a_large_one, 95u);
    EXPECT_LT(of_a_large_one, 105u);
  }
  size_t of_small_ones = 0;
  for (int file = 0; file < 72'000; ++file) {
    of_small_ones += turns(kStart, kStart + hours(1), fmt::format("base/5/{}", file), 1).size();
  }
  EXPECT_GT(of_small_ones, 60u);
  EXPECT_LT(of_small_ones, 140u);
}

TEST(RereadTurns, AClockThatWasSetBackBringsNone) {
  EXPECT_THAT(turns(kStart, kStart, "base/5/16384", 64), IsEmpty());
  EXPECT_THAT(turns(kStart, Timestamp{kStart.unix_us - 1}, "base/5/16384", 64), IsEmpty());
}

TEST(RereadTurns, AfterAPeriodAllHaveTheirs) {
  EXPECT_THAT(turns(kStart, kStart + kPeriod, "base/5/16384", 3), ElementsAre(0, 1, 2));
  EXPECT_TRUE(RereadTurns::between(kStart, kStart + kPeriod * 100, kPeriod).is_all());
  EXPECT_TRUE(RereadTurns::all().is_all());
}

TEST(RereadTurns, SwitchedOffThereAreNone) {
  EXPECT_THAT(RereadTurns::between(kStart, kStart + kPeriod * 100, microseconds(0))
                  .of(kInData, "base/5/16384", 64),
              IsEmpty());
  EXPECT_THAT(RereadTurns::none().of(kInData, "base/5/16384", 64), IsEmpty());
}

}  // namespace
}  // namespace walkback::backup
