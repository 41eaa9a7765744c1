// libFuzzer: a control file of any bytes, with a checksum that holds so that more than it is
// reached
#include "base/bytes.h"
#include "pg/control_file.h"
#include "pg/crc32c.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace walkback;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  (void)pg::parse_control_file(bytes).ok();
  Bytes sealed = to_bytes(bytes.first(std::min<size_t>(size, 8192)));
  sealed.resize(8192);
  for (size_t at : {288u, 292u}) {
    const uint32_t crc = pg::crc32c(ByteView(sealed).first(at));
    std::memcpy(sealed.data() + at, &crc, sizeof crc);
    (void)pg::parse_control_file(sealed).ok();
  }
  return 0;
}
