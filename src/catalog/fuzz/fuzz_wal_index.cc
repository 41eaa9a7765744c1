// libFuzzer: any bytes as a WAL index's payload. What is accepted is the same after being written
// again.
#include "base/bytes.h"
#include "base/check.h"
#include "catalog/wal_index.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace walkback;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  const std::optional<catalog::WalIndex> index = catalog::decode_wal_index(bytes);
  if (!index) return 0;
  CHECK(catalog::decode_wal_index(as_bytes(catalog::encode_wal_index(*index))) == index);
  return 0;
}
