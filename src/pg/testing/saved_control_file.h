// For tests: a pg_control that a real server of this major version wrote.
#pragma once

#include <string>

#include "base/file_system.h"

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

}  // namespace walkback::pg
