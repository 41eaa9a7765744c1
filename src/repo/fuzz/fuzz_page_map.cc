// libFuzzer: any bytes as a page map. What is accepted is whole, and is the same after being
// written again.
#include "base/bytes.h"
#include "base/check.h"
#include "repo/page_map.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace walkback;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  const Result<repo::PageMap> map = repo::decode_page_map(bytes);
  if (!map.ok()) return 0;
  const Bytes again = repo::encode_page_map(*map);  // CHECKs that the map is whole
  CHECK(repo::encode_page_map(repo::decode_page_map(again).value()) == again);
  return 0;
}
