// Frames: the unit of compression, of random reads and of hashing.
//
// A frame is one complete zstd frame with its content size and content checksum in it, so any
// number of them one after another is a stream that `zstd -d` reads. (RFC 8878 section 3.1.1)
#pragma once

#include <array>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace walkback::codec {

// XXH3-128 of content, little-endian; finds damage, does not withstand an attacker (signatures do
// that).
struct ContentHash {
  std::array<std::byte, 16> bytes{};
  auto operator<=>(const ContentHash&) const = default;
};
ContentHash hash_content(ByteView content);
// The same over content that arrives in pieces. One thread at a time.
class ContentHashStream {
 public:
  ContentHashStream();
  ~ContentHashStream();
  void update(ByteView data);
  ContentHash finish() const;  // of everything so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};
// XXH3-64, for pages: cheap enough to keep one for each.
uint64_t hash_page(ByteView page);
// XXH3-64 of a frame as it is stored: a changed byte can decode to the same content.
uint64_t hash_frame(ByteView frame);

// Reuses its working memory from frame to frame; one thread at a time.
class FrameEncoder {
 public:
  // zstd levels 1 to 19.
  explicit FrameEncoder(int level);
  ~FrameEncoder();
  FrameEncoder(FrameEncoder&&) noexcept;
  FrameEncoder& operator=(FrameEncoder&&) noexcept;

  // The frame of `content`, valid until the next call.
  ByteView encode(ByteView content);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One thread at a time.
class FrameDecoder {
 public:
  FrameDecoder();
  ~FrameDecoder();
  FrameDecoder(FrameDecoder&&) noexcept;
  FrameDecoder& operator=(FrameDecoder&&) noexcept;

  // Fills exactly `content` from exactly one frame; any other size, or bytes that do not match
  // their checksum, is kCorrupt.
  Result<void> decode(ByteView frame, MutableBytes content);

  // Fills `beginning` with the first bytes of the frame, and decodes little more than those. The
  // frame's checksum is at its end and not looked at: the caller knows what should be there.
  Result<void> decode_beginning(ByteView frame, MutableBytes beginning);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The content of frames one after another, in pieces and in bounded memory. One thread at a time.
class StreamDecoder {
 public:
  // Frames that need a window of more bytes than this (rounded up to a power of two) are kCorrupt.
  explicit StreamDecoder(uint64_t largest_window);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;

  struct Step {
    size_t consumed = 0;  // of `stream`
    size_t produced = 0;  // of `content`
  };
  // As much of both as possible; nothing of either only when there is no more room or no more
  // stream.
  Result<Step> decode(ByteView stream, MutableBytes content);
  // Nothing of a begun frame is missing: the only place where a stream may end.
  bool between_frames() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// All frames of `stream` one after another; kInvalid above `limit` bytes of content. Memory grows
// with what is really decoded, never with what a header claims.
Result<Bytes> decode_stream(ByteView stream, uint64_t limit);

// SHA-256, for names of content that must withstand an attacker.
using Sha256 = std::array<std::byte, 32>;
Sha256 sha256(ByteView data);

// The same over content that arrives in pieces. One thread at a time.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;

  void update(ByteView data);
  // Of everything so far. Call once.
  Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace walkback::codec
