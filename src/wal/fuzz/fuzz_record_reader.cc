// libFuzzer: pages of a real segment with any bytes changed, on any major. What a changed byte
// breaks at once (addresses, links, checksums) is made right again first, so that what lies behind
// is reached: the records themselves, which rows and files they name, and the index made of them.
//
// The first byte of the input is the major and whether to make right; pages follow, as
// tools/dev/test.sh cuts them from testdata/.
#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "pg/crc32c.h"
#include "pg/versions.h"
#include "wal/record_reader.h"
#include "wal/segment_summary.h"
#include "wal/timed_event.h"

namespace walkback::wal {
namespace {

constexpr uint32_t kSegmentBytes = 1u << 20;
constexpr pg::SegmentName kName{{1}, 1};

template <typename T>
void put(Bytes& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

// Pages behind a first one that only ends a record from before them.
class Log {
 public:
  Log(const pg::Version& version, ByteView pages) : bytes_(kWalPageBytes) {
    const size_t size = std::min<size_t>(pages.size(), kSegmentBytes - kWalPageBytes);
    bytes_.insert(bytes_.end(), pages.begin(), pages.begin() + static_cast<ptrdiff_t>(size));
    put<uint16_t>(bytes_, 2, PageHeader::kLong | PageHeader::kFirstIsContinuation);
    put<uint32_t>(bytes_, 32, kSegmentBytes);
    put<uint32_t>(bytes_, 36, kWalPageBytes);
    for (size_t page = 0; page + kShortHeaderBytes <= bytes_.size(); page += kWalPageBytes) {
      put<uint16_t>(bytes_, page, version.wal_page_magic);
      if (page > 0) bytes_[page + 2] &= ~std::byte{PageHeader::kLong};
      put<uint32_t>(bytes_, page + 4, kName.timeline.value);
      put<uint64_t>(bytes_, page + 8, (kName.start(kSegmentBytes) + page).value);
    }
    const PageHeader second = header_at(kWalPageBytes);
    put<uint32_t>(bytes_, 16,
                  kWalPageBytes - kLongHeaderBytes + (second.continues() ? second.remaining : 0));
  }

  // Lengths stay as they are: they say where the next record is.
  void make_right() {
    size_t at = first_record();
    pg::Lsn prev{8};
    while (at + 8 <= bytes_.size()) {
      const auto total = load<uint32_t>(bytes_, at);
      if (total < kRecordHeaderBytes) return;
      const std::optional<size_t> next = seal(at, total, prev);
      if (!next) return;
      prev = kName.start(kSegmentBytes) + at;
      at = *next;
    }
  }

  ByteView bytes() const { return bytes_; }

 private:
  PageHeader header_at(size_t page) const {
    return page < bytes_.size() ? read_page_header(ByteView(bytes_).subspan(page)) : PageHeader();
  }

  static size_t behind_header(size_t at) {
    return at % kWalPageBytes == 0 ? at + kShortHeaderBytes : at;
  }

  size_t first_record() const {
    const PageHeader second = header_at(kWalPageBytes);
    const size_t left = second.continues() ? (second.remaining + size_t{7}) / 8 * 8 : 0;
    return kWalPageBytes + kShortHeaderBytes + left;
  }

  // Where each byte of the record at `at` is, the pages in between told of it. Where the next one
  // begins; nothing when not all of it is there.
  std::optional<size_t> seal(size_t at, uint32_t total, pg::Lsn prev) {
    if (total > bytes_.size()) return std::nullopt;
    std::vector<size_t> places;
    places.reserve(total);
    for (; places.size() < total; ++at) {
      if (at % kWalPageBytes == 0) {
        if (at + kShortHeaderBytes > bytes_.size()) return std::nullopt;
        bytes_[at + 2] = std::byte{PageHeader::kFirstIsContinuation};
        put<uint32_t>(bytes_, at + 16, static_cast<uint32_t>(total - places.size()));
        at += kShortHeaderBytes;
      }
      if (at >= bytes_.size()) return std::nullopt;
      places.push_back(at);
    }
    const auto write = [&](size_t from, const auto& value) {
      for (size_t i = 0; i < sizeof value; ++i) {
        bytes_[places[from + i]] = reinterpret_cast<const std::byte*>(&value)[i];
      }
    };
    write(8, prev.value);
    Bytes record;
    for (const size_t place : places) record.push_back(bytes_[place]);
    const ByteView view(record);
    const uint32_t crc = pg::crc32c(view.first(20), pg::crc32c(view.subspan(kRecordHeaderBytes)));
    write(20, crc);
    const size_t next = (at + 7) / 8 * 8;
    if (next % kWalPageBytes == 0 && next + kShortHeaderBytes <= bytes_.size()) {
      bytes_[next + 2] = std::byte{0};
    }
    return behind_header(next);
  }

  Bytes bytes_;
};

void read(const Log& log, const pg::Version& version) {
  RecordReader reader({kSegmentBytes, {}, {}});
  TimedEvents events(version.major);
  Record record;
  for (const size_t part : {log.bytes().size() / 3, log.bytes().size()}) {
    reader.feed(kName, log.bytes().first(part));
    while (reader.next(record) == Outcome::kRecord) (void)events.of(record).ok();
  }
  const SegmentSummary summary =
      summarize_segment(kName, log.bytes(), {}, {kSegmentBytes, {}, {}}, {});
  // As if the index of the segment before had said it.
  const UnfinishedRecord begun{
      {kName.start(kSegmentBytes).value - kWalPageBytes / 2},
      summary.unfinished ? summary.unfinished->bytes : to_bytes(log.bytes().first(64))};
  (void)summarize_segment_after(begun, kName, log.bytes(), {kSegmentBytes, {}, {}}, {});
}

}  // namespace
}  // namespace walkback::wal

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace walkback;
  if (size < 1 + wal::kShortHeaderBytes) return 0;
  const auto versions = pg::supported_versions();
  const pg::Version& version = versions[data[0] % versions.size()];
  wal::Log log(version, ByteView(reinterpret_cast<const std::byte*>(data), size).subspan(1));
  if (data[0] < 0x80) log.make_right();
  wal::read(log, version);
  return 0;
}
