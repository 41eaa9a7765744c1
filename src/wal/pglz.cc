#include "wal/pglz.h"

namespace walkback::wal {

// A byte of eight flags, then for each a literal byte, or two or three bytes that say what to
// repeat: four bits of length less 3, twelve of distance, and a byte of more length where that is
// full.
std::optional<Bytes> pglz_decompress(ByteView compressed, size_t bytes) {
  constexpr size_t kShortestMatch = 3;
  constexpr size_t kFullLength = 18;
  Bytes content;
  content.reserve(bytes);
  ByteReader reader(compressed);
  while (content.size() < bytes && reader.remaining() > 0) {
    const auto flags = reader.read<uint8_t>();
    for (int bit = 0; bit < 8 && content.size() < bytes && reader.remaining() > 0; ++bit) {
      if ((flags >> bit & 1) == 0) {
        content.push_back(reader.read<std::byte>());
        continue;
      }
      const auto first = reader.read<uint8_t>(), second = reader.read<uint8_t>();
      size_t length = (first & 0x0F) + kShortestMatch;
      const size_t distance = size_t{first & 0xF0u} << 4 | second;
      if (length == kFullLength) length += reader.read<uint8_t>();
      if (reader.failed() || distance == 0 || distance > content.size()) return std::nullopt;
      // What is repeated may be longer than its distance: byte by byte.
      for (; length > 0 && content.size() < bytes; --length) {
        content.push_back(content[content.size() - distance]);
      }
    }
  }
  if (content.size() != bytes || reader.remaining() > 0) return std::nullopt;
  return content;
}

}  // namespace walkback::wal
