#include "verify/pack_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/seeded_random.h"
#include "repo/page_map.h"

namespace walkback::verify {
namespace {

using testing::HasSubstr;

class PackCheckTest : public testing::Test {
 protected:
  void add(ByteView content) {
    const ByteView frame = encoder_.encode(content);
    named_.push_back({static_cast<uint32_t>(pack_.size()), static_cast<uint32_t>(frame.size()),
                      static_cast<uint32_t>(content.size()), codec::hash_content(content),
                      codec::hash_frame(frame)});
    pack_.insert(pack_.end(), frame.begin(), frame.end());
  }
  std::string wrong(PackOf of = PackOf::kPages) {
    const Result<void> checked = PackChecker().check(pack_, of, named_);
    if (checked.ok()) return "";
    EXPECT_EQ(checked.error().kind, ErrorKind::kCorrupt);
    return checked.error().message;
  }

  SeededRandom random_{3};
  codec::FrameEncoder encoder_{3};
  Bytes pack_;
  std::vector<NamedFrame> named_;
};

TEST_F(PackCheckTest, AnyFlippedBitIsFoundAlsoInAFrameThatNoMapNames) {
  for (int i = 0; i < 3; ++i) add(random_.bytes(200));
  EXPECT_EQ(wrong(), "");
  for (size_t bit = 0; bit < pack_.size() * 8; ++bit) {
    pack_[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_NE(wrong(), "") << bit;
    pack_[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
  const size_t middle = named_[1].offset + 50;
  named_.erase(named_.begin() + 1);
  EXPECT_EQ(wrong(), "");
  pack_[middle] ^= std::byte{1};
  EXPECT_THAT(wrong(), HasSubstr("damaged at byte"));
}

TEST_F(PackCheckTest, EveryFrameThatAMapNamesMustBeThere) {
  for (int i = 0; i < 3; ++i) add(random_.bytes(200));
  const std::vector<NamedFrame> good = named_;
  for (size_t i = 0; i < good.size(); ++i) {
    named_ = good;
    ++named_[i].offset;
    EXPECT_THAT(wrong(), HasSubstr("and none does")) << i;
    named_ = good;
    ++named_[i].length;
    EXPECT_THAT(wrong(), HasSubstr("another size"));
    named_ = good;
    --named_[i].content_bytes;
    EXPECT_THAT(wrong(), HasSubstr("another size"));
    named_ = good;
    named_[i].hash.bytes[3] ^= std::byte{1};
    EXPECT_THAT(wrong(), HasSubstr("does not match its checksum"));
    named_ = good;
    named_[i].stored_hash ^= 1;
    EXPECT_THAT(wrong(), HasSubstr("do not match their checksum"));
  }
  named_ = good;
  named_.push_back({static_cast<uint32_t>(pack_.size()), 10, 10, {}, 0});
  EXPECT_THAT(wrong(), HasSubstr("and none does"));
}

TEST_F(PackCheckTest, OfTwoMapsThatDisagreeOneIsWrong) {
  add(random_.bytes(200));
  named_.push_back(named_.front());
  EXPECT_EQ(wrong(), "");
  named_.back().hash.bytes[0] ^= std::byte{1};
  EXPECT_NE(wrong(), "");
}

TEST_F(PackCheckTest, WhatIsNoFramesIsDamage) {
  pack_ = random_.bytes(1000);
  EXPECT_NE(wrong(), "");
  pack_.clear();
  EXPECT_EQ(wrong(), "");
  add(random_.bytes(10));
  pack_.pop_back();
  EXPECT_NE(wrong(), "");
}

TEST_F(PackCheckTest, APackOfMapsHoldsMapsThatCanBeUsed) {
  repo::PageMap map;
  map.file_bytes = 8192;
  map.frames = {{{}, 8192, {}, 0}};
  map.frames[0].location.length = 100;
  map.runs = {{0, 1, 0, 0}};
  add(repo::encode_page_map(map));
  named_.back().stored_hash = 0;
  EXPECT_EQ(wrong(PackOf::kMaps), "");
  add(random_.bytes(100));
  EXPECT_NE(wrong(PackOf::kMaps), "");
}

TEST(Fingerprint, EveryPartOfAFrameCounts) {
  const NamedFrame frame{1, 2, 3, {}, 4};
  NamedFrame other = frame;
  EXPECT_EQ(fingerprint(frame), fingerprint(other));
  for (uint32_t* part : {&other.offset, &other.length, &other.content_bytes}) {
    ++*part;
    EXPECT_NE(fingerprint(frame), fingerprint(other));
    --*part;
  }
  other.hash.bytes[15] = std::byte{1};
  EXPECT_NE(fingerprint(frame), fingerprint(other));
  other = frame;
  ++other.stored_hash;
  EXPECT_NE(fingerprint(frame), fingerprint(other));
}

}  // namespace
}  // namespace walkback::verify
