#include "pg/filenode_map.h"

#include <algorithm>

#include "pg/crc32c.h"

namespace walkback::pg {

namespace {

constexpr uint32_t kMagic = 0x592717;  // RELMAPPER_FILEMAGIC
constexpr size_t kHeaderBytes = 8;
constexpr size_t kMappingBytes = 8;
constexpr uint32_t kMostMappings15 = 62;
constexpr uint32_t kMostMappings16 = 64;

Error no_map() { return make_error(ErrorKind::kCorrupt, "it is no pg_filenode.map"); }

}  // namespace

Result<std::vector<MappedFile>> parse_filenode_map(ByteView map) {
  // Until 15 four bytes to fill a sector follow the checksum.
  const bool is_15 = map.size() == kHeaderBytes + kMostMappings15 * kMappingBytes + 8;
  const uint32_t most = is_15 ? kMostMappings15 : kMostMappings16;
  const size_t crc_at = kHeaderBytes + most * kMappingBytes;
  if (!is_15 && map.size() != crc_at + sizeof(uint32_t)) return no_map();
  ByteReader reader(map);
  const auto magic = reader.read<uint32_t>();
  const auto count = reader.read<uint32_t>();
  if (magic != kMagic || count > most || load<uint32_t>(map, crc_at) != crc32c(map.first(crc_at))) {
    return no_map();
  }
  std::vector<MappedFile> files(count);
  for (MappedFile& mapped : files) {
    mapped.relation = reader.read<uint32_t>();
    mapped.file = reader.read<uint32_t>();
  }
  return files;
}

std::optional<Oid> file_of(const std::vector<MappedFile>& map, Oid relation) {
  const auto found = std::ranges::find(map, relation, &MappedFile::relation);
  return found == map.end() ? std::nullopt : std::optional(found->file);
}

}  // namespace walkback::pg
