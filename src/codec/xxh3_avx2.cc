// XXH3 compiled for AVX2 (this file's own compiler flag): two to three times the speed of the SSE2
// that a portable build may assume. No C++ headers here: their inline functions, compiled for AVX2,
// could be the copies that the linker keeps for every other file.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace walkback::codec {

XXH128_hash_t xxh3_128_avx2(const void* data, size_t size);
uint64_t xxh3_64_avx2(const void* data, size_t size);

XXH128_hash_t xxh3_128_avx2(const void* data, size_t size) { return XXH3_128bits(data, size); }
uint64_t xxh3_64_avx2(const void* data, size_t size) { return XXH3_64bits(data, size); }

}  // namespace walkback::codec
