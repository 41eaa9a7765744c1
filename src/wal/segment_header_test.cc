#include "wal/segment_header.h"

#include <gtest/gtest.h>

#include "wal/test_log.h"

namespace walkback::wal {
namespace {

constexpr std::string_view kName = "000000020000000000000007";

Bytes segment() {
  TestLog log(7, {2});
  log.append(100);
  return log.segment(7);
}

ErrorKind refusal(ByteView bytes, std::string_view name = kName,
                  pg::SystemIdentifier system = TestLog::kSystem) {
  return inspect_segment(bytes, name, system).error().kind;
}

TEST(SegmentHeader, SaysWhoseAndWhichItIs) {
  const SegmentInfo info = inspect_segment(segment(), kName, TestLog::kSystem).value();
  EXPECT_EQ(info.version.major, 15);
  EXPECT_EQ(info.system_identifier, TestLog::kSystem);
  EXPECT_EQ(info.timeline.value, 2u);
  EXPECT_EQ(info.segment_bytes, 1u << 20);
  EXPECT_EQ(info.start.text(), "0/700000");
}

TEST(SegmentHeader, AfterAPromotionTheFirstPageMayBeTheParents) {
  EXPECT_TRUE(inspect_segment(segment(), "000000030000000000000007", TestLog::kSystem).ok());
  EXPECT_EQ(refusal(segment(), "000000010000000000000007"), ErrorKind::kInvalid);
}

TEST(SegmentHeader, AnotherClustersSegmentIsAConflict) {
  EXPECT_EQ(refusal(segment(), kName, {42}), ErrorKind::kConflict);
}

TEST(SegmentHeader, ARecycledOrRenamedSegmentIsInvalid) {
  EXPECT_EQ(refusal(segment(), "000000020000000000000008"), ErrorKind::kInvalid);
  EXPECT_EQ(refusal(segment(), "anything"), ErrorKind::kInvalid);
}

TEST(SegmentHeader, WhatIsNoWalIsCorrupt) {
  EXPECT_EQ(refusal(Bytes(8192)), ErrorKind::kCorrupt);
  EXPECT_EQ(refusal(Bytes(8192, std::byte{0xAB})), ErrorKind::kCorrupt);
  EXPECT_EQ(refusal(ByteView(segment()).first(39)), ErrorKind::kCorrupt);
}

TEST(SegmentHeader, AnotherVersionIsUnsupported) {
  Bytes bytes = segment();
  bytes[0] = std::byte{0x21};
  bytes[1] = std::byte{0xD1};
  EXPECT_EQ(refusal(bytes), ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace walkback::wal
