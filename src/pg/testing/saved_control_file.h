// For tests: a pg_control that a real server of this major version wrote.
#pragma once

#include <cstring>
#include <string>

#include "base/file_system.h"
#include "pg/crc32c.h"

namespace walkback::pg {

// Of a fresh cluster (initdb -k --wal-segsize=1). `testdata`, this module's, has the first 512
// bytes (PG_CONTROL_MAX_SAFE_SIZE, pg_control.h); the rest of the 8192 are zeros.
inline Bytes saved_control_file(const std::string& testdata, int major = 15) {
  const std::string path = testdata + "/pg_control_" + std::to_string(major);
  Bytes bytes = read_file(system_files(), path).value();
  constexpr size_t kControlFileBytes = 8192;
  bytes.resize(kControlFileBytes);
  return bytes;
}

// Offsets: src/include/catalog/pg_control.h of 15.
inline constexpr size_t kSystemIdentifierAt = 0;
inline constexpr size_t kWalSegmentBytesAt = 228;
inline constexpr size_t kDataChecksumVersionAt = 252;

// Another value there; the CRC is right again.
template <typename T>
void change_control_file(Bytes& file, size_t offset, const T& value) {
  constexpr size_t kCrcAt = 288;  // of 13 to 17
  std::memcpy(&file[offset], &value, sizeof value);
  const uint32_t crc = crc32c(ByteView(file).first(kCrcAt));
  std::memcpy(&file[kCrcAt], &crc, sizeof crc);
}

}  // namespace walkback::pg
