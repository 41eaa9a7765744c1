#include "codec/frame_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "codec/frame.h"

namespace walkback::codec {
namespace {

Bytes sample(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * i) >> 7);
  return bytes;
}

Bytes joined(const std::vector<Bytes>& frames) {
  Bytes stream;
  for (const Bytes& frame : frames) stream.insert(stream.end(), frame.begin(), frame.end());
  return stream;
}

Bytes encoded(const Bytes& content, uint32_t frame_bytes, int workers) {
  return joined(encode_stream(content, frame_bytes, 3, workers));
}

Result<Bytes> decode_side_by_side(ByteView stream, uint64_t limit) {
  std::vector<StreamFrame> frames = TRY(split_stream(stream, limit));
  Bytes content(frames.empty() ? 0 : frames.back().content_offset + frames.back().content_bytes);
  std::mutex mutex;
  TRY(decode_frames(frames, 3, [&](uint64_t offset, ByteView piece) -> Result<void> {
    std::lock_guard lock(mutex);
    std::copy(piece.begin(), piece.end(), content.begin() + static_cast<ptrdiff_t>(offset));
    return success();
  }));
  return content;
}

TEST(FrameStream, WhatWasEncodedSideBySideIsOneStreamThatAnyDecoderReads) {
  const Bytes content = sample(1'000'003);
  const Bytes stream = encoded(content, 64 << 10, 2);
  EXPECT_EQ(*decode_stream(stream, content.size()), content);
  EXPECT_EQ(*decode_side_by_side(stream, content.size()), content);
}

TEST(FrameStream, NothingIsOneEmptyFrame) {
  const Bytes stream = encoded({}, 64 << 10, 2);
  ASSERT_EQ(split_stream(stream, 0)->size(), 1u);
  EXPECT_EQ(*decode_side_by_side(stream, 0), Bytes());
}

TEST(FrameStream, AStreamCutAnywhereIsRefused) {
  const Bytes stream = encoded(sample(5000), 1000, 1);
  size_t whole = 0;
  for (size_t length = 1; length < stream.size(); ++length) {
    whole += split_stream(ByteView(stream).first(length), 5000).ok();
  }
  // Only the ends of the first four frames are ends of a stream.
  EXPECT_EQ(whole, 4u);
}

TEST(FrameStream, MoreThanTheLimitIsRefusedBeforeItIsDecoded) {
  const Bytes stream = encoded(sample(5000), 1000, 1);
  EXPECT_EQ(split_stream(stream, 4999).error().kind, ErrorKind::kInvalid);
}

TEST(FrameStream, AChangedByteIsNeverDeliveredAsContent) {
  const Bytes content = sample(3000);
  const Bytes good = encoded(content, 1000, 1);
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= std::byte{0x10};
    Result<Bytes> decoded = decode_side_by_side(bad, content.size());
    if (decoded.ok()) {
      EXPECT_EQ(*decoded, content) << "byte " << at;
    }
  }
}

}  // namespace
}  // namespace walkback::codec
