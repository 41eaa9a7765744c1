// Frames one after another, worked on side by side: how a WAL segment is stored.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace walkback::codec {

struct StreamFrame {
  ByteView frame;               // within the stream
  uint64_t content_offset = 0;  // where its content begins in the whole content
  uint32_t content_bytes = 0;
};

// Finds the frames of a stream without decoding them. kCorrupt when it is no sequence of whole
// frames with their content sizes; kInvalid when the contents together are more than `limit` bytes
// or one frame more than 64 MiB.
Result<std::vector<StreamFrame>> split_stream(ByteView stream, uint64_t limit);

// `content` as frames of `frame_bytes` each, compressed by `workers` threads, the caller's among
// them.
std::vector<Bytes> encode_stream(ByteView content, uint32_t frame_bytes, int level, int workers);

// Decodes all frames with `workers` threads, each handing over its content as soon as it is known
// to be right. `write` is called from several threads at once, in no order.
using ContentSink = std::function<Result<void>(uint64_t content_offset, ByteView content)>;
Result<void> decode_frames(const std::vector<StreamFrame>& frames, int workers,
                           const ContentSink& write);
// Decodes frames to their places in `content`, which is as large as the content of all.
Result<void> decode_frames_into(const std::vector<StreamFrame>& frames, MutableBytes content);

}  // namespace walkback::codec
