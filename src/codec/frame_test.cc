#include "codec/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <random>

namespace walkback::codec {
namespace {

Bytes text_like(size_t size) {
  Bytes bytes(size);
  std::mt19937_64 random(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::byte>("etaoin shrdlu"[random() % 13]);
  }
  return bytes;
}

Bytes noise(size_t size) {
  Bytes bytes(size);
  std::mt19937_64 random(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

class FrameTest : public testing::Test {
 protected:
  Bytes frame_of(ByteView content) { return to_bytes(encoder.encode(content)); }
  Result<Bytes> content_of(ByteView frame, size_t size) {
    Bytes content(size);
    Result<void> decoded = decoder.decode(frame, content);
    if (!decoded.ok()) return decoded.error();
    return content;
  }
  FrameEncoder encoder{3};
  FrameDecoder decoder;
};

TEST_F(FrameTest, ContentOfAnySizeComesBack) {
  for (size_t size : {0u, 1u, 100u, 8191u, 8192u, 131072u, 131073u, 524288u}) {
    for (const Bytes& content : {text_like(size), noise(size), Bytes(size)}) {
      const Bytes frame = frame_of(content);
      EXPECT_EQ(content_of(frame, size).value(), content) << size;
    }
  }
}

TEST_F(FrameTest, AFrameCarriesItsSizeAndItsChecksum) {
  const Bytes frame = frame_of(text_like(70000));
  EXPECT_EQ(ZSTD_getFrameContentSize(frame.data(), frame.size()), 70000u);
  EXPECT_NE(static_cast<int>(frame[4]) & 0x04, 0)
      << "Content_Checksum_flag, RFC 8878 section 3.1.1.1.1";
}

TEST_F(FrameTest, TheEncoderIsTheSameAfterAnyHistory) {
  const Bytes first = frame_of(text_like(9000));
  frame_of(noise(300000));
  EXPECT_EQ(frame_of(text_like(9000)), first);
}

TEST_F(FrameTest, AnyChangedByteIsNeverOtherContent) {
  const Bytes content = text_like(3000);
  const Bytes frame = frame_of(content);
  for (size_t i = 0; i < frame.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = frame;
      damaged[i] ^= static_cast<std::byte>(1 << bit);
      Result<Bytes> decoded = content_of(damaged, content.size());
      // A few header bits carry nothing (the reserved bit's neighbour); never may content differ.
      if (decoded.ok()) {
        EXPECT_EQ(*decoded, content) << i;
      } else {
        EXPECT_EQ(decoded.error().kind, ErrorKind::kCorrupt) << i;
      }
    }
  }
}

TEST_F(FrameTest, AnyTruncationIsCorrupt) {
  const Bytes content = text_like(3000);
  const Bytes frame = frame_of(content);
  for (size_t size = 0; size < frame.size(); ++size) {
    EXPECT_EQ(content_of(ByteView(frame).first(size), content.size()).error().kind,
              ErrorKind::kCorrupt);
  }
}

TEST_F(FrameTest, OnlyExactlyTheExpectedContentIsAccepted) {
  const Bytes frame = frame_of(text_like(3000));
  EXPECT_EQ(content_of(frame, 2999).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(content_of(frame, 3001).error().kind, ErrorKind::kCorrupt);
}

TEST_F(FrameTest, ItsBeginningComesWithoutTheRest) {
  for (const Bytes& content : {text_like(500000), noise(500000), Bytes(500000)}) {
    const Bytes frame = frame_of(content);
    for (size_t size : {1u, 8192u, 131072u, 131073u, 400000u, 499999u, 500000u}) {
      Bytes beginning(size);
      ASSERT_TRUE(decoder.decode_beginning(frame, beginning).ok()) << size;
      EXPECT_TRUE(std::equal(beginning.begin(), beginning.end(), content.begin())) << size;
      // What was left half-way disturbs nothing.
      EXPECT_EQ(content_of(frame, content.size()).value(), content) << size;
    }
  }
}

TEST_F(FrameTest, ABeginningThatIsNotThereIsCorrupt) {
  const Bytes frame = frame_of(text_like(100000));
  Bytes beginning(100001);
  EXPECT_EQ(decoder.decode_beginning(frame, beginning).error().kind, ErrorKind::kCorrupt);
  beginning.resize(90000);
  EXPECT_EQ(
      decoder.decode_beginning(ByteView(frame).first(frame.size() / 4), beginning).error().kind,
      ErrorKind::kCorrupt);
  EXPECT_EQ(decoder.decode_beginning(noise(1000), beginning).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(content_of(frame, 100000).value(), text_like(100000));
}

TEST_F(FrameTest, TwoFramesOrATrailingByteAreNotOneFrame) {
  const Bytes frame = frame_of(text_like(3000));
  Bytes twice = frame;
  twice.insert(twice.end(), frame.begin(), frame.end());
  EXPECT_EQ(content_of(twice, 6000).error().kind, ErrorKind::kCorrupt);
  Bytes longer = frame;
  longer.push_back(std::byte{0});
  EXPECT_EQ(content_of(longer, 3000).error().kind, ErrorKind::kCorrupt);
}

TEST_F(FrameTest, ASkippableFrameIsNoFrame) {
  const Bytes skippable = {std::byte{0x57}, std::byte{0x2a}, std::byte{0x4d}, std::byte{0x18},
                           std::byte{2},    std::byte{0},    std::byte{0},    std::byte{0},
                           std::byte{1},    std::byte{1}};
  EXPECT_EQ(content_of(skippable, 0).error().kind, ErrorKind::kCorrupt);
}

class StreamTest : public FrameTest {
 protected:
  void add(ByteView content) {
    const Bytes frame = frame_of(content);
    stream.insert(stream.end(), frame.begin(), frame.end());
    whole.insert(whole.end(), content.begin(), content.end());
  }
  Bytes stream, whole;
};

TEST_F(StreamTest, FramesOneAfterAnotherAreOneStream) {
  add(text_like(300000));
  add({});
  add(noise(5000));
  add(Bytes(1 << 20));
  EXPECT_EQ(decode_stream(stream, 2 << 20).value(), whole);
}

TEST_F(StreamTest, NothingIsAnEmptyStream) { EXPECT_TRUE(decode_stream({}, 10).value().empty()); }

TEST_F(StreamTest, MoreThanTheLimitIsRefused) {
  add(text_like(5000));
  EXPECT_TRUE(decode_stream(stream, 5000).ok());
  EXPECT_EQ(decode_stream(stream, 4999).error().kind, ErrorKind::kInvalid);
}

TEST_F(StreamTest, ABombIsStoppedAtTheLimit) {
  add(Bytes(64 << 20));
  EXPECT_LT(stream.size(), 10000u);
  EXPECT_EQ(decode_stream(stream, 1 << 20).error().kind, ErrorKind::kInvalid);
}

TEST_F(StreamTest, ACutStreamIsCorruptUnlessCutBetweenFrames) {
  add(text_like(2000));
  const size_t boundary = stream.size();
  add(text_like(1000));
  for (size_t size = 1; size < stream.size(); ++size) {
    Result<Bytes> decoded = decode_stream(ByteView(stream).first(size), 1 << 20);
    EXPECT_EQ(decoded.ok(), size == boundary) << size;
    if (!decoded.ok()) {
      EXPECT_EQ(decoded.error().kind, ErrorKind::kCorrupt);
    }
  }
}

TEST_F(StreamTest, GarbageIsCorrupt) {
  EXPECT_EQ(decode_stream(noise(1000), 1 << 20).error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace walkback::codec
