#include "pg/crc32c.h"

#include <array>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace walkback::pg {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;  // reflected
constexpr size_t kLaneBytes = 256;

using Table = std::array<uint32_t, 256>;

// kSlices[0] advances a remainder by one byte; kSlices[k] by k further bytes of zeros.
constexpr std::array<Table, 8> make_slices() {
  std::array<Table, 8> slices{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? kPolynomial : 0);
    slices[0][i] = value;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (uint32_t i = 0; i < 256; ++i) {
      slices[k][i] = (slices[k - 1][i] >> 8) ^ slices[0][slices[k - 1][i] & 0xFF];
    }
  }
  return slices;
}
constexpr std::array<Table, 8> kSlices = make_slices();

uint32_t extend_by_byte(uint32_t state, std::byte byte) {
  return (state >> 8) ^ kSlices[0][(state ^ static_cast<uint32_t>(byte)) & 0xFF];
}

#if defined(__x86_64__)

// Advancing a remainder by `zeros` zero bytes is linear: four tables, one for each of its bytes.
constexpr std::array<Table, 4> make_shift(size_t zeros) {
  std::array<uint32_t, 32> of_bit{};
  for (uint32_t bit = 0; bit < 32; ++bit) {
    uint32_t value = 1u << bit;
    for (size_t i = 0; i < zeros; ++i) value = (value >> 8) ^ kSlices[0][value & 0xFF];
    of_bit[bit] = value;
  }
  std::array<Table, 4> shift{};
  for (size_t byte = 0; byte < 4; ++byte) {
    for (uint32_t i = 0; i < 256; ++i) {
      for (uint32_t bit = 0; bit < 8; ++bit) {
        if (i & (1u << bit)) shift[byte][i] ^= of_bit[byte * 8 + bit];
      }
    }
  }
  return shift;
}
constexpr std::array<Table, 4> kShiftLane = make_shift(kLaneBytes);

uint32_t shift_by_lane(uint32_t state) {
  return kShiftLane[0][state & 0xFF] ^ kShiftLane[1][(state >> 8) & 0xFF] ^
         kShiftLane[2][(state >> 16) & 0xFF] ^ kShiftLane[3][state >> 24];
}

uint64_t load_word(const std::byte* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// The instruction takes three cycles but one can start in each: three lanes side by side keep it
// busy.
__attribute__((target("sse4.2"))) uint32_t extend_sse42(uint32_t crc, const std::byte* at,
                                                        const std::byte* end) {
  uint64_t state = ~crc;
  while (static_cast<size_t>(end - at) >= 3 * kLaneBytes) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < kLaneBytes; i += 8) {
      state = _mm_crc32_u64(state, load_word(at + i));
      second = _mm_crc32_u64(second, load_word(at + kLaneBytes + i));
      third = _mm_crc32_u64(third, load_word(at + 2 * kLaneBytes + i));
    }
    const uint32_t joined =
        shift_by_lane(static_cast<uint32_t>(state)) ^ static_cast<uint32_t>(second);
    state = shift_by_lane(joined) ^ static_cast<uint32_t>(third);
    at += 3 * kLaneBytes;
  }
  for (; end - at >= 8; at += 8) state = _mm_crc32_u64(state, load_word(at));
  for (; at != end; ++at) {
    state = _mm_crc32_u8(static_cast<uint32_t>(state), static_cast<unsigned char>(*at));
  }
  return ~static_cast<uint32_t>(state);
}

#endif

}  // namespace

uint32_t crc32c_portable(ByteView bytes, uint32_t crc) {
  uint32_t state = ~crc;
  size_t i = 0;
  for (; bytes.size() - i >= 8; i += 8) {
    const uint32_t low = load<uint32_t>(bytes, i) ^ state;
    const uint32_t high = load<uint32_t>(bytes, i + 4);
    state = kSlices[7][low & 0xFF] ^ kSlices[6][(low >> 8) & 0xFF] ^
            kSlices[5][(low >> 16) & 0xFF] ^ kSlices[4][low >> 24] ^ kSlices[3][high & 0xFF] ^
            kSlices[2][(high >> 8) & 0xFF] ^ kSlices[1][(high >> 16) & 0xFF] ^
            kSlices[0][high >> 24];
  }
  for (; i < bytes.size(); ++i) state = extend_by_byte(state, bytes[i]);
  return ~state;
}

uint32_t crc32c(ByteView bytes, uint32_t crc) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) {
    return extend_sse42(crc, bytes.data(), bytes.data() + bytes.size());
  }
#endif
  return crc32c_portable(bytes, crc);
}

}  // namespace walkback::pg
