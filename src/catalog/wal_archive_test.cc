#include "catalog/wal_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/seeded_random.h"
#include "catalog/layout.h"
#include "codec/frame_stream.h"
#include "repo/encrypted_store.h"
#include "store/memory_store.h"
#include "store/testing/forwarding_store.h"
#include "wal/names.h"
#include "wal/test_log.h"

namespace walkback::catalog {
namespace {

using ::testing::HasSubstr;
using wal::TestLog;

// A file whose bytes are those of a test.
class BytesFile final : public File {
 public:
  explicit BytesFile(Bytes content) : content_(std::move(content)) {}
  Result<size_t> read_at(uint64_t offset, MutableBytes out) override {
    const size_t size =
        offset >= content_.size() ? 0 : std::min(out.size(), content_.size() - offset);
    std::copy_n(content_.begin() + static_cast<ptrdiff_t>(offset), size, out.begin());
    return size;
  }
  Result<void> write_at(uint64_t, ByteView) override { return success(); }
  Result<void> truncate(uint64_t) override { return success(); }
  // What the server's own stat said; the file may be shorter by now.
  Result<uint64_t> size() override { return stated_size_.value_or(content_.size()); }
  Result<void> sync() override { return success(); }
  void start_writeback(uint64_t, uint64_t) override {}
  void forget_cached(uint64_t, uint64_t) override {}

  std::optional<uint64_t> stated_size_;

 private:
  const Bytes content_;
};

Bytes segment(uint8_t filler) {
  TestLog log;
  for (int i = 0; i < 200; ++i) log.append(10, filler, 700, Bytes(300, std::byte{filler}));
  return log.segment(1);
}

class WalArchiveTest : public ::testing::Test {
 protected:
  static constexpr std::string_view kName = "000000010000000000000001";

  static Lineage lineage() { return {TestLog::kSystem, 15, TestLog::kSegmentBytes, {}}; }
  WalArchive archive() { return {*objects_, "main", lineage()}; }
  Result<WalArchive::PutReport> put(Bytes content, std::string_view name = kName) {
    BytesFile file(std::move(content));
    return archive().put(name, file, 3, 2);
  }
  static pg::SegmentName segment_name() {
    return pg::SegmentName::parse(kName, TestLog::kSegmentBytes).value();
  }
  // A host that has its own key and nobody else's.
  void encrypt() {
    SeededRandom keys(1);
    const crypto::Identity host = crypto::Identity::generate(keys);
    objects_ =
        repo::make_encrypted_store(store::make_memory_store(),
                                   {.recipients = {crypto::Identity::generate(keys).recipient()},
                                    .hosts = {host.recipient()},
                                    .identities = {host}},
                                   protection_of, random_);
  }

  SeededRandom random_{7};
  std::unique_ptr<store::ObjectStore> objects_ = store::make_memory_store();
};

TEST_F(WalArchiveTest, ASegmentReadsBackAsItWas) {
  ASSERT_FALSE(put(segment(0x10)).value().already_there);
  EXPECT_EQ(*archive().get(kName).value(), segment(0x10));
}

TEST_F(WalArchiveTest, TheSameBytesAgainAreThereAlready) {
  ASSERT_TRUE(put(segment(0x10)).ok());
  EXPECT_TRUE(put(segment(0x10)).value().already_there);
}

TEST_F(WalArchiveTest, OtherBytesOfOneNameAreRefusedAndNothingIsOverwritten) {
  ASSERT_TRUE(put(segment(0x10)).ok());
  const auto refused = put(segment(0x20));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(*archive().get(kName).value(), segment(0x10));
}

TEST_F(WalArchiveTest, AFileThatIsCutWhileItIsReadIsNotArchived) {
  Bytes cut = segment(0x10);
  cut.resize(cut.size() / 2);
  BytesFile file(cut);
  file.stated_size_ = TestLog::kSegmentBytes;
  const auto refused = archive().put(kName, file, 3, 2);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("shorter"));
  EXPECT_FALSE(archive().has(kName).value());
}

TEST_F(WalArchiveTest, ASegmentOfAnotherNameOrSizeIsRefused) {
  EXPECT_EQ(put(segment(0x10), "000000010000000000000002").error().kind, ErrorKind::kInvalid);
  Bytes longer = segment(0x10);
  longer.resize(longer.size() + 1);
  EXPECT_EQ(put(longer).error().kind, ErrorKind::kInvalid);
}

TEST_F(WalArchiveTest, AHostWithoutThePrivateKeyTellsSameBytesFromOthers) {
  encrypt();
  ASSERT_FALSE(put(segment(0x10)).value().already_there);
  EXPECT_EQ(archive().get(kName).error().kind, ErrorKind::kDenied);
  EXPECT_TRUE(put(segment(0x10)).value().already_there);
  EXPECT_EQ(put(segment(0x20)).error().kind, ErrorKind::kConflict);
}

TEST_F(WalArchiveTest, SaysWhetherItHoldsAContentWithAndWithoutTheKey) {
  for (bool encrypted : {false, true}) {
    if (encrypted) encrypt();
    BytesFile same(segment(0x10));
    EXPECT_FALSE(archive().holds(kName, same).value());
    ASSERT_TRUE(put(segment(0x10)).ok());
    EXPECT_TRUE(archive().holds(kName, same).value());
    BytesFile other(segment(0x20));
    EXPECT_FALSE(archive().holds(kName, other).value());
  }
}

// Nothing then says what the stored bytes are: they are not taken for these.
TEST_F(WalArchiveTest, WithoutItsIndexAndThePrivateKeyASegmentIsNotTakenForAnother) {
  encrypt();
  ASSERT_TRUE(put(segment(0x10)).ok());
  const store::ObjectKey index = archive().layout().wal_index(kName);
  for (const bool damaged : {false, true}) {
    ASSERT_TRUE(objects_->remove(index).ok());
    if (damaged) {
      ASSERT_TRUE(objects_->put(index, as_bytes("no index")).ok());
    }
    for (const uint8_t fill : {0x20, 0x10, 0x20}) {
      const auto refused = put(segment(fill));
      ASSERT_FALSE(refused.ok());
      EXPECT_EQ(refused.error().kind, ErrorKind::kDenied);
      EXPECT_THAT(refused.error().hint, HasSubstr("index --rebuild"));
    }
  }
}

TEST_F(WalArchiveTest, ADamagedIndexDoesNotHoldUpArchiving) {
  for (const bool encrypted : {false, true}) {
    if (encrypted) encrypt();
    ASSERT_TRUE(objects_->put(archive().layout().wal_index(kName), as_bytes("no index")).ok());
    EXPECT_FALSE(put(segment(0x10)).value().already_there);
    EXPECT_TRUE(put(segment(0x10)).value().already_there);
    EXPECT_TRUE(archive().summary(segment_name()).value());
  }
}

// A push that lags behind: a checkpoint removed the segment before when that was archived.
TEST_F(WalArchiveTest, WithoutTheSegmentBeforeItsIndexSaysHowItEnds) {
  for (const bool encrypted : {false, true}) {
    if (encrypted) encrypt();
    TestLog log;
    const wal::RelationLocator payments{1663, 5, 16384};
    const Bytes row(3000, std::byte{7});
    while (log.position().value < 2u * TestLog::kSegmentBytes) {
      log.append_block(wal::kHeapRmgr, wal::kHeapInsert, 700, payments, 77, Bytes(3), row);
    }
    ASSERT_TRUE(put(log.segment(1)).ok());
    ASSERT_TRUE(put(log.segment(2), log.name(2).text(TestLog::kSegmentBytes)).ok());
    const auto summary = archive().summary(log.name(2)).value();
    EXPECT_TRUE(summary->first_record_unknown);
    EXPECT_TRUE(summary->says_all_blocks());
    ASSERT_EQ(summary->changed.size(), 1u);
    EXPECT_EQ(summary->changed[0].blocks, std::vector<uint32_t>{77});
  }
}

TEST_F(WalArchiveTest, OfTheSegmentBeforeOnlyItsEndsAreDecoded) {
  constexpr size_t kTail = 32 << 10;
  const Bytes content = segment(0x10);
  std::vector<Bytes> frames = codec::encode_stream(content, 64 << 10, 3, 1);
  Bytes stored;
  for (size_t i = 0; i < frames.size(); ++i) {
    const bool is_end = i == 0 || i + 1 == frames.size();
    if (!is_end) frames[i].back() ^= std::byte{1};  // of its checksum
    stored.insert(stored.end(), frames[i].begin(), frames[i].end());
  }
  ASSERT_TRUE(objects_->put(archive().layout().wal_file(kName), stored).ok());
  EXPECT_EQ(archive().get(kName).error().kind, ErrorKind::kCorrupt);

  const WalArchive wal = archive();
  Bytes out(content.size());
  ASSERT_TRUE(wal.stored_neighbour()(std::string(kName), kTail, out));
  EXPECT_TRUE(std::equal(content.begin(), content.begin() + wal::kWalPageBytes, out.begin()));
  EXPECT_TRUE(std::equal(content.end() - kTail, content.end(), out.end() - kTail));
  EXPECT_FALSE(wal.stored_neighbour()(std::string(kName), content.size(), out));
}

// Takes all but indexes, as a bucket whose rules say so.
class NoIndexes : public store::ForwardingStore {
 public:
  NoIndexes(store::ObjectStore& inner, ErrorKind kind) : ForwardingStore(inner), kind_(kind) {}

 protected:
  Result<void> before(std::string_view key) override {
    if (key.find(".index") == std::string_view::npos) return success();
    return make_error(kind_, std::string(key));
  }

 private:
  const ErrorKind kind_;
};

TEST_F(WalArchiveTest, AnIndexThatIsNotTakenDoesNotHoldUpArchiving) {
  NoIndexes refusing(*objects_, ErrorKind::kDenied);
  WalArchive archive(refusing, "main", lineage());
  BytesFile file(segment(0x10));
  const auto report = archive.put(kName, file, 3, 2);
  ASSERT_TRUE(report.ok());
  ASSERT_TRUE(report->not_indexed);
  EXPECT_EQ(report->not_indexed->kind, ErrorKind::kDenied);
  EXPECT_EQ(*archive.get(kName).value(), segment(0x10));
  EXPECT_FALSE(archive.segments({1}).value().at(0).has_index);
}

// The server asks again, and then there is an index as well.
TEST_F(WalArchiveTest, AnIndexThatCouldNotBePutJustNowIsWaitedFor) {
  NoIndexes busy(*objects_, ErrorKind::kTransient);
  BytesFile file(segment(0x10));
  EXPECT_EQ(WalArchive(busy, "main", lineage()).put(kName, file, 3, 2).error().kind,
            ErrorKind::kTransient);
  EXPECT_FALSE(archive().has(kName).value());
}

TEST_F(WalArchiveTest, AnIndexIsMadeAgainFromItsSegment) {
  ASSERT_TRUE(put(segment(0x10)).ok());
  const auto before = archive().summary(segment_name()).value();
  ASSERT_TRUE(before);
  const store::ObjectKey index = archive().layout().wal_index(kName);
  ASSERT_TRUE(objects_->remove(index).ok());
  EXPECT_EQ(archive().summary(segment_name()).value(), std::nullopt);
  ASSERT_TRUE(archive().remake_index(segment_name()).ok());
  EXPECT_EQ(archive().summary(segment_name()).value(), before);
  EXPECT_TRUE(put(segment(0x10)).value().already_there);
  encrypt();
  ASSERT_TRUE(put(segment(0x10)).ok());
  EXPECT_EQ(archive().remake_index(segment_name()).error().kind, ErrorKind::kDenied);
  EXPECT_TRUE(archive().summary(segment_name()).value()) << "nothing was removed";
}

TEST_F(WalArchiveTest, ASegmentInWhichSettingsChangeIsMarked) {
  for (const bool encrypted : {false, true}) {
    if (encrypted) encrypt();
    TestLog log;
    log.append(100);
    log.append(wal::kXlogRmgr, wal::kXlogParameterChange, 0, Bytes(28));
    ASSERT_TRUE(put(log.segment(1)).ok());
    EXPECT_TRUE(archive().segments({1}).value().at(0).changes_settings);
    EXPECT_TRUE(put(log.segment(1)).value().already_there);
  }
}

TEST_F(WalArchiveTest, AMarkIsMadeWithTheIndexAgain) {
  TestLog log;
  log.append(wal::kXlogRmgr, wal::kXlogParameterChange, 0, Bytes(28));
  ASSERT_TRUE(put(log.segment(1)).ok());
  ASSERT_TRUE(objects_->remove(archive().layout().wal_settings(kName)).ok());
  EXPECT_FALSE(archive().segments({1}).value().at(0).changes_settings);
  ASSERT_TRUE(archive().remake_index(segment_name()).ok());
  EXPECT_TRUE(archive().segments({1}).value().at(0).changes_settings);
}

TEST_F(WalArchiveTest, OtherSegmentsAreNotMarked) {
  ASSERT_TRUE(put(segment(0x10)).ok());
  EXPECT_FALSE(archive().segments({1}).value().at(0).changes_settings);
  EXPECT_EQ(objects_->info(archive().layout().wal_settings(kName)).value(), std::nullopt);
}

TEST_F(WalArchiveTest, APushThatEndedBetweenIndexAndSegmentGoesOn) {
  encrypt();
  ASSERT_TRUE(put(segment(0x10)).ok());
  ASSERT_TRUE(objects_->remove(archive().layout().wal_file(kName)).ok());
  EXPECT_FALSE(put(segment(0x10)).value().already_there);
  EXPECT_TRUE(archive().has(kName).value());
}

TEST_F(WalArchiveTest, AnIndexIsNoSegmentOfTheListing) {
  encrypt();
  ASSERT_TRUE(put(segment(0x10)).ok());
  const auto segments = archive().segments({1}).value();
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0].name.text(TestLog::kSegmentBytes), kName);
}

TEST_F(WalArchiveTest, AHistoryFileIsReadByTheHost) {
  encrypt();
  const std::string_view text = "1\t0/3000000\tno recovery target specified\n";
  ASSERT_TRUE(put(to_bytes(as_bytes(text)), "00000002.history").ok());
  EXPECT_EQ(archive().history({2}).value().timeline().value, 2u);
  EXPECT_TRUE(put(to_bytes(as_bytes(text)), "00000002.history").value().already_there);
}

}  // namespace
}  // namespace walkback::catalog
