#include "catalog/wal_index.h"

#include <gtest/gtest.h>

#include "store/memory_store.h"

namespace walkback::catalog {
namespace {

const store::ObjectKey kKey("wal/1.index.zst");
const WalIndex kIndex{codec::sha256(as_bytes("a segment"))};

TEST(WalIndex, ReadsBack) {
  const auto objects = store::make_memory_store();
  EXPECT_EQ(get_wal_index(*objects, kKey).value(), std::nullopt);
  EXPECT_EQ(put_wal_index(*objects, kKey, kIndex).value(), store::PutOutcome::kCreated);
  EXPECT_EQ(get_wal_index(*objects, kKey).value(), kIndex);
}

TEST(WalIndex, AChangedByteIsNeverBelieved) {
  const auto objects = store::make_memory_store();
  ASSERT_TRUE(put_wal_index(*objects, kKey, kIndex).ok());
  const Bytes good = *objects->get(kKey).value();
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= std::byte{4};
    ASSERT_TRUE(objects->remove(kKey).ok());
    ASSERT_TRUE(objects->put(kKey, bad).ok());
    EXPECT_FALSE(get_wal_index(*objects, kKey).ok()) << at;
  }
}

}  // namespace
}  // namespace walkback::catalog
