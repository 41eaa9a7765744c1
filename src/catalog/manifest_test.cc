#include "catalog/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/seeded_random.h"
#include "store/memory_store.h"

namespace walkback::catalog {
namespace {

using ::testing::HasSubstr;

class ManifestTest : public ::testing::Test {
 protected:
  std::unique_ptr<ManifestWriter> create() {
    return create_manifest(*objects_, random_, layout_, id_, 3).value();
  }
  std::vector<ManifestEntry> read() {
    std::vector<ManifestEntry> entries;
    const auto reader = open_manifest(*objects_, layout_, id_).value();
    while (auto entry = reader->next().value()) entries.push_back(*std::move(entry));
    return entries;
  }
  // A file whose pages lie in so many frames: above a few dozen its map gets an object of its own.
  ManifestFile file(const std::string& name, uint32_t frames) {
    ManifestFile file{name, Place::kDataDirectory, 0600, Timestamp{77}, {}, {3}};
    file.map.file_bytes = uint64_t{frames} << 20;
    for (uint32_t i = 0; i < frames; ++i) {
      repo::Frame frame{{{}, i * 1000, 1000}, 1 << 20, {}, random_.next_u64()};
      random_.fill(frame.hash.bytes);
      file.map.frames.push_back(frame);
      file.map.runs.push_back({i * 128, 128, i, 0});
    }
    return file;
  }

  SeededRandom random_{5};
  std::unique_ptr<store::ObjectStore> objects_ = store::make_memory_store();
  const LineageLayout layout_{"main", pg::SystemIdentifier{7312}};
  const BackupId id_{"20261122T154659Z-3f9a"};
};

TEST_F(ManifestTest, ReadsBackAsItWasWritten) {
  auto writer = create();
  ASSERT_TRUE(writer->add(ManifestDirectory{"base", 0700}).ok());
  ASSERT_TRUE(writer->add(file("base/1", 1)).ok());
  ASSERT_TRUE(writer->add(file("base/2", 60)).ok());
  EXPECT_EQ(writer->finish_maps().value().packs.size(), 1u);
  ManifestConclusion conclusion;
  conclusion.files = 2;
  conclusion.backup_label = "START WAL LOCATION: 0/2000028";
  conclusion.tablespaces = {{16390, "/srv/fast"}};
  ASSERT_TRUE(writer->commit(conclusion).ok());

  const auto entries = read();
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(std::get<ManifestDirectory>(entries[0]).name, "base");
  const auto& small = std::get<ManifestFile>(entries[1]);
  EXPECT_EQ(small.name, "base/1");
  EXPECT_EQ(small.bad_blocks, std::vector<uint32_t>{3});
  const auto& large = std::get<ManifestFile>(entries[2]);
  ASSERT_EQ(large.map.frames.size(), 60u);
  EXPECT_EQ(large.map.frames[59].location.offset, 59'000u);
  EXPECT_EQ(std::get<ManifestConclusion>(entries[3]).tablespaces[0].location, "/srv/fast");
  BackupSummary summary;
  summary.id = id_;
  EXPECT_EQ(read_conclusion(*objects_, layout_, summary)->backup_label, conclusion.backup_label);
}

// A name is bytes to the kernel: somebody's file with a Latin-1 name must not cost the backup.
TEST_F(ManifestTest, NamesNeedNotBeUtf8) {
  const std::string name = "weird\xff.txt";
  auto writer = create();
  ASSERT_TRUE(writer->add(ManifestDirectory{"dir\xe9", 0700}).ok());
  ASSERT_TRUE(writer->add(file(name, 1)).ok());
  ASSERT_TRUE(writer->finish_maps().ok());
  ManifestConclusion conclusion;
  conclusion.tablespaces = {{16390, "/srv/ts\xe9"}};
  ASSERT_TRUE(writer->commit(conclusion).ok());
  const auto entries = read();
  EXPECT_EQ(std::get<ManifestDirectory>(entries[0]).name, "dir\xe9");
  EXPECT_EQ(std::get<ManifestFile>(entries[1]).name, name);
  EXPECT_EQ(std::get<ManifestConclusion>(entries[2]).tablespaces[0].location, "/srv/ts\xe9");
}

TEST_F(ManifestTest, ABackupExistsOnlyOnceItIsCommitted) {
  {
    auto writer = create();
    ASSERT_TRUE(writer->add(file("base/1", 1)).ok());
    ASSERT_TRUE(writer->finish_maps().ok());
  }
  EXPECT_FALSE(objects_->info(layout_.manifest(id_)).value());
  EXPECT_EQ(open_manifest(*objects_, layout_, id_).error().kind, ErrorKind::kMissing);
}

TEST_F(ManifestTest, ANameThatLeadsOutOfTheTargetIsRefused) {
  for (const char* name : {"../etc/passwd", "/etc/passwd", "base/../../x", ""}) {
    objects_ = store::make_memory_store();
    auto writer = create();
    ASSERT_TRUE(writer->add(file(name, 1)).ok());
    ASSERT_TRUE(writer->finish_maps().ok());
    ASSERT_TRUE(writer->commit({}).ok());
    const auto entry = open_manifest(*objects_, layout_, id_).value()->next();
    ASSERT_FALSE(entry.ok()) << name;
    EXPECT_EQ(entry.error().kind, ErrorKind::kCorrupt);
  }
}

TEST_F(ManifestTest, AChangedByteIsNeverBelieved) {
  auto writer = create();
  ASSERT_TRUE(writer->add(file("base/1", 1)).ok());
  ASSERT_TRUE(writer->finish_maps().ok());
  ASSERT_TRUE(writer->commit({}).ok());
  const store::ObjectKey key = layout_.manifest(id_);
  const Bytes good = *objects_->get(key).value();
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= std::byte{1};
    ASSERT_TRUE(objects_->remove(key).ok());
    ASSERT_TRUE(objects_->put(key, bad).ok());
    const auto opened = open_manifest(*objects_, layout_, id_);
    ASSERT_FALSE(opened.ok()) << at;
    EXPECT_THAT(opened.error().message, HasSubstr("manifest.zst"));
  }
}

}  // namespace
}  // namespace walkback::catalog
