#include "pg/page_mask.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "pg/page.h"

namespace walkback::pg {
namespace {

// A page as src/include/storage/bufpage.h lays it out.
class PageMask : public ::testing::Test {
 protected:
  Bytes page = Bytes(kPageBytes);
  uint16_t lower = 24;
  uint16_t upper = kPageBytes;
  uint16_t special = kPageBytes;

  template <typename T>
  void put(size_t at, T value) {
    std::memcpy(page.data() + at, &value, sizeof value);
  }
  void lay_out(uint16_t opaque_bytes) {
    std::mt19937 bytes(5);
    for (std::byte& byte : page) byte = static_cast<std::byte>(bytes());
    special = upper = static_cast<uint16_t>(kPageBytes - opaque_bytes);
    put<uint16_t>(10, 4);
    put<uint16_t>(18, 0x2004);
    end_header();
  }
  void end_header() {
    put(12, lower);
    put(14, upper);
    put(16, special);
  }
  // An item of `length` bytes, as a line pointer with these flags; returns where it begins.
  uint16_t add_item(uint16_t length, uint32_t flags = 1) {
    upper = static_cast<uint16_t>((upper - length) / 8 * 8);
    put<uint32_t>(lower, upper | flags << 15 | uint32_t{length} << 17);
    lower += 4;
    end_header();
    return upper;
  }
  // Of a heap.
  uint16_t add_tuple(uint16_t length, uint16_t infomask) {
    const uint16_t tuple = add_item(length);
    put<uint16_t>(tuple + 16, 1);  // t_ctid's offset
    put<uint16_t>(tuple + 20, infomask);
    return tuple;
  }

  Bytes masked() const {
    Bytes copy = page;
    mask_unlogged(copy);
    return copy;
  }
  // Whether a change of these bits is none to WAL.
  template <typename T>
  bool may_change(size_t at, T bits) {
    const Bytes before = masked();
    const auto old = load<T>(page, at);
    put<T>(at, old ^ bits);
    const bool same = masked() == before;
    put<T>(at, old);
    return same;
  }
};

TEST_F(PageMask, OfAHeapPageWhatIsNotLogged) {
  lay_out(0);
  const uint16_t running = add_tuple(61, 0x0802);  // HEAP_XMAX_INVALID, HEAP_HASVARWIDTH
  const uint16_t frozen = add_tuple(45, 0x0B02);
  EXPECT_TRUE(may_change<uint64_t>(0, 0xFF00)) << "LSN";
  EXPECT_TRUE(may_change<uint16_t>(8, 0xFFFF)) << "checksum";
  EXPECT_TRUE(may_change<uint16_t>(10, 0x0007)) << "hints on lines, space, visibility";
  EXPECT_TRUE(may_change<uint32_t>(20, 77)) << "the oldest prunable transaction";
  EXPECT_TRUE(may_change<uint8_t>(lower, 1)) << "between lines and tuples";
  EXPECT_TRUE(may_change<uint8_t>(upper - 1, 1));
  EXPECT_TRUE(may_change<uint16_t>(running + 20, 0x0100)) << "committed";
  EXPECT_TRUE(may_change<uint16_t>(running + 20, 0x0200)) << "aborted";
  EXPECT_TRUE(may_change<uint16_t>(running + 20, 0x0C20)) << "its end, and a combined command";
  EXPECT_TRUE(may_change<uint32_t>(running + 8, 3)) << "command";
  EXPECT_TRUE(may_change<uint8_t>(running + 61, 1)) << "filled up to 8 bytes";
  EXPECT_TRUE(may_change<uint16_t>(frozen + 20, 0x0C00));
}

TEST_F(PageMask, OfAHeapPageNothingElse) {
  lay_out(0);
  const uint16_t running = add_tuple(61, 0x0802);
  const uint16_t frozen = add_tuple(45, 0x0B02);
  EXPECT_FALSE(may_change<uint16_t>(12, 4)) << "the number of lines";
  EXPECT_FALSE(may_change<uint16_t>(18, 1)) << "the layout's version";
  EXPECT_FALSE(may_change<uint32_t>(24, 1 << 15)) << "a line's state";
  EXPECT_FALSE(may_change<uint32_t>(running, 1)) << "xmin";
  EXPECT_FALSE(may_change<uint32_t>(running + 4, 1)) << "xmax";
  EXPECT_FALSE(may_change<uint16_t>(running + 12, 1)) << "ctid";
  EXPECT_FALSE(may_change<uint16_t>(running + 18, 0x4000)) << "heap-only";
  for (const uint16_t bit : {0x0001, 0x0002, 0x0004, 0x0010, 0x0040, 0x0080, 0x1000, 0x2000}) {
    EXPECT_FALSE(may_change<uint16_t>(running + 20, bit)) << bit;
  }
  EXPECT_FALSE(may_change<uint16_t>(frozen + 20, 0x0100)) << "no longer frozen";
  for (uint16_t at = running + 22; at < running + 61; ++at) {
    EXPECT_FALSE(may_change<uint8_t>(at, 0x10)) << at;
  }
}

TEST_F(PageMask, ASpeculativeTuplesTokenIsNotLogged) {
  lay_out(0);
  const uint16_t tuple = add_tuple(40, 0x0802);
  put<uint16_t>(tuple + 16, 0xFFFE);
  EXPECT_TRUE(may_change<uint32_t>(tuple + 12, 5));
}

TEST_F(PageMask, APageLaidOutAndNeverUsedIsAsAZeroOne) {
  lay_out(0);
  put<uint64_t>(0, 0);
  EXPECT_EQ(masked(), Bytes(kPageBytes));
  put<uint64_t>(0, 0x0000'0010'0000'0001);
  EXPECT_NE(masked(), Bytes(kPageBytes)) << "emptied by what is logged";
  page = Bytes(kPageBytes);
  EXPECT_EQ(masked(), page);
}

TEST_F(PageMask, KilledEntriesOfABtreeLeaf) {
  lay_out(16);
  const size_t flags = special + 12;
  put<uint16_t>(flags, 0x0001);
  put<uint16_t>(special + 14, 7);
  const uint16_t entry = add_item(16);
  EXPECT_TRUE(may_change<uint32_t>(24, 0x2u << 15)) << "killed";
  EXPECT_TRUE(may_change<uint16_t>(flags, 0x0060)) << "garbage, end of a split";
  EXPECT_TRUE(may_change<uint16_t>(special + 14, 1)) << "vacuum's cycle";
  EXPECT_FALSE(may_change<uint8_t>(entry, 1));
  EXPECT_FALSE(may_change<uint32_t>(special, 1)) << "its neighbour";
  EXPECT_FALSE(may_change<uint16_t>(flags, 0x0002)) << "root";
  put<uint16_t>(flags, 0x0000);
  EXPECT_FALSE(may_change<uint32_t>(24, 0x2u << 15)) << "inner pages have none";
  put<uint16_t>(flags, 0x0004);
  EXPECT_TRUE(may_change<uint8_t>(entry, 1)) << "deleted: replay makes it anew";
}

TEST_F(PageMask, KilledEntriesOfAHashIndex) {
  lay_out(16);
  const size_t flags = special + 12;
  put<uint16_t>(special + 14, 0xFF80);
  put<uint16_t>(flags, 0x0002);
  const uint16_t entry = add_item(16);
  EXPECT_TRUE(may_change<uint32_t>(24, 0x2u << 15));
  EXPECT_TRUE(may_change<uint16_t>(flags, 0x0080)) << "has dead entries";
  EXPECT_FALSE(may_change<uint8_t>(entry, 1));
  put<uint16_t>(flags, 0x0008);
  EXPECT_FALSE(may_change<uint32_t>(24, 0x2u << 15)) << "a metapage";
  put<uint16_t>(flags, 0x0000);
  EXPECT_TRUE(may_change<uint8_t>(entry, 1)) << "unused";
}

TEST_F(PageMask, KilledEntriesOfAGistIndex) {
  lay_out(16);
  const size_t flags = special + 12;
  put<uint16_t>(special + 14, 0xFF81);
  put<uint16_t>(flags, 0x0001);
  const uint16_t entry = add_item(16);
  EXPECT_TRUE(may_change<uint32_t>(24, 0x2u << 15));
  EXPECT_TRUE(may_change<uint16_t>(flags, 0x0018)) << "follow right, garbage";
  EXPECT_TRUE(may_change<uint64_t>(special, 9)) << "NSN";
  EXPECT_FALSE(may_change<uint8_t>(entry, 1));
  EXPECT_FALSE(may_change<uint32_t>(special + 8, 1)) << "its neighbour";
  put<uint16_t>(flags, 0x0000);
  EXPECT_FALSE(may_change<uint32_t>(24, 0x2u << 15)) << "an inner page";
}

TEST_F(PageMask, SpgistsCacheBrinsMoveGinsDeleted) {
  lay_out(8);
  put<uint16_t>(special + 6, 0xFF82);
  put<uint16_t>(special, 0x0001);
  const uint16_t entry = add_item(16);
  EXPECT_TRUE(may_change<uint8_t>(entry, 1)) << "SP-GiST's metapage";
  put<uint16_t>(special, 0x0004);
  EXPECT_FALSE(may_change<uint8_t>(entry, 1)) << "an SP-GiST leaf";
  put<uint16_t>(special + 6, 0xF093);
  EXPECT_TRUE(may_change<uint16_t>(special + 4, 0x0001)) << "BRIN moves it";
  EXPECT_FALSE(may_change<uint8_t>(entry, 1));
  put<uint16_t>(special + 6, 0x0083);
  EXPECT_FALSE(may_change<uint8_t>(entry, 1)) << "a GIN leaf";
  put<uint16_t>(special + 6, 0x0087);
  EXPECT_TRUE(may_change<uint8_t>(entry, 1)) << "a deleted GIN page";
}

TEST_F(PageMask, OfASequenceOnlyOneNumberIn32IsLogged) {
  lay_out(8);
  put<uint64_t>(special, 0x1717);
  const uint16_t tuple = add_item(41);
  EXPECT_TRUE(may_change<uint64_t>(tuple + 24, 31));
  put<uint64_t>(special, 0x1718);
  EXPECT_FALSE(may_change<uint64_t>(tuple + 24, 31));
}

TEST_F(PageMask, WhereLowerWasNeverSetThereIsContent) {
  lay_out(8);
  put<uint16_t>(special + 6, 0xF092);
  EXPECT_FALSE(may_change<uint8_t>(3000, 1)) << "BRIN's map of ranges";
}

TEST_F(PageMask, ARealPageKeepsItsRows) {
  std::ifstream file(WALKBACK_TESTDATA "/pg_class_block_2", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  page = to_bytes(as_bytes(text));
  ASSERT_EQ(page.size(), kPageBytes);
  const Bytes once = masked();
  EXPECT_GT(std::ranges::count_if(once, [](std::byte b) { return b != std::byte{0}; }), 1500);
  page = once;
  EXPECT_EQ(masked(), once);
}

// Any bytes: AddressSanitizer watches.
TEST_F(PageMask, GarbageDoesNoHarm) {
  std::mt19937 random(17);
  for (int i = 0; i < 3000; ++i) {
    for (std::byte& byte : page) byte = static_cast<std::byte>(random());
    lower = static_cast<uint16_t>(24 + random() % 600);
    special = static_cast<uint16_t>(kPageBytes - (random() % 4) * 8);
    upper = static_cast<uint16_t>(lower + random() % (special - lower + 1));
    if (i % 5 != 0) end_header();
    const Bytes once = masked();
    EXPECT_EQ(masked(), once);
  }
}

}  // namespace
}  // namespace walkback::pg
