// CRC-32C (Castagnoli), which guards WAL records and pg_control (src/port/pg_crc32c*.c).
//
// Uses the processor's instruction where there is one, chosen when the program runs. Thread-safe.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace walkback::pg {

// The checksum of what `crc` already covers followed by `bytes`; 0 covers nothing.
uint32_t crc32c(ByteView bytes, uint32_t crc = 0);

// As crc32c(), without special instructions: the fallback, and the measure for the other.
uint32_t crc32c_portable(ByteView bytes, uint32_t crc = 0);

}  // namespace walkback::pg
