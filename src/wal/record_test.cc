#include "wal/record.h"

#include <gtest/gtest.h>

#include "wal/test_bytes.h"

namespace walkback::wal {
namespace {

constexpr RelationLocator kPayments{1663, 5, 16384};

TestBytes header() { return TestBytes().zeros(kRecordHeaderBytes); }

// id, fork and flags, bytes of data
TestBytes& block(TestBytes& bytes, uint8_t id, uint8_t flags, uint16_t data) {
  return bytes.put(id).put(flags).put(data);
}

Result<void> decode(DecodedRecord& decoded, ByteView bytes, int major = 15) {
  Record record;
  record.bytes = bytes;
  return decoded.decode(record, major);
}

TEST(DecodedRecord, ReadsBlocksDataAndMainData) {
  TestBytes bytes = header();
  block(bytes, 0, 0x20, 3).put(kPayments).put(uint32_t{7});
  block(bytes, 1, 0x80 | 0x40 | 2, 0).put(uint32_t{8});
  bytes.put(uint8_t{255}).put(uint8_t{4}).text("abcMAIN");
  DecodedRecord decoded;
  ASSERT_TRUE(decode(decoded, bytes).ok());
  ASSERT_EQ(decoded.blocks().size(), 2u);
  EXPECT_EQ(decoded.blocks()[0].relation, kPayments);
  EXPECT_EQ(decoded.blocks()[0].block, 7u);
  EXPECT_EQ(as_text(decoded.blocks()[0].data), "abc");
  EXPECT_EQ(decoded.blocks()[1].relation, kPayments) << "the same as before";
  EXPECT_EQ(decoded.blocks()[1].fork, pg::Fork::kVisibilityMap);
  EXPECT_TRUE(decoded.blocks()[1].will_init);
  EXPECT_FALSE(decoded.blocks()[1].image);
  EXPECT_EQ(as_text(decoded.main_data()), "MAIN");
}

TEST(DecodedRecord, KnowsEachKindOfImage) {
  struct Case {
    int major;
    uint8_t info;
    ImageCompression compression;
    bool apply;
  };
  for (const Case& c : {Case{13, 0x01 | 0x02 | 0x04, ImageCompression::kPglz, true},
                        Case{15, 0x01 | 0x04 | 0x02, ImageCompression::kPglz, true},
                        Case{15, 0x01 | 0x08, ImageCompression::kLz4, false},
                        Case{18, 0x01 | 0x10 | 0x02, ImageCompression::kZstd, true}}) {
    TestBytes bytes = header();
    block(bytes, 0, 0x10, 0).put(uint16_t{5}).put(uint16_t{100}).put(c.info).put(uint16_t{4000});
    bytes.put(kPayments).put(uint32_t{0}).text("image");
    DecodedRecord decoded;
    ASSERT_TRUE(decode(decoded, bytes, c.major).ok()) << c.major;
    const BlockImage& image = decoded.blocks()[0].image.value();
    EXPECT_EQ(image.compression, c.compression);
    EXPECT_EQ(image.apply, c.apply);
    EXPECT_EQ(image.hole_offset, 100);
    EXPECT_EQ(image.hole_bytes, 4000);
    EXPECT_EQ(as_text(image.bytes), "image");
  }
}

TEST(DecodedRecord, AnUncompressedImagesHoleIsWhatIsMissing) {
  TestBytes bytes = header();
  block(bytes, 0, 0x10, 0).put(uint16_t{1000}).put(uint16_t{100}).put(uint8_t{0x03});
  bytes.put(kPayments).put(uint32_t{0}).zeros(1000);
  DecodedRecord decoded;
  ASSERT_TRUE(decode(decoded, bytes).ok());
  EXPECT_EQ(decoded.blocks()[0].image->hole_bytes, 7192);
}

TEST(DecodedRecord, ReadsOriginAndToplevelXid) {
  TestBytes bytes = header();
  bytes.put(uint8_t{253}).put(uint16_t{9}).put(uint8_t{252}).put(uint32_t{748});
  bytes.put(uint8_t{254}).put(uint32_t{2}).text("ab");
  DecodedRecord decoded;
  ASSERT_TRUE(decode(decoded, bytes).ok());
  EXPECT_EQ(decoded.origin(), 9);
  EXPECT_EQ(decoded.toplevel_xid(), 748u);
  EXPECT_FALSE(decode(decoded, bytes, 13).ok()) << "13 knows no top-level xid";
  ASSERT_TRUE(decode(decoded, header()).ok());
  EXPECT_FALSE(decoded.origin()) << "nothing stays from the record before";
  EXPECT_TRUE(decoded.main_data().empty());
}

TEST(DecodedRecord, RefusesWhatContradictsItself) {
  DecodedRecord decoded;
  TestBytes same_as_none = header();
  block(same_as_none, 0, 0x80, 0).put(uint32_t{8});
  EXPECT_FALSE(decode(decoded, same_as_none).ok());
  TestBytes out_of_order = header();
  block(out_of_order, 1, 0, 0).put(kPayments).put(uint32_t{8});
  block(out_of_order, 1, 0x80, 0).put(uint32_t{8});
  EXPECT_FALSE(decode(decoded, out_of_order).ok());
  TestBytes flag_without_data = header();
  block(flag_without_data, 0, 0x20, 0).put(kPayments).put(uint32_t{8});
  EXPECT_FALSE(decode(decoded, flag_without_data).ok());
  TestBytes fork = header();
  block(fork, 0, 4, 0).put(kPayments).put(uint32_t{8});
  EXPECT_FALSE(decode(decoded, fork).ok());
  EXPECT_FALSE(decode(decoded, header().put(uint8_t{100})).ok());
  EXPECT_FALSE(decode(decoded, header().put(uint8_t{255}).put(uint8_t{3}).text("ab")).ok())
      << "too short";
  EXPECT_FALSE(decode(decoded, header().put(uint8_t{255}).put(uint8_t{1}).text("ab")).ok())
      << "left over";
  EXPECT_FALSE(decode(decoded, header().put(uint8_t{254}).put(uint32_t{0xFFFFFFFF})).ok());
}

TEST(DecodedRecord, CutAnywhereItIsRefused) {
  TestBytes whole = header();
  block(whole, 0, 0x20, 3).put(kPayments).put(uint32_t{7});
  whole.put(uint8_t{255}).put(uint8_t{4}).text("abcMAIN");
  DecodedRecord decoded;
  for (size_t size = kRecordHeaderBytes + 1; size < whole.size(); ++size) {
    if (size == kRecordHeaderBytes + 20 + 3)
      continue;  // a whole record again: the block and three bytes of data
    EXPECT_FALSE(decode(decoded, ByteView(whole).first(size)).ok()) << size;
  }
}

}  // namespace
}  // namespace walkback::wal
