#include "catalog/manifest_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/seeded_random.h"
#include "store/memory_store.h"

namespace walkback::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class ManifestIndexTest : public ::testing::Test {
 protected:
  ManifestFile file(const std::string& name, uint32_t frames, Place place = Place::kDataDirectory) {
    ManifestFile file{name, place, 0600, Timestamp{77}, {}, {}};
    file.map.file_bytes = uint64_t{frames} << 20;
    for (uint32_t i = 0; i < frames; ++i) {
      repo::Frame frame{{{}, i * 1000, 1000}, 1 << 20, {}, random_.next_u64()};
      random_.fill(frame.hash.bytes);
      file.map.frames.push_back(frame);
      file.map.runs.push_back({i * 128, 128, i, 0});
    }
    return file;
  }
  void commit(const std::vector<ManifestFile>& files) {
    auto writer = create_manifest(*objects_, random_, layout_, summary_.id, 3).value();
    ASSERT_TRUE(writer->add(ManifestDirectory{"base", 0700}).ok());
    for (const ManifestFile& file : files) ASSERT_TRUE(writer->add(file).ok());
    ASSERT_TRUE(writer->finish_maps().ok());
    ManifestConclusion conclusion;
    conclusion.files = files.size();
    conclusion.packs = {{repo::PackId{}, false, 61'000}};
    ASSERT_TRUE(writer->commit(conclusion).ok());
  }
  Result<ManifestIndex> load() { return ManifestIndex::load(*objects_, layout_, summary_); }

  SeededRandom random_{5};
  std::unique_ptr<store::ObjectStore> objects_ = store::make_memory_store();
  const LineageLayout layout_{"main", pg::SystemIdentifier{7312}};
  BackupSummary summary_{.id = {"20261122T154659Z-3f9a"}};
};

TEST_F(ManifestIndexTest, EveryFileIsFoundWithItsMap) {
  ManifestFile large = file("base/5/16384", 60);
  large.bad_blocks = {3, 9};
  commit({large, file("base/5/16385", 1), file("empty", 0),
          file("postgresql.conf", 1, Place::kConfiguration)});
  const ManifestIndex index = load().value();
  const ManifestRecord found = index.find(Place::kDataDirectory, "base/5/16384").value();
  EXPECT_EQ(found.mode, 0600u);
  EXPECT_EQ(found.modified.unix_us, 77);
  EXPECT_EQ(found.file_bytes, uint64_t{60} << 20);
  EXPECT_THAT(found.bad_blocks, ElementsAre(3, 9));
  EXPECT_EQ(index.map_of(found).value().frames[59].location.offset, 59'000u);
  const ManifestRecord small = index.find(Place::kDataDirectory, "base/5/16385").value();
  EXPECT_EQ(index.map_of(small).value().runs.size(), 1u);
  EXPECT_EQ(index.map_of(index.find(Place::kDataDirectory, "empty").value()).value().file_bytes,
            0u);
  EXPECT_TRUE(index.find(Place::kConfiguration, "postgresql.conf").has_value());
  EXPECT_FALSE(index.find(Place::kDataDirectory, "postgresql.conf").has_value());
  EXPECT_FALSE(index.find(Place::kDataDirectory, "base/5/1638").has_value());
}

TEST_F(ManifestIndexTest, WhatWasNotMarkedIsLeft) {
  commit({file("a", 1), file("b", 1), file("c", 60)});
  ManifestIndex index = load().value();
  index.mark(Place::kDataDirectory, "b");
  index.mark(Place::kDataDirectory, "never there");
  std::vector<std::string> left;
  ASSERT_TRUE(index
                  .for_each_unmarked([&](const ManifestRecord& record) -> Result<void> {
                    left.push_back(record.name);
                    return success();
                  })
                  .ok());
  EXPECT_THAT(left, UnorderedElementsAre("a", "c"));
}

TEST_F(ManifestIndexTest, ARecordTakenOverNeedsItsMapsPack) {
  commit({file("base/5/16384", 60), file("base/5/16385", 1)});
  const ManifestIndex parent = load().value();
  ASSERT_EQ(parent.conclusion().packs.size(), 2u) << "one of pages, one of maps";
  summary_.id.text = "20261122T164659Z-3f9a";
  auto writer = create_manifest(*objects_, random_, layout_, summary_.id, 3).value();
  for (const char* name : {"base/5/16384", "base/5/16385"}) {
    ASSERT_TRUE(writer->add(*parent.find(Place::kDataDirectory, name)).ok());
  }
  const ManifestWriter::MapsStored maps = writer->finish_maps().value();
  EXPECT_EQ(maps.bytes, 0u);
  ASSERT_EQ(maps.packs.size(), 1u);
  ASSERT_TRUE(writer->commit({}).ok());
  const ManifestIndex index = load().value();
  EXPECT_EQ(index.conclusion().packs[0].id, maps.packs[0].id);
  const ManifestRecord taken = index.find(Place::kDataDirectory, "base/5/16384").value();
  EXPECT_EQ(index.map_of(taken).value().frames.size(), 60u);
}

TEST_F(ManifestIndexTest, ThousandsOfNamesAreToldApart) {
  std::vector<ManifestFile> files;
  for (int i = 0; i < 3000; ++i) files.push_back(file("base/5/" + std::to_string(i), 0));
  commit(files);
  const ManifestIndex index = load().value();
  for (const ManifestFile& file : files) {
    EXPECT_EQ(index.find(file.place, file.name).value().name, file.name);
  }
}

}  // namespace
}  // namespace walkback::catalog
