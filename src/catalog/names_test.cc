#include "catalog/names.h"

#include <gtest/gtest.h>

#include "store/memory_store.h"

namespace walkback::catalog {
namespace {

const store::ObjectKey kKey("backups/20261122T154659Z-3f9a/names.zst");

Names shop() {
  const NamedRelation payments{16384, "payments", 1663, 16390, 'r', 203'550, 16380};
  const NamedRelation toast{16387, "pg_toast_16384", 4'294'967'295, 16387, 't', -1};
  return {{{5,
            "shop",
            1663,
            {{2200, "public", {payments, toast}}, {2201, std::string(63, '\xFF'), {}}}},
           {1, "template1", 1663, {}}},
          {"billing"}};
}

TEST(Names, ReadBackAsTheyWereSaved) {
  const auto objects = store::make_memory_store();
  ASSERT_TRUE(put_names(*objects, kKey, shop()).ok());
  EXPECT_EQ(get_names(*objects, kKey).value(), shop());
}

TEST(Names, PiecesOfADatabaseAreReadAsOne) {
  const auto objects = store::make_memory_store();
  auto writer = create_names(*objects, kKey).value();
  const NamedDatabase whole = shop().databases[0];
  for (size_t i = 0; i < 2; ++i) {
    NamedDatabase piece = whole;
    piece.schemas[0].relations = {whole.schemas[0].relations[i]};
    if (i == 1) piece.schemas.pop_back();
    ASSERT_TRUE(writer->add(piece).ok());
  }
  ASSERT_TRUE(writer->add(shop().databases[1]).ok());
  ASSERT_TRUE(writer->add_not_asked("billing").ok());
  EXPECT_EQ(get_names(*objects, kKey).error().kind, ErrorKind::kMissing) << "not finished";
  ASSERT_TRUE(writer->finish().ok());
  EXPECT_EQ(get_names(*objects, kKey).value(), shop());
}

TEST(Names, OfABackupWithoutAreMissing) {
  const auto objects = store::make_memory_store();
  EXPECT_EQ(get_names(*objects, kKey).error().kind, ErrorKind::kMissing);
}

TEST(Names, AChangedByteIsNeverBelieved) {
  const auto objects = store::make_memory_store();
  ASSERT_TRUE(put_names(*objects, kKey, shop()).ok());
  const Bytes good = *objects->get(kKey).value();
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= std::byte{4};
    const auto damaged = store::make_memory_store();
    ASSERT_TRUE(damaged->put(kKey, bad).ok());
    EXPECT_FALSE(get_names(*damaged, kKey).ok()) << at;
  }
}

}  // namespace
}  // namespace walkback::catalog
