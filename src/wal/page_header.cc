#include "wal/page_header.h"

namespace walkback::wal {

PageHeader read_page_header(ByteView page) {
  ByteReader reader(page);
  PageHeader header;
  header.magic = reader.read<uint16_t>();
  header.info = reader.read<uint16_t>();
  header.timeline = {reader.read<uint32_t>()};
  header.address = {reader.read<uint64_t>()};
  header.remaining = reader.read<uint32_t>();
  reader.skip(4);
  if (header.is_long()) {
    header.system_identifier = {reader.read<uint64_t>()};
    header.segment_bytes = reader.read<uint32_t>();
    header.page_bytes = reader.read<uint32_t>();
  }
  return header;
}

}  // namespace walkback::wal
