#include "backup/shared_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/testing/seeded_random.h"
#include "store/memory_store.h"

namespace walkback::backup {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr pg::Lsn kStop{2'000'000};

class SharedManifestTest : public ::testing::Test {
 protected:
  static pipeline::CopiedFile file(const std::string& name) {
    pipeline::CopiedFile file;
    file.source.name = name;
    return file;
  }
  // What the manifest holds in the end: files and their bad blocks, in its order.
  std::vector<std::pair<std::string, std::vector<uint32_t>>> committed() {
    EXPECT_TRUE(manifest_->finish_maps().ok());
    EXPECT_TRUE(manifest_->commit({}).ok());
    std::vector<std::pair<std::string, std::vector<uint32_t>>> files;
    const auto reader = catalog::open_manifest(*objects_, layout_, id_).value();
    while (auto entry = reader->next().value()) {
      if (const auto* file = std::get_if<catalog::ManifestFile>(&*entry)) {
        files.emplace_back(file->name, file->bad_blocks);
      }
    }
    return files;
  }

  SeededRandom random_{5};
  std::unique_ptr<store::ObjectStore> objects_ = store::make_memory_store();
  const catalog::LineageLayout layout_{"main", pg::SystemIdentifier{7312}};
  const catalog::BackupId id_{"20261122T154659Z-3f9a"};
  std::unique_ptr<catalog::ManifestWriter> manifest_ =
      catalog::create_manifest(*objects_, random_, layout_, id_, 3).value();
  SharedManifest shared_{*manifest_, nullptr, 32 << 20, silent_progress()};
};

TEST_F(SharedManifestTest, APageFromBehindTheBackupsStopIsBad) {
  pipeline::CopiedFile damaged = file("base/5/16384");
  damaged.bad_blocks = {7};
  damaged.doubtful_blocks = {{3, kStop + 1}, {4, kStop}, {9, kStop + 100}};
  ASSERT_TRUE(shared_.accept(damaged).ok());
  ASSERT_TRUE(shared_.accept(file("base/5/16385")).ok());
  ASSERT_TRUE(shared_.settle(kStop).ok());
  EXPECT_THAT(committed(), ElementsAre(testing::Pair("base/5/16385", IsEmpty()),
                                       testing::Pair("base/5/16384", ElementsAre(3, 7, 9))));
  ASSERT_EQ(shared_.bad_pages().size(), 3u);
  EXPECT_EQ(shared_.bad_pages()[0].file, "base/5/16384");
  EXPECT_EQ(shared_.bad_pages()[0].block, 3u);
}

TEST_F(SharedManifestTest, APageThatReplayMendsIsNotBad) {
  pipeline::CopiedFile torn = file("base/5/16384");
  torn.doubtful_blocks = {{3, kStop}};
  torn.map.file_bytes = 0;
  ASSERT_TRUE(shared_.accept(torn).ok());
  EXPECT_EQ(shared_.files(), 0u) << "it waits";
  ASSERT_TRUE(shared_.settle(kStop).ok());
  EXPECT_EQ(shared_.files(), 1u);
  EXPECT_THAT(shared_.bad_pages(), IsEmpty());
  EXPECT_THAT(committed(), ElementsAre(testing::Pair("base/5/16384", IsEmpty())));
}

// A file of one frame, in the pack called by `pack`.
pipeline::CopiedFile in_pack(const std::string& name, uint8_t pack, uint32_t stored_bytes) {
  pipeline::CopiedFile file;
  file.source.name = name;
  file.map.file_bytes = 8192;
  repo::Frame frame;
  frame.location.pack.bytes[0] = std::byte{pack};
  frame.location.length = stored_bytes;
  frame.content_bytes = 8192;
  file.map.frames = {frame};
  file.map.runs = {{0, 1, 0, 0}};
  return file;
}

TEST_F(SharedManifestTest, PacksAreCountedAsFarAsTheyAreOfUse) {
  ASSERT_TRUE(shared_.accept(in_pack("stays", 1, 100)).ok());
  ASSERT_TRUE(shared_.accept(in_pack("changes", 1, 30)).ok());
  ASSERT_TRUE(shared_.accept(in_pack("goes", 1, 7)).ok());
  ASSERT_TRUE(shared_.accept(in_pack("goes too", 2, 50)).ok());
  ASSERT_TRUE(shared_.settle(kStop).ok());
  ASSERT_TRUE(manifest_->finish_maps().ok());
  catalog::ManifestConclusion conclusion;
  conclusion.packs = shared_.packs();
  ASSERT_TRUE(manifest_->commit(conclusion).ok());

  catalog::BackupSummary summary;
  summary.id = id_;
  Parent parent{summary, catalog::ManifestIndex::load(*objects_, layout_, summary).value(), {}};
  const catalog::BackupId next{"20261122T164659Z-3f9a"};
  const auto manifest = catalog::create_manifest(*objects_, random_, layout_, next, 3).value();
  SharedManifest shared(*manifest, &parent, 32 << 20, silent_progress());
  ASSERT_TRUE(shared.take_over(*parent.files.find(catalog::Place::kDataDirectory, "stays")).ok());
  pipeline::CopiedFile changed = in_pack("changes", 3, 40);
  changed.parent = in_pack("changes", 1, 30).map;
  ASSERT_TRUE(shared.accept(changed).ok());
  ASSERT_TRUE(shared.settle(kStop).ok());
  std::map<std::byte, uint64_t> live;
  for (const catalog::ManifestPack& pack : shared.packs()) {
    live[pack.id.bytes[0]] = pack.live_bytes;
  }
  EXPECT_THAT(live, ElementsAre(testing::Pair(std::byte{1}, 100), testing::Pair(std::byte{3}, 40)));
  EXPECT_EQ(shared.files(), 2u);
  EXPECT_EQ(shared.bytes(), 2 * 8192u);
}

TEST_F(SharedManifestTest, AnUnexplainedChangeIsOneUnlessItIsReplayed) {
  pipeline::CopiedFile changed = file("base/5/16384");
  changed.unexplained = {{3, pg::Lsn{5}, false}, {9, kStop, true}};
  ASSERT_TRUE(shared_.accept(changed).ok());
  changed = file("base/5/16385");
  changed.unexplained = {{4, kStop + 1, true}};
  ASSERT_TRUE(shared_.accept(changed).ok());
  EXPECT_EQ(shared_.unexplained().count, 1u);
  ASSERT_TRUE(shared_.settle(kStop).ok());
  ASSERT_EQ(shared_.unexplained().count, 2u);
  EXPECT_EQ(shared_.unexplained().named[0].file, "base/5/16384");
  EXPECT_EQ(shared_.unexplained().named[0].block, 3u);
  EXPECT_EQ(shared_.unexplained().named[0].lsn, pg::Lsn{5});
  EXPECT_EQ(shared_.unexplained().named[1].file, "base/5/16385");
}

TEST_F(SharedManifestTest, ManyUnexplainedChangesAreCountedAndSomeNamed) {
  pipeline::CopiedFile changed = file("base/5/16384");
  for (uint32_t block = 0; block < 1500; ++block) {
    changed.unexplained.push_back({block, pg::Lsn{5}, false});
  }
  ASSERT_TRUE(shared_.accept(changed).ok());
  EXPECT_EQ(shared_.unexplained().count, 1500u);
  EXPECT_EQ(shared_.unexplained().named.size(), 1000u);
}

TEST_F(SharedManifestTest, AFileThatIsAsItsParentsKeepsItsMap) {
  ASSERT_TRUE(shared_.accept(in_pack("16384", 1, 100)).ok());
  ASSERT_TRUE(shared_.settle(kStop).ok());
  ASSERT_TRUE(manifest_->finish_maps().ok());
  catalog::ManifestConclusion conclusion;
  conclusion.packs = shared_.packs();
  ASSERT_TRUE(manifest_->commit(conclusion).ok());

  catalog::BackupSummary summary;
  summary.id = id_;
  summary.start_lsn = pg::Lsn{1000};
  Parent parent{summary, catalog::ManifestIndex::load(*objects_, layout_, summary).value(), {}};
  const catalog::BackupId next{"20261122T164659Z-3f9a"};
  const auto manifest = catalog::create_manifest(*objects_, random_, layout_, next, 3).value();
  SharedManifest shared(*manifest, &parent, 32 << 20, silent_progress());
  pipeline::CopiedFile same = in_pack("16384", 1, 100);
  same.parent = same.map;
  same.is_as_parent = true;
  same.bad_blocks = {0};
  same.source.mode = 0640;
  same.unexplained = {{0, pg::Lsn{1001}, false}, {0, pg::Lsn{1000}, false}};
  ASSERT_TRUE(shared.accept(same).ok());
  ASSERT_TRUE(shared.settle(kStop).ok());
  EXPECT_EQ(shared.files(), 1u);
  ASSERT_EQ(shared.packs().size(), 1u);
  EXPECT_EQ(shared.packs()[0].live_bytes, 100u);
  EXPECT_TRUE(shared.unexplained().named[0].since_parent);
  EXPECT_FALSE(shared.unexplained().named[1].since_parent);
  ASSERT_TRUE(manifest->finish_maps().ok());
  ASSERT_TRUE(manifest->commit({}).ok());
  const auto reader = catalog::open_manifest(*objects_, layout_, next).value();
  const auto entry = reader->next().value();
  const auto& written = std::get<catalog::ManifestFile>(*entry);
  EXPECT_THAT(written.bad_blocks, ElementsAre(0));
  EXPECT_EQ(written.mode, 0640u);
  EXPECT_EQ(written.map.frames.size(), 1u);
}

}  // namespace
}  // namespace walkback::backup
