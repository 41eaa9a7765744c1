#include "codec/frame.h"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <new>
#include <string>

namespace walkback::codec {

namespace {

constexpr size_t kSmallestFrame = 9;  // magic, frame header descriptor, content size, empty block

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using Compressor = std::unique_ptr<ZSTD_CCtx, FreeContext>;
using Decompressor = std::unique_ptr<ZSTD_DCtx, FreeContext>;

void set(ZSTD_CCtx* context, ZSTD_cParameter parameter, int value) {
  CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)));
}

Compressor make_compressor(int level) {
  CHECK(level >= 1 && level <= 19);
  Compressor context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  set(context.get(), ZSTD_c_compressionLevel, level);
  set(context.get(), ZSTD_c_contentSizeFlag, 1);
  set(context.get(), ZSTD_c_checksumFlag, 1);
  return context;
}

Decompressor make_decompressor() {
  Decompressor context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  return context;
}

Error corrupt(std::string what) { return make_error(ErrorKind::kCorrupt, std::move(what)); }

// Skippable frames hold nothing, and a second frame is not ours: both would make one content have
// several encodings.
bool is_one_zstd_frame(ByteView frame) {
  if (frame.size() < kSmallestFrame || load<uint32_t>(frame, 0) != ZSTD_MAGICNUMBER) return false;
  return ZSTD_findFrameCompressedSize(frame.data(), frame.size()) == frame.size();
}

}  // namespace

// Level 3 as zstd has it for large content (dfast) keeps tables of 768 KiB: most of a core's L2
// cache, which the content needs as well. Half of that costs 1 % of bytes and saves a seventh of
// the CPU time (docs/design/frames.md). Smaller content has smaller tables by itself; other levels
// are as they are.
constexpr int kTunedLevel = 3;
constexpr size_t kTunedAbove = 256 << 10;
constexpr int kTunedHashLog = 16;   // 256 KiB, long matches
constexpr int kTunedChainLog = 15;  // 128 KiB, short matches

struct FrameEncoder::State {
  Compressor context;
  int level = 0;
  bool tuned = false;
  // Grows to the largest bound asked for, and stays. Not cleared: a frame is far smaller than its
  // bound, and what nobody writes to takes no memory.
  std::unique_ptr<std::byte[]> room;
  size_t room_bytes = 0;

  MutableBytes at_least(size_t bytes) {
    if (room_bytes < bytes) {
      room = std::make_unique_for_overwrite<std::byte[]>(bytes);
      room_bytes = bytes;
    }
    return {room.get(), room_bytes};
  }
  void tune_for(size_t content) {
    const bool wanted = level == kTunedLevel && content > kTunedAbove;
    if (wanted == tuned) return;
    // 0 is zstd's own choice.
    set(context.get(), ZSTD_c_hashLog, wanted ? kTunedHashLog : 0);
    set(context.get(), ZSTD_c_chainLog, wanted ? kTunedChainLog : 0);
    tuned = wanted;
  }
};

FrameEncoder::FrameEncoder(int level)
    : state_(std::make_unique<State>(State{make_compressor(level), level})) {}
FrameEncoder::~FrameEncoder() = default;
FrameEncoder::FrameEncoder(FrameEncoder&&) noexcept = default;
FrameEncoder& FrameEncoder::operator=(FrameEncoder&&) noexcept = default;

ByteView FrameEncoder::encode(ByteView content) {
  state_->tune_for(content.size());
  const MutableBytes frame = state_->at_least(ZSTD_compressBound(content.size()));
  // With the whole content at hand zstd knows its size, and chooses its tables for that size.
  const size_t size = ZSTD_compress2(state_->context.get(), frame.data(), frame.size(),
                                     content.data(), content.size());
  // Room for the worst case was given and the parameters are ours: nothing is left that can fail
  // but memory.
  CHECK(!ZSTD_isError(size));
  return frame.first(size);
}

struct FrameDecoder::State {
  Decompressor context;
};

FrameDecoder::FrameDecoder() : state_(std::make_unique<State>(State{make_decompressor()})) {}
FrameDecoder::~FrameDecoder() = default;
FrameDecoder::FrameDecoder(FrameDecoder&&) noexcept = default;
FrameDecoder& FrameDecoder::operator=(FrameDecoder&&) noexcept = default;

Result<void> FrameDecoder::decode(ByteView frame, MutableBytes content) {
  if (!is_one_zstd_frame(frame)) return corrupt("not one zstd frame");
  const size_t size = ZSTD_decompressDCtx(state_->context.get(), content.data(), content.size(),
                                          frame.data(), frame.size());
  if (ZSTD_isError(size)) {
    return corrupt(std::string("a zstd frame does not decode: ") + ZSTD_getErrorName(size));
  }
  if (size != content.size()) {
    return corrupt("a zstd frame holds " + std::to_string(size) + " bytes instead of " +
                   std::to_string(content.size()));
  }
  return success();
}

Result<void> FrameDecoder::decode_beginning(ByteView frame, MutableBytes beginning) {
  ZSTD_DCtx* const context = state_->context.get();
  // Of whatever was left half-way before.
  CHECK(!ZSTD_isError(ZSTD_DCtx_reset(context, ZSTD_reset_session_only)));
  // The checksum is not reached, so it need not be computed: ZSTD_d_forceIgnoreChecksum,
  // since 1.4.7. A library that knows it by another number computes it, and that is all.
  constexpr auto kIgnoreChecksum = ZSTD_d_experimentalParam3;
  (void)ZSTD_DCtx_setParameter(context, kIgnoreChecksum, 1);
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  ZSTD_outBuffer out{beginning.data(), beginning.size(), 0};
  const char* problem = nullptr;
  while (out.pos < out.size) {
    const size_t before = in.pos + out.pos;
    const size_t wanted = ZSTD_decompressStream(context, &out, &in);
    if (ZSTD_isError(wanted)) {
      problem = ZSTD_getErrorName(wanted);
      break;
    }
    if (wanted == 0 || in.pos + out.pos == before) break;
  }
  CHECK(!ZSTD_isError(ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters)));
  if (problem != nullptr) return corrupt(std::string("a zstd frame does not decode: ") + problem);
  if (out.pos == out.size) return success();
  return corrupt("a zstd frame holds " + std::to_string(out.pos) + " bytes, " +
                 std::to_string(out.size) + " or more were expected");
}

struct StreamDecoder::State {
  Decompressor context;
  size_t wanted = 0;  // zstd's hint: 0 when a frame is complete and flushed
};

StreamDecoder::StreamDecoder(uint64_t largest_window)
    : state_(std::make_unique<State>(State{make_decompressor(), 0})) {
  const int window_log = std::clamp(static_cast<int>(std::bit_width(largest_window)), 10, 27);
  CHECK(!ZSTD_isError(
      ZSTD_DCtx_setParameter(state_->context.get(), ZSTD_d_windowLogMax, window_log)));
}
StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

Result<StreamDecoder::Step> StreamDecoder::decode(ByteView stream, MutableBytes content) {
  ZSTD_inBuffer in{stream.data(), stream.size(), 0};
  ZSTD_outBuffer out{content.data(), content.size(), 0};
  // One call may stop at a frame's end; go on into the next frame.
  size_t before = 0;
  do {
    before = in.pos + out.pos;
    // Nothing buffered and nothing to take: asking would make zstd expect a frame that need not
    // come.
    if (in.pos == in.size && between_frames()) break;
    state_->wanted = ZSTD_decompressStream(state_->context.get(), &out, &in);
    if (ZSTD_isError(state_->wanted)) {
      return corrupt(std::string("zstd: ") + ZSTD_getErrorName(state_->wanted));
    }
  } while (in.pos + out.pos > before && out.pos < out.size);
  return Step{in.pos, out.pos};
}

bool StreamDecoder::between_frames() const { return state_->wanted == 0; }

Result<Bytes> decode_stream(ByteView stream, uint64_t limit) {
  // A window beyond the limit could only serve content beyond the limit. zstd allocates the window
  // that the header claims but touches only as much of it as it decodes.
  StreamDecoder decoder(std::max<uint64_t>(limit, 1 << 20));
  Bytes piece(ZSTD_DStreamOutSize());
  Bytes content;
  while (true) {
    const StreamDecoder::Step step = TRY(decoder.decode(stream, piece));
    if (step.consumed == 0 && step.produced == 0) break;
    stream = stream.subspan(step.consumed);
    if (content.size() + step.produced > limit) {
      return make_error(ErrorKind::kInvalid,
                        "zstd content is larger than " + std::to_string(limit) + " bytes");
    }
    content.insert(content.end(), piece.begin(),
                   piece.begin() + static_cast<ptrdiff_t>(step.produced));
  }
  if (!decoder.between_frames()) return corrupt("zstd content ends in the middle of a frame");
  return content;
}

}  // namespace walkback::codec
