// For tests: pg_filenode.map as a server writes it.
#pragma once

#include <cstring>
#include <vector>

#include "pg/crc32c.h"
#include "pg/filenode_map.h"

namespace walkback::pg {

// Of 13 to 15, or of 16 and later.
inline Bytes make_filenode_map(const std::vector<MappedFile>& files, bool is_15 = true) {
  Bytes map(is_15 ? 512 : 524);
  const auto put = [&](size_t at, uint32_t value) {
    std::memcpy(map.data() + at, &value, sizeof value);
  };
  put(0, 0x592717);
  put(4, static_cast<uint32_t>(files.size()));
  for (size_t i = 0; i < files.size(); ++i) {
    put(8 + i * 8, files[i].relation);
    put(12 + i * 8, files[i].file);
  }
  const size_t crc_at = is_15 ? 504 : 520;
  put(crc_at, crc32c(ByteView(map).first(crc_at)));
  return map;
}

}  // namespace walkback::pg
