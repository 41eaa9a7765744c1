#include "store/file_store.h"

#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "base/testing/simulated_files.h"

namespace walkback::store {
namespace {

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() { CHECK(files_.make_directory("/srv", 0755).ok()); }

  std::unique_ptr<ObjectStore> open(std::string root = "/srv/backup") {
    return open_file_store(files_, random_, std::move(root)).value();
  }
  std::string names(ObjectStore& store, std::string_view prefix = "") {
    std::string text;
    EXPECT_TRUE(store
                    .list(prefix, "",
                          [&](const ObjectInfo& info) {
                            text += info.key.text() + " ";
                            return true;
                          })
                    .ok());
    return text;
  }
  size_t temporary_files() { return files_.list("/srv/backup/.tmp").value().size(); }
  void make_file(const std::string& path) { ASSERT_TRUE(files_.create(path, 0600).ok()); }

  ManualClock clock_{Timestamp{1'000'000'000'000}};
  SimulatedFiles files_{1, clock_};
  SeededRandom random_{1};
};

TEST_F(FileStoreTest, IsDescribedAsTheUserWouldWriteIt) {
  EXPECT_EQ(open("/srv/backup/")->description(), "file:///srv/backup");
  EXPECT_EQ(open("srv/backup")->description(), "file:///srv/backup");
}

TEST_F(FileStoreTest, OpeningMakesNothingAndTheFirstPutMakesTheDirectory) {
  auto store = open();
  EXPECT_EQ(names(*store), "");
  EXPECT_FALSE(store->get(ObjectKey("a")).value().has_value());
  EXPECT_FALSE(files_.status("/srv/backup").value().has_value());
  ASSERT_TRUE(store->put(ObjectKey("a"), as_bytes("x")).ok());
  EXPECT_EQ(names(*store), "a ");
}

TEST_F(FileStoreTest, ARootThatCannotBeIsRefused) {
  make_file("/srv/file");
  EXPECT_EQ(open_file_store(files_, random_, "/srv/file").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(open_file_store(files_, random_, "/no/backup").error().kind, ErrorKind::kMissing);
}

// A folder was moved to another disk, which is not mounted now.
TEST_F(FileStoreTest, WhatLiesBehindALinkThatLeadsNowhereIsNotAbsent) {
  auto store = open();
  ASSERT_TRUE(store->put(ObjectKey("wal/1/a"), as_bytes("x")).ok());
  ASSERT_TRUE(files_.make_symlink("/mnt/packs", "/srv/backup/packs").ok());
  ASSERT_TRUE(files_.make_symlink("/mnt/b", "/srv/backup/wal/1/b").ok());
  for (const char* key : {"packs/x", "packs/x/y/z", "wal/1/b"}) {
    const Result<std::optional<Bytes>> got = store->get(ObjectKey(key));
    ASSERT_FALSE(got.ok()) << key;
    EXPECT_NE(got.error().message.find("leads nowhere"), std::string::npos) << key;
  }
  EXPECT_FALSE(store->get(ObjectKey("wal/1/c")).value().has_value());
  EXPECT_FALSE(store->get(ObjectKey("wal/2/c/d")).value().has_value());
}

TEST_F(FileStoreTest, ARootThatIsGoneIsNotAnEmptyStore) {
  ASSERT_TRUE(files_.make_directory("/srv/backup", 0755).ok());
  auto store = open();
  EXPECT_EQ(names(*store), "");
  ASSERT_TRUE(files_.remove("/srv/backup").ok());
  ObjectKey key("a");
  Error error = store->get(key).error();
  EXPECT_EQ(error.kind, ErrorKind::kMissing);
  EXPECT_NE(error.hint.find("mounted"), std::string::npos);
  EXPECT_NE(error.message.find("the directory /srv/backup is gone"), std::string::npos);
  EXPECT_EQ(store->list("", "", [](const ObjectInfo&) { return true; }).error().kind,
            ErrorKind::kMissing);
  EXPECT_EQ(store->list_folders("").error().kind, ErrorKind::kMissing);
  EXPECT_EQ(store->remove(key).error().kind, ErrorKind::kMissing);
  EXPECT_EQ(store->put(key, as_bytes("x")).error().kind, ErrorKind::kMissing);
  EXPECT_FALSE(files_.status("/srv/backup").value().has_value())
      << "not made again in another place";
}

TEST_F(FileStoreTest, ARootThatGoesAfterAPutIsGoneToo) {
  auto store = open();
  ASSERT_TRUE(store->put(ObjectKey("a"), as_bytes("x")).ok());
  ASSERT_TRUE(files_.rename("/srv/backup", "/srv/elsewhere").ok());
  EXPECT_EQ(store->get(ObjectKey("a")).error().kind, ErrorKind::kMissing);
  EXPECT_EQ(store->put(ObjectKey("b"), as_bytes("x")).error().kind, ErrorKind::kMissing);
}

TEST_F(FileStoreTest, AFullDiskIsSaidAndLeavesNothing) {
  auto store = open();
  ASSERT_TRUE(store->put(ObjectKey("a"), as_bytes("x")).ok());
  files_.limit_space(5'000);
  Error error = store->put(ObjectKey("c/big"), random_.bytes(10'000)).error();
  EXPECT_EQ(error.kind, ErrorKind::kNoSpace);
  EXPECT_TRUE(error.message.starts_with("storing c/big in file:///srv/backup: ")) << error.message;
  EXPECT_NE(error.hint.find("free space"), std::string::npos);
  EXPECT_EQ(names(*store), "a ");
  EXPECT_EQ(temporary_files(), 0u);
}

TEST_F(FileStoreTest, WithoutPermissionItSaysWhoNeedsIt) {
  ASSERT_TRUE(files_.make_directory("/srv/backup", 0755).ok());
  auto store = open();
  files_.deny("/srv/backup");
  Error error = store->put(ObjectKey("a"), as_bytes("x")).error();
  EXPECT_EQ(error.kind, ErrorKind::kDenied);
  EXPECT_NE(error.hint.find("read and write /srv/backup"), std::string::npos);
  EXPECT_EQ(store->get(ObjectKey("a")).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(store->list("", "", [](const ObjectInfo&) { return true; }).error().kind,
            ErrorKind::kDenied);
}

TEST_F(FileStoreTest, AStreamThatMissedAWriteIsNeverFinished) {
  auto store = open();
  auto writer = store->create(ObjectKey("a")).value();
  ASSERT_TRUE(writer->append(as_bytes("one")).ok());
  files_.fail_next(SimulatedFiles::Operation::kWrite);
  EXPECT_FALSE(writer->append(as_bytes("two")).ok());
  EXPECT_FALSE(writer->append(as_bytes("three")).ok());
  EXPECT_FALSE(writer->finish().ok());
  writer.reset();
  EXPECT_EQ(names(*store), "");
  EXPECT_EQ(temporary_files(), 0u);
}

// After a failed fsync the next one may succeed without the data (fsync(2), "NOTES" of Linux).
TEST_F(FileStoreTest, AFailedSyncIsNotTriedAgainOnTheSameFile) {
  auto store = open();
  auto writer = store->create(ObjectKey("a")).value();
  ASSERT_TRUE(writer->append(as_bytes("one")).ok());
  files_.fail_next(SimulatedFiles::Operation::kSync);
  EXPECT_EQ(writer->finish().error().kind, ErrorKind::kIo);
  EXPECT_FALSE(writer->finish().ok());
  EXPECT_EQ(names(*store), "");
}

TEST_F(FileStoreTest, FilesThatAreNoObjectsAreNotShown) {
  auto store = open();
  ASSERT_TRUE(store->put(ObjectKey("a/b"), as_bytes("x")).ok());
  ASSERT_TRUE(files_.make_directory("/srv/backup/lost+found", 0700).ok());
  make_file("/srv/backup/lost+found/x");
  make_file("/srv/backup/a/.hidden");
  make_file("/srv/backup/a/with space");
  EXPECT_EQ(names(*store), "a/b ");
  EXPECT_EQ(store->list_folders("").value(), std::vector<std::string>{"a"});
  EXPECT_EQ(names(*store, "../"), "");
  EXPECT_EQ(names(*store, "lost+found/"), "");
}

TEST_F(FileStoreTest, AFolderMovedToAnotherPlaceAndLinkedIsStillThere) {
  auto store = open();
  ASSERT_TRUE(store->put(ObjectKey("packs/b"), as_bytes("x")).ok());
  ASSERT_TRUE(files_.rename("/srv/backup/packs", "/srv/packs").ok());
  ASSERT_TRUE(files_.make_symlink("/srv/packs", "/srv/backup/packs").ok());
  EXPECT_EQ(names(*store), "packs/b ");
  EXPECT_TRUE(store->get(ObjectKey("packs/b")).value().has_value());
}

TEST_F(FileStoreTest, AFolderIsNoObjectAndAnObjectNoFolder) {
  auto store = open();
  ASSERT_TRUE(store->put(ObjectKey("a/b"), as_bytes("x")).ok());
  EXPECT_FALSE(store->get(ObjectKey("a")).value().has_value());
  EXPECT_FALSE(store->info(ObjectKey("a")).value().has_value());
  EXPECT_EQ(store->open(ObjectKey("a")).error().kind, ErrorKind::kMissing);
  EXPECT_FALSE(store->get(ObjectKey("a/b/c")).value().has_value());
  EXPECT_TRUE(store->remove(ObjectKey("a")).ok());
  EXPECT_EQ(store->put(ObjectKey("a"), as_bytes("x")).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(store->put(ObjectKey("a/b/c"), as_bytes("x")).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(names(*store), "a/b ");
  EXPECT_EQ(temporary_files(), 0u);
}

TEST_F(FileStoreTest, ReadingPastTheEndNamesObjectAndStore) {
  auto store = open();
  ASSERT_TRUE(store->put(ObjectKey("a/b"), as_bytes("12345")).ok());
  Bytes range(4);
  Error error = store->open(ObjectKey("a/b")).value()->read_at(3, range).error();
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
  EXPECT_EQ(error.message, "a/b in file:///srv/backup has 5 bytes; 4 were expected from offset 3");
}

TEST_F(FileStoreTest, SweepingTakesWhatKilledWritersLeftAndNothingYounger) {
  auto store = open();
  make_file("/srv/stays");
  ASSERT_TRUE(store->put(ObjectKey("a"), as_bytes("x")).ok());
  make_file("/srv/backup/.tmp/old");
  clock_.advance(std::chrono::hours(20));
  make_file("/srv/backup/.tmp/young");
  clock_.advance(std::chrono::hours(5));
  EXPECT_EQ(sweep_temporary_files(files_, "/srv/backup", clock_, std::chrono::hours(24)).value(),
            1u);
  EXPECT_EQ(files_.list("/srv/backup/.tmp").value().at(0).name, "young");
  EXPECT_EQ(names(*store), "a ");
  EXPECT_EQ(sweep_temporary_files(files_, "/srv/none", clock_, std::chrono::hours(24)).value(), 0u);
}

}  // namespace
}  // namespace walkback::store
