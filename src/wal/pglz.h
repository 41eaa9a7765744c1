// PostgreSQL's own compression, of page images with wal_compression = on or pglz
// (src/common/pg_lzcompress.c, pglz_decompress).
#pragma once

#include <optional>

#include "base/bytes.h"

namespace walkback::wal {

// Exactly `bytes` of content; nothing when the compressed bytes are not so many. Safe for any
// input.
std::optional<Bytes> pglz_decompress(ByteView compressed, size_t bytes);

}  // namespace walkback::wal
