// libFuzzer: backup_label and tablespace_map; what is read of a map is written back the same
#include "base/bytes.h"
#include "base/check.h"
#include "pg/backup_label.h"
#include "pg/tablespace_map.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace walkback;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  (void)pg::parse_backup_label(as_text(bytes)).ok();
  const auto entries = pg::parse_tablespace_map(as_text(bytes));
  if (entries.ok())
    CHECK(pg::parse_tablespace_map(pg::format_tablespace_map(*entries)).value() == *entries);
  return 0;
}
