// For tests: bytes, field by field.
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace walkback::wal {

class TestBytes {
 public:
  template <typename T>
  requires std::is_trivially_copyable_v<T> TestBytes& put(T value) {
    const auto* raw = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), raw, raw + sizeof value);
    return *this;
  }
  template <typename T>
  TestBytes& put_many(std::initializer_list<T> values) {
    for (const T& value : values) put(value);
    return *this;
  }
  TestBytes& text(std::string_view text) {
    const ByteView view = as_bytes(text);
    bytes_.insert(bytes_.end(), view.begin(), view.end());
    return *this;
  }
  TestBytes& zeros(size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  TestBytes& align() { return zeros((8 - bytes_.size() % 8) % 8); }
  operator const Bytes&() const { return bytes_; }
  operator ByteView() const { return bytes_; }
  size_t size() const { return bytes_.size(); }

 private:
  Bytes bytes_;
};

}  // namespace walkback::wal
