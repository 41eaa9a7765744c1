#include "codec/frame_stream.h"

#include <zstd.h>

#include <algorithm>
#include <atomic>

#include "base/check.h"
#include "base/task_group.h"
#include "codec/frame.h"

namespace walkback::codec {

namespace {

constexpr uint64_t kLargestFrameContent = 64u << 20;

Error corrupt(const char* what) { return make_error(ErrorKind::kCorrupt, what); }

// Runs `work` on `workers` threads, the caller's among them.
Result<void> side_by_side(int workers, const std::function<Result<void>()>& work) {
  TaskGroup helpers;
  for (int i = 1; i < workers; ++i) helpers.start([&](std::stop_token) { return work(); });
  Result<void> own = work();
  Result<void> others = helpers.wait();
  return own.ok() ? std::move(others) : std::move(own);
}

}  // namespace

Result<std::vector<StreamFrame>> split_stream(ByteView stream, uint64_t limit) {
  std::vector<StreamFrame> frames;
  uint64_t content = 0;
  while (!stream.empty()) {
    const size_t length = ZSTD_findFrameCompressedSize(stream.data(), stream.size());
    if (ZSTD_isError(length)) return corrupt("it does not end with a whole zstd frame");
    const unsigned long long size = ZSTD_getFrameContentSize(stream.data(), stream.size());
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
      return corrupt("a zstd frame does not say its size");
    }
    if (size > kLargestFrameContent || content + size > limit) {
      return make_error(ErrorKind::kInvalid, "its contents are larger than they can be");
    }
    frames.push_back({stream.first(length), content, static_cast<uint32_t>(size)});
    content += size;
    stream = stream.subspan(length);
  }
  return frames;
}

std::vector<Bytes> encode_stream(ByteView content, uint32_t frame_bytes, int level, int workers) {
  const size_t count = std::max<size_t>(1, (content.size() + frame_bytes - 1) / frame_bytes);
  std::vector<Bytes> frames(count);
  std::atomic<size_t> next = 0;
  auto work = [&]() -> Result<void> {
    FrameEncoder encoder(level);
    for (size_t i = next++; i < count; i = next++) {
      const ByteView from_here = content.subspan(i * frame_bytes);
      frames[i] = to_bytes(
          encoder.encode(from_here.first(std::min<size_t>(frame_bytes, from_here.size()))));
    }
    return success();
  };
  const Result<void> encoded = side_by_side(std::min<int>(workers, static_cast<int>(count)), work);
  CHECK(encoded.ok());
  return frames;
}

Result<void> decode_frames(const std::vector<StreamFrame>& frames, int workers,
                           const ContentSink& write) {
  std::atomic<size_t> next = 0;
  auto work = [&]() -> Result<void> {
    FrameDecoder decoder;
    Bytes content;
    for (size_t i = next++; i < frames.size(); i = next++) {
      content.resize(frames[i].content_bytes);
      TRY(decoder.decode(frames[i].frame, content));
      TRY(write(frames[i].content_offset, content));
    }
    return success();
  };
  return side_by_side(std::min<int>(workers, static_cast<int>(frames.size())), work);
}

Result<void> decode_frames_into(const std::vector<StreamFrame>& frames, MutableBytes content) {
  FrameDecoder decoder;
  for (const StreamFrame& frame : frames) {
    TRY(decoder.decode(frame.frame, content.subspan(frame.content_offset, frame.content_bytes)));
  }
  return success();
}

}  // namespace walkback::codec
