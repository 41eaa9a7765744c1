#include "verify/pack_table.h"

#include <gtest/gtest.h>

namespace walkback::verify {
namespace {

PackKey key_of(int number) {
  PackKey key;
  key.id.bytes[0] = static_cast<std::byte>(number);
  return key;
}
NamedFrame frame(uint32_t offset) { return {offset, 1, 1, {}, 0}; }

class PackTableTest : public testing::Test {
 protected:
  void packs(int count) {
    for (int i = 0; i < count; ++i) table_.packs()[key_of(i)].wanted = true;
  }
  // All frames, as each pass over the manifests gives them; returns how many passes it took to see
  // `frames` of each pack.
  int passes(int count, uint32_t frames) {
    int passes = 0;
    for (auto from = table_.packs().begin(); from != table_.packs().end(); ++passes) {
      table_.begin_pass(from);
      for (uint32_t offset = 0; offset < frames; ++offset) {
        for (int pack = 0; pack < count; ++pack) table_.add_frame(key_of(pack), frame(offset));
      }
      EXPECT_NE(table_.end_of_pass(), from);
      for (; from != table_.end_of_pass(); ++from) {
        PackTable::sort(from->second);
        EXPECT_EQ(from->second.frames.size(), frames);
      }
    }
    return passes;
  }

  PackTable table_{100};
};

TEST_F(PackTableTest, WhatFitsTakesOnePass) {
  packs(10);
  EXPECT_EQ(passes(10, 10), 1);
}

TEST_F(PackTableTest, WhatDoesNotFitTakesMoreAndNoFrameIsLost) {
  packs(40);
  EXPECT_GT(passes(40, 10), 3);
  EXPECT_LT(passes(40, 10), 20);
}

TEST_F(PackTableTest, APackLargerThanTheTableIsReadAllTheSame) {
  packs(3);
  EXPECT_EQ(passes(3, 1000), 3);
}

TEST_F(PackTableTest, TheSameFrameOfManyBackupsTakesNoRoom) {
  packs(2);
  table_.begin_pass(table_.packs().begin());
  for (int backup = 0; backup < 10'000; ++backup) {
    for (uint32_t offset = 0; offset < 40; ++offset) table_.add_frame(key_of(0), frame(offset));
    table_.add_frame(key_of(1), frame(0));
  }
  EXPECT_EQ(table_.end_of_pass(), table_.packs().end());
  EXPECT_LT(table_.packs()[key_of(0)].frames.size(), 81u);
}

TEST_F(PackTableTest, WhatIsNotWantedTakesNone) {
  packs(1);
  table_.packs()[key_of(0)].wanted = false;
  table_.begin_pass(table_.packs().begin());
  table_.add_frame(key_of(0), frame(1));
  table_.add_frame(key_of(7), frame(1));
  EXPECT_TRUE(table_.packs()[key_of(0)].frames.empty());
  EXPECT_EQ(table_.find(key_of(7)), nullptr);
}

}  // namespace
}  // namespace walkback::verify
