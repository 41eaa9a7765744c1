// Whatever the bytes are: no crash, and no record that was not written.
#include <gtest/gtest.h>

#include <random>

#include "wal/segment_header.h"
#include "wal/test_log.h"
#include "wal/timed_event.h"

namespace walkback::wal {
namespace {

constexpr uint32_t kSegment = TestLog::kSegmentBytes;
constexpr size_t kUsed = 20'000;  // bytes of the segment that hold records

// Small records, some across pages.
TestLog sample() {
  TestLog log;
  for (size_t i = 0; log.position() < pg::Lsn{kSegment + kUsed}; ++i) log.append(i * 37 % 700);
  return log;
}

struct Read {
  std::vector<std::pair<pg::Lsn, Bytes>> records;
  Outcome outcome;
};

Read read(ByteView segment) {
  RecordReader reader({kSegment, TestLog::kSystem, 15});
  reader.feed({{1}, 1}, segment);
  TimedEvents events(15);
  Read result;
  Record record;
  while ((result.outcome = reader.next(record)) == Outcome::kRecord) {
    result.records.emplace_back(record.start, to_bytes(record.bytes));
    (void)events.of(record).ok();
  }
  return result;
}

bool is_prefix(const Read& part, const Read& whole) {
  return part.records.size() <= whole.records.size() &&
         std::equal(part.records.begin(), part.records.end(), whole.records.begin());
}

TEST(Damage, CutAnywhereWhatIsWholeIsGivenAndNothingElse) {
  TestLog log = sample();
  const ByteView segment = log.segment(1);
  const Read whole = read(segment);
  ASSERT_GT(whole.records.size(), 40u);
  size_t last = 0;
  for (size_t size = 0; size < kUsed + 1000; ++size) {
    const Read part = read(segment.first(size));
    ASSERT_TRUE(is_prefix(part, whole)) << size;
    ASSERT_GE(part.records.size(), last) << size;
    last = part.records.size();
  }
  EXPECT_EQ(last, whole.records.size());
}

// A disk writes sectors of 512 bytes, so a page header is there or not.
TEST(Damage, ZerosFromAnySectorOnAreATornTail) {
  TestLog log = sample();
  Bytes segment = log.segment(1);
  const Read whole = read(segment);
  for (size_t size = kUsed / 512 * 512; size > 0; size -= 512) {
    std::fill(segment.begin() + static_cast<ptrdiff_t>(size),
              segment.begin() + static_cast<ptrdiff_t>(size) + 2000, std::byte{0});
    const Read part = read(segment);
    ASSERT_TRUE(is_prefix(part, whole)) << size;
    ASSERT_EQ(part.outcome, Outcome::kTornTail) << size;
    ASSERT_LT(part.records.size(), whole.records.size()) << size;
  }
}

TEST(Damage, EveryFlippedBitIsNoticedOrHarmless) {
  TestLog log = sample();
  Bytes segment = log.segment(1);
  const Read whole = read(segment);
  std::vector<size_t> harmless;
  for (size_t i = 0; i < kUsed; ++i) {
    const std::byte bit = std::byte{1} << (i * 7 % 8);
    segment[i] ^= bit;
    const Read part = read(segment);
    ASSERT_TRUE(is_prefix(part, whole)) << "a record that was not written, at " << i;
    if (part.records.size() == whole.records.size()) harmless.push_back(i % kWalPageBytes);
    segment[i] ^= bit;
  }
  // Padding between records, and in page headers the padding, the timeline's and flags nobody
  // reads.
  EXPECT_LT(harmless.size(), 400u);
}

TEST(Damage, RandomBytesGiveNothing) {
  std::mt19937_64 random(7);
  TestLog log = sample();
  for (int round = 0; round < 20; ++round) {
    Bytes segment(kSegment);
    for (size_t i = 0; i < segment.size(); i += 8) {
      const uint64_t word = random();
      std::memcpy(segment.data() + i, &word, 8);
    }
    EXPECT_TRUE(read(segment).records.empty());
    EXPECT_FALSE(inspect_segment(segment).ok());
    // With a true first header, so that reading gets further.
    std::copy_n(log.segment(1).begin(), kLongHeaderBytes, segment.begin());
    EXPECT_TRUE(read(segment).records.empty());
  }
}

TEST(Damage, RandomBodiesAreParsedOrRefused) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 200'000; ++round) {
    Bytes record(kRecordHeaderBytes + random() % 120);
    for (std::byte& byte : record)
      byte = static_cast<std::byte>(random() % 4 == 0 ? random() : random() % 3);
    Record view;
    view.bytes = record;
    view.rmgr = static_cast<uint8_t>(random() % 9);
    view.info = static_cast<uint8_t>(random());
    const auto event = TimedEvents(13 + static_cast<int>(random() % 6)).of(view);
    if (event.ok() && *event) (void)(*event)->time();
  }
}

}  // namespace
}  // namespace walkback::wal
