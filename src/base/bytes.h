// Bytes, views of bytes, and a bounded little-endian reader for bytes that may be hostile.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace walkback {

static_assert(
    std::endian::native == std::endian::little,
    "PostgreSQL's files are read in the host's byte order; only little-endian is supported");

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }

// Lower-case hexadecimal, two digits a byte.
std::string to_hex(ByteView bytes);

// Reads a trivially copyable T at `offset`; the caller has checked the bounds.
template <typename T>
requires std::is_trivially_copyable_v<T> T load(ByteView bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// Reads forward through bytes of unknown origin. Once a read asks for more than is left, the reader
// has failed: that read and all later ones give zeros, and failed() stays true. So a decoder reads
// all its fields and asks once. Does not own the bytes. Not thread-safe.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  template <typename T>
  requires std::is_trivially_copyable_v<T> T read() {
    if (!reserve(sizeof(T))) return T{};
    T value = load<T>(bytes_, position_);
    position_ += sizeof(T);
    return value;
  }

  // A view of the next `size` bytes; empty when the reader fails.
  ByteView take(size_t size) {
    if (!reserve(size)) return {};
    ByteView view = bytes_.subspan(position_, size);
    position_ += size;
    return view;
  }

  void skip(size_t size) {
    if (reserve(size)) position_ += size;
  }

  size_t position() const { return position_; }
  size_t remaining() const { return failed_ ? 0 : bytes_.size() - position_; }
  bool failed() const { return failed_; }

 private:
  bool reserve(size_t size) {
    if (failed_ || bytes_.size() - position_ < size) failed_ = true;
    return !failed_;
  }

  ByteView bytes_;
  size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace walkback
