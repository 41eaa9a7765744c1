#include "catalog/stored_objects.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "catalog/layout.h"
#include "store/memory_store.h"

namespace walkback::catalog {
namespace {

const LineageLayout kLayout("main", pg::SystemIdentifier{7312});
const BackupId kBackup{"20261122T154659Z-3f9a"};
constexpr std::string_view kSegment = "00000001000000000000000A";

TEST(StoredObjects, EveryNameOfTheLayoutHasItsClass) {
  const std::pair<std::string, StoredClass> names[] = {
      {kLayout.pack_prefix() + "/ab/abcd.zst", StoredClass::kPacks},
      {kLayout.map_prefix() + "/ab/abcd.zst", StoredClass::kMaps},
      {kLayout.manifest(kBackup).text(), StoredClass::kManifests},
      {kLayout.summary(kBackup).text(), StoredClass::kManifests},
      {kLayout.names(kBackup).text(), StoredClass::kNames},
      {kLayout.backups_folder() + kBackup.text + "/keep.a1b2.json", StoredClass::kCoordination},
      {kLayout.wal_file(kSegment).text(), StoredClass::kWal},
      {kLayout.wal_file("00000002.history").text(), StoredClass::kWal},
      {kLayout.wal_index(kSegment).text(), StoredClass::kWalIndexes},
      {kLayout.wal_settings(kSegment).text(), StoredClass::kWalIndexes},
      {events_folder("main") + "20261122T154659Z-3f9a.end.json", StoredClass::kEvents},
      {kLayout.verified_folder() + "20261122T154659Z-3f9a-0001.zst", StoredClass::kProofs},
      {kLayout.drill("20261122T154659Z-3f9a").text(), StoredClass::kProofs},
      {kLayout.reservation(pg::TimelineId{2}).text(), StoredClass::kCoordination},
      {"clusters/main/leases/a.0001.json", StoredClass::kCoordination},
      {"clusters/main/claims/backup/20261126T020000Z-0.json", StoredClass::kCoordination},
      {kLayout.lineage().text(), StoredClass::kOther},
  };
  for (const auto& [name, expected] : names) {
    EXPECT_EQ(stored_class_of(name), expected) << name;
  }
}

TEST(StoredObjects, AreSummedForOneClusterOnly) {
  const auto objects = store::make_memory_store();
  const auto put = [&](const store::ObjectKey& key, size_t size) {
    ASSERT_TRUE(objects->put(key, Bytes(size)).ok());
  };
  put(store::ObjectKey(kLayout.pack_prefix() + "/ab/a.zst"), 200'000);
  put(store::ObjectKey(kLayout.pack_prefix() + "/ab/b.zst"), 31'072);
  put(kLayout.wal_file(kSegment), 5'000);
  put(LineageLayout("other", pg::SystemIdentifier{1}).wal_file(kSegment), 7'000);

  const auto sums = sum_stored_objects(*objects, "main");
  ASSERT_TRUE(sums.ok());
  EXPECT_EQ((*sums)[StoredClass::kPacks].objects, 2U);
  EXPECT_EQ((*sums)[StoredClass::kPacks].bytes, 231'072U);
  EXPECT_EQ((*sums)[StoredClass::kPacks].short_of_minimum, 100'000U);
  EXPECT_EQ((*sums)[StoredClass::kWal].bytes, 5'000U);
  EXPECT_EQ(sums->all().objects, 3U);
  EXPECT_EQ(sums->all().bytes, 236'072U);
}

TEST(StoredObjects, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (const StoredClass kind : all_stored_classes()) names.insert(stored_class_name(kind));
  EXPECT_EQ(names.size(), kStoredClasses);
}

}  // namespace
}  // namespace walkback::catalog
