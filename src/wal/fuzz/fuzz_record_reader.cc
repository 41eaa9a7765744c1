// libFuzzer: a segment of any bytes, with true headers and checksums laid over it so that records
// are reached
#include "base/bytes.h"
#include "pg/crc32c.h"
#include "wal/record_reader.h"
#include "wal/timed_event.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace walkback;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  constexpr uint32_t kSegmentBytes = 1u << 20;
  Bytes segment = to_bytes(bytes.first(std::min<size_t>(size, 64 << 10)));
  if (segment.size() < 128) return 0;
  const pg::Lsn start{kSegmentBytes};
  // Where the input begins with an even byte, its first record gets the checksum that holds.
  const bool sealed = data[0] % 2 == 0;
  for (size_t page = 0; page + wal::kLongHeaderBytes < segment.size(); page += wal::kWalPageBytes) {
    const uint16_t magic = 0xD110;
    const uint64_t address = start.value + page;
    std::memcpy(segment.data() + page, &magic, 2);
    segment[page + 3] = std::byte{0};
    segment[page + 2] =
        (segment[page + 2] & std::byte{0x0D}) | (page == 0 ? std::byte{2} : std::byte{0});
    std::memcpy(segment.data() + page + 8, &address, 8);
    const uint32_t timeline = 1;
    std::memcpy(segment.data() + page + 4, &timeline, 4);
  }
  const uint32_t sizes[] = {kSegmentBytes, 8192};
  std::memcpy(segment.data() + 32, sizes, sizeof sizes);
  if (sealed) {
    segment[2] = std::byte{2};
    const auto total = load<uint32_t>(segment, 40) % 4096;
    if (total >= wal::kRecordHeaderBytes && 40 + total <= segment.size()) {
      std::memcpy(segment.data() + 40, &total, 4);
      const ByteView record = ByteView(segment).subspan(40, total);
      const uint32_t crc = pg::crc32c(record.first(20), pg::crc32c(record.subspan(24)));
      std::memcpy(segment.data() + 60, &crc, 4);
    }
  }
  wal::RecordReader reader({kSegmentBytes, {}, {}});
  wal::TimedEvents events(15);
  wal::Record record;
  for (size_t part : {segment.size() / 3, segment.size()}) {
    reader.feed({{1}, 1}, ByteView(segment).first(part));
    while (reader.next(record) == wal::Outcome::kRecord) (void)events.of(record).ok();
  }
  return 0;
}
