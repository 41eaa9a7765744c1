// A page as a full-page image holds it, uncompressed (wal_compression).
#pragma once

#include <optional>

#include "base/bytes.h"
#include "wal/record.h"

namespace walkback::wal {

// The page without its hole, where the image is a compressed one: by PostgreSQL's own pglz, as one
// block of LZ4 or as one zstd frame (src/backend/access/transam/xloginsert.c,
// XLogCompressBackupBlock). Nothing when its bytes are not exactly that. Safe for any input.
std::optional<Bytes> decompress_image(const BlockImage& image);

}  // namespace walkback::wal
