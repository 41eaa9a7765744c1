// Backups whose summary is not what it was.
#include "catalog/backups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/manifest.h"
#include "catalog/testing/scratch_archive.h"

namespace walkback::catalog {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class BackupsTest : public ::testing::Test {
 protected:
  const LineageLayout& layout() { return archive_.wal().layout(); }
  store::ObjectKey summary_key() { return layout().summary(backup_.id); }
  std::string stored() {
    return std::string(as_text(archive_.objects().get(summary_key()).value().value()));
  }
  Result<std::vector<BackupSummary>> list() { return list_backups(archive_.objects(), layout()); }

  ScratchArchive archive_;
  ScratchTimeline timeline_{1};
  const BackupSummary backup_ = archive_.backup(timeline_, 10, 20);
};

TEST_F(BackupsTest, APackIsCountedOnceAndWhoeverStoredIt) {
  BackupSummary first, second, old;
  first.packs = {"packs/1", "packs/2", "maps/1"};
  first.pack_bytes = {100, 200, 3};
  // Of a parent that was pruned, too.
  second.packs = {"packs/2", "packs/7", "maps/2"};
  second.pack_bytes = {200, 400, 5};
  second.bytes_stored = 5;
  EXPECT_EQ(stored_bytes_of(std::vector{first, second}), 100u + 200 + 3 + 400 + 5);
  old.packs = {"packs/9"};
  old.bytes_stored = 1000;
  EXPECT_EQ(stored_bytes_of(std::vector{old, first}), 1303u);
}

TEST_F(BackupsTest, ASummaryWithoutTheSizeOfEachPackIsDamaged) {
  BackupSummary summary = backup_;
  summary.packs = {"packs/1", "packs/2"};
  summary.pack_bytes = {7, 8};
  const auto decoded = decode_summary(as_bytes(encode_summary(summary)), "it");
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(decoded->pack_bytes, summary.pack_bytes);
  summary.pack_bytes = {7};
  EXPECT_THAT(decode_summary(as_bytes(encode_summary(summary)), "it").error().message,
              HasSubstr("the size of each pack"));
}

TEST_F(BackupsTest, ASummaryIsJsonThatEndsWithItsOwnHash) {
  EXPECT_THAT(stored(), AllOf(StartsWith("{\n  \"id\": \"backup-1\",\n"),
                              EndsWith("\"sha256\": \"" + to_hex(backup_.sha256) + "\"\n}\n")));
  const BackupSummary read = list()->front();
  EXPECT_EQ(read.id, backup_.id);
  EXPECT_EQ(read.stop_lsn, backup_.stop_lsn);
  EXPECT_TRUE(read_conclusion(archive_.objects(), layout(), read).ok());
}

TEST_F(BackupsTest, AChangedByteOfASummaryIsNeverBelieved) {
  const std::string good = stored();
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    archive_.overwrite(summary_key(), bad);
    const auto listed = list();
    ASSERT_FALSE(listed.ok()) << at;
    EXPECT_EQ(listed.error().kind, ErrorKind::kCorrupt);
    EXPECT_THAT(listed.error().message, HasSubstr(summary_key().text()));
  }
  archive_.overwrite(summary_key(), std::string_view(good).substr(0, good.size() - 1));
  EXPECT_FALSE(list().ok());
  archive_.overwrite(summary_key(), "");
  EXPECT_FALSE(list().ok());
}

TEST_F(BackupsTest, TheIdInASummaryIsItsFolders) {
  for (const char* id : {"backup-2", "../../other", "", ".", "a b\x1b[2J"}) {
    BackupSummary hostile = backup_;
    hostile.id.text = id;
    archive_.overwrite(summary_key(), make_summary_object(hostile).text);
    const auto listed = list();
    ASSERT_FALSE(listed.ok()) << id;
    EXPECT_EQ(listed.error().kind, ErrorKind::kCorrupt);
    EXPECT_EQ(listed.error().message, summary_key().text() + " is the summary of another backup");
  }
}

// Whoever can write to the repository can make a summary that is whole.
TEST_F(BackupsTest, AnotherWholeSummaryIsNotTheManifests) {
  BackupSummary other = backup_;
  other.stop_lsn = other.stop_lsn + 8;
  archive_.overwrite(summary_key(), make_summary_object(other).text);
  const auto listed = list();
  ASSERT_TRUE(listed.ok());
  const auto read = read_conclusion(archive_.objects(), layout(), listed->front());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr(summary_key().text()));
}

}  // namespace
}  // namespace walkback::catalog
