// pg_filenode.map (src/backend/utils/cache/relmapper.c): which files the relations of the catalog
// are in that pg_class itself cannot say it of; one in each database's directory, one in global/
// for those that all databases share. Pure and thread-safe.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "pg/types.h"

namespace walkback::pg {

struct MappedFile {
  Oid relation = 0;
  Oid file = 0;  // relfilenode
  bool operator==(const MappedFile&) const = default;
};

// Of the file, or of what XLOG_RELMAP_UPDATE has of it: 512 bytes until 15, 524 since 16, with a
// CRC-32C. kCorrupt when the bytes are no such map.
Result<std::vector<MappedFile>> parse_filenode_map(ByteView map);

// Nothing when it does not name the relation.
std::optional<Oid> file_of(const std::vector<MappedFile>& map, Oid relation);

}  // namespace walkback::pg
