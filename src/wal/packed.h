// An array inside a record, as it lies there: unaligned, not copied.
#pragma once

#include <cstddef>
#include <iterator>
#include <vector>

#include "base/bytes.h"

namespace walkback::wal {

// Valid as long as the bytes it views. T is trivially copyable and has no padding.
template <typename T>
class Packed {
 public:
  Packed() = default;
  // All of `bytes`, whose size is a multiple of T's.
  explicit Packed(ByteView bytes) : bytes_(bytes) {}

  size_t size() const { return bytes_.size() / sizeof(T); }
  bool empty() const { return bytes_.empty(); }
  T operator[](size_t index) const { return load<T>(bytes_, index * sizeof(T)); }
  std::vector<T> copy() const { return {begin(), end()}; }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = T;
    Iterator(const std::byte* at) : at_(at) {}
    T operator*() const { return load<T>({at_, sizeof(T)}, 0); }
    Iterator& operator++() {
      at_ += sizeof(T);
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const std::byte* at_;
  };
  Iterator begin() const { return bytes_.data(); }
  Iterator end() const { return bytes_.data() + size() * sizeof(T); }

 private:
  ByteView bytes_;
};

// The next `count` elements; the reader fails when they are not all there.
template <typename T>
Packed<T> take_packed(ByteReader& reader, size_t count) {
  if (count > reader.remaining() / sizeof(T)) {
    reader.skip(reader.remaining() + 1);
    return {};
  }
  return Packed<T>(reader.take(count * sizeof(T)));
}

}  // namespace walkback::wal
