#include "cost/estimate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace walkback::cost {
namespace {

using catalog::StoredClass;
using testing::HasSubstr;

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr std::chrono::hours kDay{24};

const Prices kPrices{.currency = "$",
                     .standard_gb_month = 0.02,
                     .standard_put_1000 = 0.005,
                     .standard_get_1000 = 0.0004,
                     .ia_gb_month = 0.01,
                     .ia_put_1000 = 0.01,
                     .ia_get_1000 = 0.001,
                     .ia_retrieval_gb = 0.01,
                     .directory_gb_month = 0.05,
                     .managed_storage_gb_month = 0.1,
                     .managed_backup_gb_month = 0.09};

// 100 GiB of packs and 50 GiB of WAL in a bucket.
class CostEstimate : public testing::Test {
 protected:
  CostEstimate() {
    place.url = "s3://bucket";
    place.medium = Medium::kBucket;
    place.stored[StoredClass::kPacks] = {3200, 100 * kGiB, 0};
    place.stored[StoredClass::kWal] = {12'000, 50 * kGiB, 0};
  }

  Estimate run() {
    facts.places = {place};
    return estimate(facts, kPrices);
  }
  void busy() {
    facts.rates = Rates{.measured_over = 7 * kDay,
                        .segments = 43'200,
                        .wal_bytes = 60.0 * kGiB,
                        .backups = 720,
                        .pack_bytes = 30.0 * kGiB,
                        .prunes = 30,
                        .verifies = 30};
  }
  static const RequestCost& named(const PlaceCost& cost, std::string_view what) {
    const auto found = std::ranges::find(cost.requests, what, &RequestCost::what);
    EXPECT_NE(found, cost.requests.end()) << what;
    return *found;
  }

  Facts facts;
  Place place;
};

TEST_F(CostEstimate, WhatLiesThereIsPaidByItsClass) {
  const Estimate standard = run();
  EXPECT_DOUBLE_EQ(standard.month, 150 * 0.02);
  place.packs = StorageClass::kInfrequent;
  EXPECT_DOUBLE_EQ(run().month, 100 * 0.01 + 50 * 0.02);
}

TEST_F(CostEstimate, ADirectoryCostsItsDiskAndNoRequests) {
  place.medium = Medium::kDirectory;
  place.packs = StorageClass::kInfrequent;
  busy();
  const Estimate all = run();
  EXPECT_DOUBLE_EQ(all.month, 150 * 0.05);
  EXPECT_TRUE(all.places[0].requests.empty());
}

TEST_F(CostEstimate, SmallObjectsAreBilledAs128KiBInInfrequentAccessOnly) {
  place.stored = {};
  for (int i = 0; i < 8192; ++i) place.stored[StoredClass::kPacks].add(0);
  EXPECT_DOUBLE_EQ(run().month, 0);
  place.packs = StorageClass::kInfrequent;
  const Estimate all = run();
  EXPECT_DOUBLE_EQ(all.month, 0.01);  // 8192 times 128 KiB are one GiB
  EXPECT_DOUBLE_EQ(all.places[0].smallest_size, 0.01);
}

TEST_F(CostEstimate, WhatIsRemovedWithin30DaysIsBilledFor30) {
  busy();
  place.packs = StorageClass::kInfrequent;
  EXPECT_DOUBLE_EQ(run().places[0].early_removal, 0) << "nothing is removed without a window";
  facts.window = 10 * kDay;
  // 30 GiB a month lie for ten days and are billed for twenty more.
  EXPECT_NEAR(run().places[0].early_removal, 30 * 0.01 * 20 / 30, 1e-9);
  facts.window = 40 * kDay;
  EXPECT_DOUBLE_EQ(run().places[0].early_removal, 0);
  place.packs = StorageClass::kStandard;
  facts.window = 10 * kDay;
  EXPECT_DOUBLE_EQ(run().places[0].early_removal, 0);
}

TEST_F(CostEstimate, RequestsArePaidByKindAndClass) {
  busy();
  const Estimate all = run();
  const RequestCost& pushes = named(all.places[0], "WAL segments archived");
  const Requests one = segment_push();
  EXPECT_DOUBLE_EQ(pushes.requests.put, 43'200 * one.put);
  EXPECT_NEAR(pushes.month, 43.2 * ((one.put + one.list) * 0.005 + one.get * 0.0004), 1e-9);
  // Packs are put at the price of their class, what is beside them is not.
  const double before = named(all.places[0], "backups").month;
  place.packs = StorageClass::kInfrequent;
  const Estimate infrequent = run();
  const RequestCost& backups = named(infrequent.places[0], "backups");
  EXPECT_NEAR(backups.month - before,
              backups.requests.pack_put * (0.01 - 0.005) / 1000 +
                  backups.requests.pack_get * (0.001 - 0.0004) / 1000,
              1e-9);
  EXPECT_GT(backups.month, before);
  EXPECT_DOUBLE_EQ(named(infrequent.places[0], "WAL segments archived").month, pushes.month);
}

TEST_F(CostEstimate, ReadingInfrequentAccessIsPaidByTheByte) {
  busy();
  place.packs = StorageClass::kInfrequent;
  facts.rates->drilled_bytes = 20.0 * kGiB;
  EXPECT_NEAR(run().places[0].retrieval, (30 + 20) * 0.01, 1e-9);
  facts.rates->verifies = 0;
  EXPECT_NEAR(run().places[0].retrieval, 20 * 0.01, 1e-9);
}

TEST_F(CostEstimate, WithoutAWeekBehindItRequestsAreNotGuessed) {
  const Estimate all = run();
  EXPECT_DOUBLE_EQ(all.places[0].request_total, 0);
  EXPECT_GT(named(all.places[0], "backups").each.all(), 0) << "what one needs is known";
  EXPECT_TRUE(all.cheaper.empty());
}

TEST_F(CostEstimate, TheCheaperClassIsAdvisedWithWhatItSaves) {
  busy();
  facts.window = 60 * kDay;
  const double standard = run().month;
  const Estimate advised = run();
  ASSERT_FALSE(advised.cheaper.empty());
  const auto found = std::ranges::find_if(advised.cheaper, [](const Advice& one) {
    return one.text.find("STANDARD_IA") != std::string::npos;
  });
  ASSERT_NE(found, advised.cheaper.end());
  place.packs = StorageClass::kInfrequent;
  EXPECT_NEAR(standard - run().month, found->saves, 1e-9);
  for (const Advice& one : run().cheaper) {
    EXPECT_THAT(one.text, testing::Not(HasSubstr("\"STANDARD\""))) << "it would cost more";
  }
}

// With a window of a day each pack is billed for thirty.
TEST_F(CostEstimate, InfrequentAccessIsAdvisedAgainstWhereNothingGrowsOld) {
  busy();
  place.packs = StorageClass::kInfrequent;
  place.stored[StoredClass::kPacks] = {100, 1 * kGiB, 0};
  facts.window = 1 * kDay;
  const Estimate all = run();
  const bool standard = std::ranges::any_of(all.cheaper, [](const Advice& one) {
    return one.text.find("\"STANDARD\"") != std::string::npos;
  });
  EXPECT_TRUE(standard);
}

TEST_F(CostEstimate, AShorterWindowSavesWhatCameInMeanwhileAndNeverMoreThanHalf) {
  busy();
  facts.window = 20 * kDay;
  // 90 GiB a month: 30 GiB in ten days, of 150 GiB.
  const auto saves = [&](std::string_view text) {
    const Estimate all = run();
    const auto found = std::ranges::find_if(
        all.cheaper, [&](const Advice& one) { return one.text.find(text) != std::string::npos; });
    return found == all.cheaper.end() ? -1 : found->saves;
  };
  EXPECT_NEAR(saves("retention.window = \"240 hours\""), 150 * 0.02 * 30 / 150, 1e-9);
  // Packs in STANDARD_IA are billed for 30 days all the same: only WAL is saved.
  place.packs = StorageClass::kInfrequent;
  EXPECT_NEAR(saves("retention.window"), 20 * 0.02, 1e-9);
  place.packs = StorageClass::kStandard;
  facts.window = 365 * kDay;
  EXPECT_NEAR(saves("retention.window"), 150 * 0.02 / 2, 1e-9);
}

TEST_F(CostEstimate, AManagedServicesBackupsAreFreeUpToTheSizeOfItsDisk) {
  facts.newest_raw = 100 * kGiB;
  facts.compressed_raw = 80 * kGiB;
  EXPECT_DOUBLE_EQ(run().managed_storage, 10);
  EXPECT_DOUBLE_EQ(run().managed_backup, 0);
  facts.wal_raw = 120 * kGiB;
  EXPECT_DOUBLE_EQ(run().managed_backup, 100 * 0.09);
}

TEST_F(CostEstimate, APlaceThatCannotBeListedCostsNothingThatIsKnown) {
  place.error = make_error(ErrorKind::kTransient, "it does not answer");
  busy();
  EXPECT_DOUBLE_EQ(run().month, 0);
}

}  // namespace
}  // namespace walkback::cost
