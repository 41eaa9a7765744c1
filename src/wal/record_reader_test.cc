#include "wal/record_reader.h"

#include <gmock/gmock.h>

#include "wal/test_log.h"

namespace walkback::wal {
namespace {

using testing::ElementsAre;

constexpr uint32_t kSegment = TestLog::kSegmentBytes;

class RecordReaderTest : public testing::Test {
 protected:
  // Reads segment `number` to its end; records' starts go to starts_.
  Outcome read(uint64_t number, size_t bytes = kSegment) {
    reader_.feed(log_.name(number), ByteView(log_.segment(number)).first(bytes));
    return drain();
  }
  Outcome drain() {
    Record record;
    Outcome outcome;
    while ((outcome = reader_.next(record)) == Outcome::kRecord) {
      starts_.push_back(record.start);
      sizes_.push_back(record.total_bytes());
      ends_.push_back(record.end);
    }
    return outcome;
  }
  // Until the log's position is `left` bytes before the end of a segment.
  void fill_to(uint64_t segment, size_t left) {
    const pg::Lsn goal{(segment + 1) * kSegment - left};
    while (goal - log_.position() > 3000) log_.append(2000);
    while (goal - log_.position() >= 64) log_.append(6);  // 32 bytes
    log_.append(goal - log_.position() - kRecordHeaderBytes - 2);
    ASSERT_EQ(log_.position(), goal);
  }

  TestLog log_;
  RecordReader reader_{{kSegment, TestLog::kSystem, 15}};
  std::vector<pg::Lsn> starts_, ends_;
  std::vector<uint32_t> sizes_;
};

TEST_F(RecordReaderTest, GivesRecordsInOrder) {
  const pg::Lsn first = log_.append(10);
  const pg::Lsn second = log_.append(300);
  EXPECT_EQ(read(1), Outcome::kTornTail) << "zeros follow: the log of a running server ends so";
  EXPECT_THAT(starts_, ElementsAre(first, second));
  EXPECT_THAT(sizes_, ElementsAre(36u, 24u + 5 + 300));
  EXPECT_EQ(ends_[0], second);
  EXPECT_EQ(reader_.position(), log_.position());
  EXPECT_EQ(reader_.last_record(), second);
  EXPECT_EQ(reader_.major(), 15);
}

TEST_F(RecordReaderTest, AssemblesRecordsThatStraddlePagesAndSegments) {
  const pg::Lsn small = log_.append(8000);
  const pg::Lsn big = log_.append(100'000);
  fill_to(1, 16);
  const pg::Lsn straddling = log_.append(50'000);
  const pg::Lsn last = log_.append(10);
  EXPECT_EQ(read(1), Outcome::kEndOfInput);
  EXPECT_EQ(reader_.position(), straddling);
  EXPECT_EQ(starts_[0], small);
  EXPECT_EQ(starts_[1], big);
  starts_.clear();
  EXPECT_EQ(read(2), Outcome::kTornTail);
  EXPECT_THAT(starts_, ElementsAre(straddling, last));
}

TEST_F(RecordReaderTest, ARecordsHeaderMayLieOnTwoPages) {
  for (size_t left : {8u, 16u, 24u}) {
    SCOPED_TRACE(left);
    log_ = TestLog();
    reader_ = RecordReader({kSegment, TestLog::kSystem, 15});
    starts_.clear();
    fill_to(1, left);
    const pg::Lsn cut = log_.append(100);
    EXPECT_EQ(read(1), Outcome::kEndOfInput);
    starts_.clear();
    read(2);
    EXPECT_THAT(starts_, ElementsAre(cut));
  }
}

TEST_F(RecordReaderTest, StartsInTheMiddleOfTheLog) {
  fill_to(1, 64);
  log_.append(20'000);
  const pg::Lsn first = log_.append(10);
  EXPECT_EQ(read(2), Outcome::kTornTail);
  EXPECT_THAT(starts_, ElementsAre(first));
}

TEST_F(RecordReaderTest, SkipsARecordLongerThanASegment) {
  fill_to(1, 64);
  log_.append(2 * kSegment);
  const pg::Lsn first = log_.append(10);
  EXPECT_EQ(read(2), Outcome::kEndOfInput);
  EXPECT_EQ(read(3), Outcome::kEndOfInput);
  EXPECT_EQ(read(4), Outcome::kTornTail);
  EXPECT_THAT(starts_, ElementsAre(first));
}

TEST_F(RecordReaderTest, ASegmentMayArriveInParts) {
  log_.append(100);
  const pg::Lsn big = log_.append(30'000);
  log_.append(100);
  const size_t written = log_.position() - pg::Lsn{kSegment};
  for (size_t bytes = written % 1777; bytes <= written; bytes += 1777) {
    EXPECT_EQ(read(1, bytes), Outcome::kEndOfInput);
  }
  EXPECT_EQ(starts_.size(), 3u);
  EXPECT_EQ(starts_[1], big);
}

TEST_F(RecordReaderTest, AfterASwitchTheNextSegmentFollows) {
  const pg::Lsn before = log_.append(10);
  log_.switch_segment();
  const pg::Lsn after = log_.append(10);
  EXPECT_EQ(read(1), Outcome::kEndOfInput);
  EXPECT_EQ(ends_.back(), (pg::Lsn{2 * kSegment}));
  EXPECT_EQ(read(2), Outcome::kTornTail);
  EXPECT_EQ(starts_.size(), 3u);
  EXPECT_EQ(starts_.front(), before);
  EXPECT_EQ(starts_.back(), after);
}

TEST_F(RecordReaderTest, ARecordCutAtTheEndIsATornTailNotCorruption) {
  log_.append(100);
  const pg::Lsn cut = log_.append(30'000);
  for (size_t i = 9000; i < 40'000; ++i) log_.at(cut + i) = std::byte{0};
  EXPECT_EQ(read(1), Outcome::kTornTail);
  EXPECT_EQ(starts_.size(), 1u);
  EXPECT_EQ(reader_.position(), cut);
}

TEST_F(RecordReaderTest, ARecycledPageIsATornTail) {
  log_.append(100);
  const pg::Lsn cut = log_.append(9000);
  // The next page still holds what the segment held before it was renamed.
  log_.put(pg::Lsn{kSegment + kWalPageBytes + 8}, uint64_t{kWalPageBytes});
  EXPECT_EQ(read(1), Outcome::kTornTail);
  EXPECT_EQ(reader_.position(), cut);
}

TEST_F(RecordReaderTest, ARecycledSegmentHoldsNothing) {
  log_.append(100);
  const Bytes old = log_.segment(1);
  reader_.feed({{1}, 9}, old);
  EXPECT_EQ(drain(), Outcome::kTornTail);
  EXPECT_TRUE(starts_.empty());
}

TEST_F(RecordReaderTest, DamageWithValidPagesBehindItIsCorruption) {
  log_.append(100);
  const pg::Lsn damaged = log_.append(100);
  log_.append(30'000);
  log_.at(damaged + 50) ^= std::byte{1};
  EXPECT_EQ(read(1), Outcome::kCorrupt);
  EXPECT_EQ(starts_.size(), 1u);
  EXPECT_EQ(reader_.position(), damaged);
  EXPECT_NE(reader_.error().message.find(damaged.text()), std::string::npos);
  EXPECT_EQ(drain(), Outcome::kCorrupt) << "a reader that failed stays failed";
}

TEST_F(RecordReaderTest, ALengthThatCannotBeIsNotBelieved) {
  const pg::Lsn lying = log_.append(100);
  log_.put(lying, uint32_t{0x3FFFFFFF});
  EXPECT_EQ(read(1), Outcome::kTornTail);
  log_.put(lying, uint32_t{23});
  reader_ = RecordReader({kSegment, TestLog::kSystem, 15});
  EXPECT_EQ(read(1), Outcome::kTornTail);
  EXPECT_TRUE(starts_.empty());
}

TEST_F(RecordReaderTest, AStaleRecordWithAnotherPrevLinkIsNotGiven) {
  log_.append(100);
  const pg::Lsn stale = log_.append(100);
  log_.put(stale + 8, uint64_t{kSegment + 48});
  EXPECT_EQ(read(1), Outcome::kTornTail);
  EXPECT_EQ(starts_.size(), 1u);
}

TEST_F(RecordReaderTest, ARecordThatWasNeverFinishedIsOverwritten) {
  log_.append(100);
  const pg::Lsn lost = log_.append_cut_at_page_end(20'000);
  log_.overwrite_next_page();
  Bytes body(16);
  std::memcpy(body.data(), &lost, 8);
  const pg::Lsn overwrite = log_.append(0, 0xD0, 0, body);
  const pg::Lsn after = log_.append(100);
  EXPECT_EQ(read(1), Outcome::kTornTail);
  ASSERT_EQ(starts_.size(), 3u);
  EXPECT_THAT(starts_, ElementsAre(testing::_, overwrite, after));
}

TEST_F(RecordReaderTest, AnOverwriteOfAnotherRecordIsRefused) {
  log_.append(100);
  log_.append_cut_at_page_end(20'000);
  log_.overwrite_next_page();
  log_.append(0, 0xD0, 0, Bytes(16));
  EXPECT_EQ(read(1), Outcome::kCorrupt);
  EXPECT_EQ(starts_.size(), 1u);
}

TEST_F(RecordReaderTest, AnotherClusterVersionOrSizeIsNamed) {
  log_.append(100);
  reader_ = RecordReader({kSegment, pg::SystemIdentifier{1}, 15});
  EXPECT_EQ(read(1), Outcome::kWrongCluster);
  EXPECT_EQ(reader_.error().kind, ErrorKind::kConflict);
  reader_ = RecordReader({kSegment, TestLog::kSystem, 14});
  EXPECT_EQ(read(1), Outcome::kWrongCluster);
  log_.put(pg::Lsn{kSegment + 32}, 2 * kSegment);
  reader_ = RecordReader({kSegment, TestLog::kSystem, 15});
  EXPECT_EQ(read(1), Outcome::kWrongCluster);
}

TEST_F(RecordReaderTest, ANewerPostgresIsAnUnknownVersion) {
  log_ = TestLog(1, {1}, 0xD121);
  log_.append(100);
  EXPECT_EQ(read(1), Outcome::kUnknownVersion);
  EXPECT_EQ(reader_.error().kind, ErrorKind::kUnsupported);
}

TEST_F(RecordReaderTest, ANewTimelineFollowsItsParent) {
  log_.append(100);
  log_.switch_segment();
  log_.set_timeline({2});
  log_.append(100);
  reader_.feed({{1}, 1}, log_.segment(1));
  EXPECT_EQ(drain(), Outcome::kEndOfInput);
  reader_.feed({{2}, 2}, log_.segment(2));
  EXPECT_EQ(drain(), Outcome::kTornTail);
  EXPECT_EQ(starts_.size(), 3u);
}

TEST_F(RecordReaderTest, APageOfALaterTimelineThanTheSegmentIsRefused) {
  log_.set_timeline({3});
  log_.append(100);
  reader_.feed({{2}, 1}, log_.segment(1));
  EXPECT_EQ(drain(), Outcome::kTornTail);
  EXPECT_TRUE(starts_.empty());
}

TEST_F(RecordReaderTest, AMissingSegmentIsNoticed) {
  log_.append(100);
  log_.switch_segment();
  log_.append(100);
  log_.switch_segment();
  log_.append(100);
  EXPECT_EQ(read(1), Outcome::kEndOfInput);
  EXPECT_EQ(read(3), Outcome::kCorrupt);
}

TEST_F(RecordReaderTest, AShortSegmentWithASuccessorIsNoticed) {
  log_.append(100);
  log_.append(30'000);
  log_.switch_segment();
  log_.append(100);
  EXPECT_EQ(read(1, 20'000), Outcome::kEndOfInput);
  EXPECT_EQ(read(2), Outcome::kCorrupt);
}

TEST_F(RecordReaderTest, OnlyKnownResourceManagersWriteRecords) {
  log_.append(22, 0, 0, {});
  EXPECT_EQ(read(1), Outcome::kTornTail);
  log_ = TestLog();
  log_.append(128, 0, 0, {});
  reader_ = RecordReader({kSegment, TestLog::kSystem, 15});
  read(1);
  EXPECT_EQ(starts_.size(), 1u) << "an extension's, since 15";
}

}  // namespace
}  // namespace walkback::wal
