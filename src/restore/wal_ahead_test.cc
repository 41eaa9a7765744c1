#include "restore/wal_ahead.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "catalog/testing/scratch_archive.h"
#include "pgconn/testing/run_process.h"

namespace walkback::restore {
namespace {

using catalog::ScratchArchive;
using catalog::ScratchTimeline;
using pgconn::testing::ScratchDirectory;
using std::chrono::milliseconds;

class WalAheadTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSegments = 9;

  WalAheadTest() {
    plan_.backup = archive_.backup(log_, 1, 2);
    log_.insert((kSegments - 1) * ScratchTimeline::kSegmentBytes);
    log_.commit(748, 10);
    plan_.timeline = log_.id();
    plan_.end_lsn = log_.end();
    archive_.put_all(log_);
    first_ = plan_.backup.start_lsn.value / ScratchTimeline::kSegmentBytes;
  }

  std::unique_ptr<WalAhead> start() {
    return WalAhead::start(plan_, archive_.wal(), scratch_.path() + "/at-hand", system_files(),
                           system_clock(), {})
        .value();
  }
  std::string path(uint64_t number) const {
    return scratch_.path() + "/at-hand/" + log_.file(first_ + number);
  }
  bool is_there(uint64_t number) const {
    return system_files().link_status(path(number)).value().has_value();
  }
  // That these are there in the end, and no others.
  void expect_at_hand(const std::set<uint64_t>& wanted) const {
    std::set<uint64_t> now;
    for (int look = 0; look < 500 && now != wanted; ++look) {
      system_clock().sleep(milliseconds(20));
      now = at_hand();
    }
    system_clock().sleep(milliseconds(50));
    EXPECT_EQ(at_hand(), wanted);
  }
  std::set<uint64_t> at_hand() const {
    std::set<uint64_t> numbers;
    for (uint64_t number = 0; number <= kSegments; ++number) {
      if (is_there(number)) numbers.insert(number);
    }
    return numbers;
  }
  void take(uint64_t number) const { ASSERT_TRUE(system_files().remove(path(number)).ok()); }

  ScratchArchive archive_;
  ScratchTimeline log_{1};
  ScratchDirectory scratch_;
  RecoveryPlan plan_;
  uint64_t first_ = 0;
};

TEST_F(WalAheadTest, AFewAreThereAndTheNextComeAsTheyAreTaken) {
  const std::unique_ptr<WalAhead> ahead = start();
  expect_at_hand({0, 1, 2, 3});
  const Bytes content = read_file(system_files(), path(2), 1 << 30).value();
  EXPECT_EQ(content, archive_.wal().get_segment({log_.id(), first_ + 2}).value());
  take(0);
  take(1);
  expect_at_hand({2, 3, 4, 5});
}

TEST_F(WalAheadTest, WhatCameTooLateGoes) {
  const std::unique_ptr<WalAhead> ahead = start();
  expect_at_hand({0, 1, 2, 3});
  take(2);  // 0 and 1 the server had fetched itself
  expect_at_hand({3, 4, 5, 6});
}

TEST_F(WalAheadTest, ItEndsWithTheTarget) {
  const std::unique_ptr<WalAhead> ahead = start();
  for (uint64_t number = 0; number < kSegments; ++number) {
    std::set<uint64_t> next;
    for (uint64_t i = number; i < std::min(number + 4, kSegments); ++i) next.insert(i);
    expect_at_hand(next);
    take(number);
  }
  expect_at_hand({});
}

TEST_F(WalAheadTest, WhatIsNotThereIsLeftToTheServer) {
  archive_.lose(log_.file(first_ + 2));
  const std::unique_ptr<WalAhead> ahead = start();
  expect_at_hand({0, 1});
}

}  // namespace
}  // namespace walkback::restore
