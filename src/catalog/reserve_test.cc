#include "catalog/reserve.h"

#include <gtest/gtest.h>

#include "base/testing/seeded_random.h"
#include "store/memory_store.h"

namespace walkback::catalog {
namespace {

class ReserveTest : public ::testing::Test {
 protected:
  uint64_t stored() {
    uint64_t bytes = 0;
    EXPECT_TRUE(objects_
                    .list("clusters/main/", "",
                          [&](const store::ObjectInfo& info) {
                            bytes += info.size;
                            return true;
                          })
                    .ok());
    return bytes;
  }
  // Needs the room that the reserve takes.
  Result<void> write() {
    ++tries_;
    if (stored() > 0) return make_error(ErrorKind::kNoSpace, "no space left on device");
    return success();
  }

  const std::unique_ptr<store::ObjectStore> owned_ = store::make_memory_store();
  store::ObjectStore& objects_ = *owned_;
  SeededRandom random_{1};
  int tries_ = 0;
};

TEST_F(ReserveTest, WhatFindsNoSpaceIsDoneInTheReserves) {
  ASSERT_TRUE(keep_reserve(objects_, "main", random_).ok());
  ASSERT_TRUE(keep_reserve(objects_, "main", random_).ok()) << "it is there";
  EXPECT_EQ(stored(), kReserveBytes);
  EXPECT_TRUE(with_reserve(objects_, "main", [&] { return write(); }).ok());
  EXPECT_EQ(tries_, 2);
  EXPECT_EQ(stored(), 0u);
}

TEST_F(ReserveTest, WithoutOneThereIsNothingToGiveUp) {
  const auto full = [&]() -> Result<void> {
    ++tries_;
    return make_error(ErrorKind::kNoSpace, "no space left on device");
  };
  EXPECT_EQ(with_reserve(objects_, "main", full).error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(tries_, 1);
}

TEST_F(ReserveTest, AnotherErrorLeavesItWhereItIs) {
  ASSERT_TRUE(keep_reserve(objects_, "main", random_).ok());
  const auto denied = [&]() -> Result<void> {
    ++tries_;
    return make_error(ErrorKind::kDenied, "permission denied");
  };
  EXPECT_EQ(with_reserve(objects_, "main", denied).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(tries_, 1);
  EXPECT_EQ(stored(), kReserveBytes);
}

}  // namespace
}  // namespace walkback::catalog
