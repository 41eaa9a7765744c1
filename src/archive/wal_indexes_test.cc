#include "archive/wal_indexes.h"

#include <gmock/gmock.h>

#include "catalog/testing/scratch_archive.h"

namespace walkback::archive {
namespace {

using testing::IsEmpty;

class WalIndexes : public testing::Test {
 protected:
  WalIndexes() {
    log_.commit(700, 10);
    log_.switch_segment();
    log_.wal_level(1);
    log_.commit(701, 20);
    log_.switch_segment();
    log_.commit(702, 30);
    archive_.put_all(log_);
  }

  WalIndexReport look(bool rebuild = false) {
    WalIndexOptions options;
    options.cluster = "main";
    options.rebuild = rebuild;
    return run_wal_index(options, archive_.objects(), silent_progress(), {}).value();
  }
  store::ObjectKey sign(uint64_t number) const {
    return archive_.wal().layout().wal_settings(log_.file(number));
  }
  bool is_there(const store::ObjectKey& key) {
    return archive_.objects().info(key).value().has_value();
  }

  mutable catalog::ScratchArchive archive_;
  catalog::ScratchTimeline log_{1};
};

TEST_F(WalIndexes, ASegmentThatLostItsSignOfChangedSettingsIsNotWhole) {
  EXPECT_EQ(look().whole, 3u);
  ASSERT_TRUE(archive_.objects().remove(sign(2)).ok());
  EXPECT_EQ(look().whole, 2u);
  EXPECT_EQ(look().wrong_sign, 1u);
  EXPECT_FALSE(is_there(sign(2))) << "asked, and not to rebuild";
}

// From its index: the segment itself may be closed to who asks, or damaged.
TEST_F(WalIndexes, ASignIsMadeAgainWithoutTheSegment) {
  ASSERT_TRUE(archive_.objects().remove(sign(2)).ok());
  archive_.overwrite(archive_.wal().layout().wal_file(log_.file(2)), "nobody can read this");
  const WalIndexReport report = look(true);
  EXPECT_THAT(report.failed, IsEmpty());
  EXPECT_EQ(report.rebuilt, 1u);
  EXPECT_EQ(report.still_incomplete, 0u);
  EXPECT_TRUE(is_there(sign(2)));
  EXPECT_EQ(look().whole, 3u);
}

TEST_F(WalIndexes, ADamagedSignIsMadeAgainAndOneWithoutReasonGoes) {
  archive_.overwrite(sign(2), "not what it was");
  archive_.overwrite(sign(1), "nothing changed here");
  EXPECT_EQ(look(true).rebuilt, 2u);
  EXPECT_FALSE(is_there(sign(1)));
  EXPECT_TRUE(archive_.wal().check_settings_sign({{1}, 2}).ok());
  EXPECT_EQ(look().whole, 3u);
}

}  // namespace
}  // namespace walkback::archive
