// What files and services say about credentials.
#include <cstddef>
#include <cstdint>

#include "s3/credentials_chain.h"
#include "s3/shared_files.h"

using namespace walkback;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  (void)s3::parse_ini(as_text(bytes));
  (void)s3::parse_credentials_json(bytes, "it");
  return 0;
}
