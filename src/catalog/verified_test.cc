#include "catalog/verified.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/sealed_message.h"
#include "catalog/verified.pb.h"
#include "store/memory_store.h"

namespace walkback::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class Verified : public testing::Test {
 protected:
  void record(const std::string& name, int64_t proved_at, int64_t damaged_at) {
    proto::verified::Record record;
    proto::verified::Object& object = *record.add_object();
    object.set_name(name);
    object.set_at_unix_us(proved_at);
    object.set_damaged_at_unix_us(damaged_at);
    const store::ObjectKey key(layout.verified_folder() + std::to_string(++records) + ".zst");
    ASSERT_TRUE(put_sealed(*objects, key, repo::SealedKind::kVerified, kVerifiedVersion, 1,
                           record.SerializeAsString())
                    .ok());
  }
  std::map<std::string, Timestamp> damaged() { return found_damaged(*objects, layout).value(); }

  std::unique_ptr<store::ObjectStore> objects = store::make_memory_store();
  LineageLayout layout{"main", pg::SystemIdentifier{7}};
  int records = 0;
};

TEST_F(Verified, WhatWasFoundDamagedIsSoUntilItIsProvedAgain) {
  record("packs/a", 100, 0);
  EXPECT_THAT(damaged(), IsEmpty());
  record("packs/a", 0, 200);
  record("packs/b", 0, 200);
  EXPECT_THAT(damaged(),
              ElementsAre(Pair("packs/a", Timestamp{200}), Pair("packs/b", Timestamp{200})));
  record("packs/a", 300, 0);
  EXPECT_THAT(damaged(), ElementsAre(Pair("packs/b", Timestamp{200})));
}

TEST_F(Verified, ARecordThatCannotBeReadHidesNoOther) {
  record("packs/a", 0, 200);
  ASSERT_TRUE(
      objects->put(store::ObjectKey(layout.verified_folder() + "0.zst"), as_bytes("no record"))
          .ok());
  EXPECT_THAT(damaged(), ElementsAre(Pair("packs/a", Timestamp{200})));
}

}  // namespace
}  // namespace walkback::catalog
