#include "pg/page.h"

#include <cstring>

namespace walkback::pg {
namespace {

constexpr size_t kChecksumAt = 8;  // PageHeaderData.pd_checksum
constexpr uint32_t kPrime = 16777619;

// Eight of the algorithm's 32 lanes; the compiler splits it where registers are narrower.
using Lanes = uint32_t __attribute__((vector_size(32)));
constexpr size_t kRows = kPageBytes / (4 * sizeof(Lanes));

// checksumBaseOffsets of checksum_impl.h: part of the on-disk format.
constexpr uint32_t kOffsets[32] = {
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756};

// FNV-1a with a shift, 32 lanes wide. The page's own checksum field counts as zero.
[[gnu::always_inline]] inline uint32_t hash_page(const std::byte* page) {
  Lanes sums[4];
  std::memcpy(sums, kOffsets, sizeof sums);
  for (size_t row = 0; row < kRows + 2; ++row) {
    Lanes words[4] = {};  // two rows of zeros at the end mix the last words in
    if (row < kRows) std::memcpy(words, page + row * sizeof words, sizeof words);
    if (row == 0) words[0][kChecksumAt / 4] &= 0xFFFF0000;
    for (size_t i = 0; i < 4; ++i) {
      const Lanes mixed = sums[i] ^ words[i];
      sums[i] = mixed * kPrime ^ (mixed >> 17);
    }
  }
  uint32_t result = 0;
  for (const Lanes& lanes : sums) {
    for (size_t i = 0; i < 8; ++i) result ^= lanes[i];
  }
  return result;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) uint32_t hash_page_avx2(const std::byte* page) {
  return hash_page(page);
}
#endif

uint32_t hash_page_portable(const std::byte* page) { return hash_page(page); }

uint32_t hash_page_fastest(const std::byte* page) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return hash_page_avx2(page);
#endif
  return hash_page_portable(page);
}

}  // namespace

Lsn page_lsn(ByteView page) {
  CHECK(page.size() == kPageBytes);
  return {uint64_t{load<uint32_t>(page, 0)} << 32 | load<uint32_t>(page, 4)};
}

bool is_new(ByteView page) {
  CHECK(page.size() == kPageBytes);
  // Equal to itself moved by eight bytes, and begins with zeros: all zeros.
  return load<uint64_t>(page, 0) == 0 &&
         std::memcmp(page.data(), page.data() + 8, page.size() - 8) == 0;
}

uint16_t page_checksum(ByteView page, uint32_t block_number) {
  CHECK(page.size() == kPageBytes);
  return static_cast<uint16_t>((hash_page_fastest(page.data()) ^ block_number) % 65535 + 1);
}

PageVerdict verify_page(ByteView page, uint32_t block_number, Lsn not_after) {
  if (is_new(page)) return PageVerdict::kNew;
  if (page_lsn(page) > not_after) return PageVerdict::kNewer;
  const bool holds = load<uint16_t>(page, kChecksumAt) == page_checksum(page, block_number);
  return holds ? PageVerdict::kOk : PageVerdict::kBad;
}

}  // namespace walkback::pg
