#include "cli/cost_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/golden.h"

namespace walkback::cli {
namespace {

using catalog::StoredClass;
using testing::HasSubstr;
using testing::Not;

constexpr uint64_t kGiB = uint64_t{1} << 30;

const cost::Prices kPrices{.currency = "$",
                           .standard_gb_month = 0.023,
                           .standard_put_1000 = 0.005,
                           .standard_get_1000 = 0.0004,
                           .ia_gb_month = 0.0125,
                           .ia_put_1000 = 0.01,
                           .ia_get_1000 = 0.001,
                           .ia_retrieval_gb = 0.01,
                           .directory_gb_month = 0,
                           .managed_storage_gb_month = 0.115,
                           .managed_backup_gb_month = 0.095};

cost::Facts sample_facts() {
  cost::Facts facts;
  facts.cluster = "main";
  cost::Place bucket{.url = "s3://backups/main",
                     .medium = cost::Medium::kBucket,
                     .packs = cost::StorageClass::kInfrequent,
                     .error = {},
                     .stored = {}};
  bucket.stored[StoredClass::kPacks] = {3400, 104 * kGiB, kGiB};
  bucket.stored[StoredClass::kManifests] = {672, kGiB / 4, 0};
  bucket.stored[StoredClass::kWal] = {20'160, 52 * kGiB, 0};
  bucket.stored[StoredClass::kWalIndexes] = {20'160, kGiB / 8, 0};
  bucket.stored[StoredClass::kEvents] = {1512, 2'000'000, 0};
  cost::Place directory{.url = "file:///srv/walkback", .error = {}, .stored = bucket.stored};
  facts.places = {bucket, directory};
  facts.backups = 336;
  facts.newest_raw = 200 * kGiB;
  facts.whole_raw = 336 * 200 * kGiB;
  facts.compressed_raw = 390 * kGiB;
  facts.compressed_stored = 104 * kGiB;
  facts.segments = 20'160;
  facts.wal_raw = 315 * kGiB;
  facts.wal_stored = 52 * kGiB;
  facts.window = std::chrono::hours(14 * 24);
  facts.part_bytes = 8 << 20;
  facts.packs_per_backup = 2;
  facts.bytes_per_pack = 60.0 * kGiB / 1440;
  facts.segments_per_backup = 60;
  facts.rates = cost::Rates{.measured_over = std::chrono::hours(7 * 24),
                            .segments = 43'200,
                            .wal_bytes = 111.0 * kGiB,
                            .backups = 720,
                            .pack_bytes = 60.0 * kGiB,
                            .prunes = 30,
                            .verifies = 30,
                            .drilled_bytes = 40.0 * kGiB};
  return facts;
}

TEST(CostText, TheTotalFirstThenWhatDrivesItThenWhatIsCheaper) {
  const cost::Facts facts = sample_facts();
  const cost::Estimate estimate = cost::estimate(facts, kPrices);
  expect_golden("cost.txt", cost_text(facts, kPrices, estimate));
  expect_golden("cost.json", cost_json(facts, kPrices, estimate));
}

TEST(CostText, WhatIsNotKnownIsSaid) {
  cost::Facts facts = sample_facts();
  facts.rates.reset();
  facts.places[1].error = make_error(ErrorKind::kTransient, "the disk is not mounted");
  const std::string text = cost_text(facts, kPrices, cost::estimate(facts, kPrices));
  EXPECT_THAT(text, HasSubstr("Requests are not known"));
  EXPECT_THAT(text, HasSubstr("file:///srv/walkback: not known, for the disk is not mounted"));
  EXPECT_THAT(text, Not(HasSubstr("estimated from")));
}

TEST(CostText, ALittleIsNotNothing) {
  cost::Facts facts;
  facts.cluster = "main";
  facts.places = {{.url = "s3://b", .medium = cost::Medium::kBucket, .error = {}, .stored = {}}};
  EXPECT_THAT(cost_text(facts, kPrices, cost::estimate(facts, kPrices)),
              HasSubstr(": $0.00 a month"));
  facts.places[0].stored[StoredClass::kEvents].add(1000);
  EXPECT_THAT(cost_text(facts, kPrices, cost::estimate(facts, kPrices)),
              HasSubstr(": under $0.01 a month"));
}

}  // namespace
}  // namespace walkback::cli
