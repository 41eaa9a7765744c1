#include "verify/pack_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/frame_stream.h"
#include "repo/page_map.h"

namespace walkback::verify {

namespace {

// A pack of zeros holds a thousand times its size; each frame has a limit of its own.
constexpr uint64_t kAnyContent = uint64_t{1} << 50;

Error damaged(uint64_t offset, std::string_view why) {
  return make_error(ErrorKind::kCorrupt, fmt::format("it is damaged at byte {}: {}", offset, why));
}

}  // namespace

uint32_t fingerprint(const NamedFrame& frame) {
  std::array<std::byte, 36> bytes{};
  auto put = [&, at = size_t{0}](const auto& value) mutable {
    std::memcpy(bytes.data() + at, &value, sizeof value);
    at += sizeof value;
  };
  put(frame.offset);
  put(frame.length);
  put(frame.content_bytes);
  put(frame.hash.bytes);
  put(frame.stored_hash);
  return static_cast<uint32_t>(codec::hash_frame(bytes));
}

Result<ByteView> PackChecker::decode(ByteView frame, uint32_t content_bytes) {
  if (content_.size() < content_bytes) content_.resize(content_bytes);
  const MutableBytes content = MutableBytes(content_).first(content_bytes);
  TRY(decoder_.decode(frame, content));
  return ByteView(content);
}

Result<void> PackChecker::check(ByteView pack, PackOf of, std::span<const NamedFrame> named) {
  const Result<std::vector<codec::StreamFrame>> frames = codec::split_stream(pack, kAnyContent);
  if (!frames.ok()) return damaged(0, frames.error().message);
  auto next = named.begin();
  for (const codec::StreamFrame& frame : *frames) {
    const auto offset = static_cast<uint64_t>(frame.frame.data() - pack.data());
    const Result<ByteView> content = decode(frame.frame, frame.content_bytes);
    if (!content.ok()) return damaged(offset, content.error().message);
    std::optional<codec::ContentHash> hash;
    if (next != named.end() && next->offset < offset) break;
    // More than one where maps disagree: then one of them is wrong.
    for (; next != named.end() && next->offset == offset; ++next) {
      if (!hash) hash = codec::hash_content(*content);
      if (next->length != frame.frame.size() || next->content_bytes != frame.content_bytes) {
        return damaged(offset, "a map says that the frame there is of another size");
      }
      if (next->hash != *hash) return damaged(offset, "its content does not match its checksum");
      if (of == PackOf::kPages && next->stored_hash != codec::hash_frame(frame.frame)) {
        return damaged(offset, "its bytes do not match their checksum");
      }
    }
    if (of == PackOf::kMaps) {
      const Result<repo::PageMap> map = repo::decode_page_map(*content);
      if (!map.ok()) return damaged(offset, map.error().message);
    }
  }
  if (next == named.end()) return success();
  return damaged(next->offset, "a map says that a frame begins there, and none does");
}

}  // namespace walkback::verify
