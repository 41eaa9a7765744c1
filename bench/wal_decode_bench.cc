// How fast WAL is decoded and pages are verified, on one core.
//
//   wal_decode_bench                          the golden segments of src/wal/testdata/15
//   WALKBACK_WAL_SEGMENTS=DIR wal_decode_bench   consecutive segments of one's own, as
//   tests/wal/make_wal.py makes
#include <benchmark/benchmark.h>
#include <zstd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "catalog/wal_index.h"
#include "pg/crc32c.h"
#include "pg/page.h"
#include "wal/record.h"
#include "wal/record_reader.h"
#include "wal/segment_header.h"
#include "wal/segment_summary.h"
#include "wal/timed_event.h"

namespace walkback {
namespace {

using Segments = std::map<std::string, std::string>;

std::string read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string unpack(const std::string& packed) {
  std::string bytes(ZSTD_getFrameContentSize(packed.data(), packed.size()), '\0');
  CHECK(ZSTD_decompress(bytes.data(), bytes.size(), packed.data(), packed.size()) == bytes.size());
  return bytes;
}

const Segments& segments() {
  static const Segments all = [] {
    Segments found;
    const char* own = std::getenv("WALKBACK_WAL_SEGMENTS");
    for (const auto& entry :
         std::filesystem::directory_iterator(own ? own : WALKBACK_TESTDATA "/15")) {
      const std::string name = entry.path().stem();
      if (pg::wal_file_kind(name) != pg::WalFileKind::kSegment) continue;
      const bool packed = entry.path().extension() == ".zst";
      found[name] = packed ? unpack(read_whole(entry.path())) : read_whole(entry.path());
    }
    return found;
  }();
  return all;
}

// Calls `use` with each record; reading begins anew where a segment is missing.
template <typename Use>
void for_each_record(Use use) {
  std::optional<wal::RecordReader> reader;
  uint64_t next = 0;
  for (const auto& [name, bytes] : segments()) {
    const auto info = wal::inspect_segment(as_bytes(bytes)).value();
    const auto segment = pg::SegmentName::parse(name, info.segment_bytes).value();
    if (segment.number != next)
      reader.emplace(wal::RecordReader::Expectations{info.segment_bytes, {}, {}});
    next = segment.number + 1;
    reader->feed(segment, as_bytes(bytes));
    wal::Record record;
    while (reader->next(record) == wal::Outcome::kRecord) use(record, reader->major());
  }
}

// Only what was written counts: a segment that was switched away from is mostly zeros.
void report(benchmark::State& state, uint64_t bytes, uint64_t records) {
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.counters["records/s"] =
      benchmark::Counter(static_cast<double>(records), benchmark::Counter::kIsRate);
}

void read_records(benchmark::State& state) {
  segments();
  uint64_t bytes = 0, records = 0;
  for (auto _ : state) {
    for_each_record([&](const wal::Record& record, int) {
      bytes += record.total_bytes();
      ++records;
    });
  }
  report(state, bytes, records);
}
BENCHMARK(read_records)->Unit(benchmark::kMillisecond);

void read_records_and_events(benchmark::State& state) {
  uint64_t bytes = 0, records = 0;
  wal::TimedEvents events(
      wal::inspect_segment(as_bytes(segments().begin()->second))->version.major);
  for (auto _ : state) {
    for_each_record([&](const wal::Record& record, int) {
      benchmark::DoNotOptimize(events.of(record));
      bytes += record.total_bytes();
      ++records;
    });
  }
  report(state, bytes, records);
}
BENCHMARK(read_records_and_events)->Unit(benchmark::kMillisecond);

void decode_every_block(benchmark::State& state) {
  uint64_t bytes = 0, records = 0;
  wal::DecodedRecord decoded;
  for (auto _ : state) {
    for_each_record([&](const wal::Record& record, int major) {
      CHECK(decoded.decode(record, major).ok());
      benchmark::DoNotOptimize(decoded.blocks().data());
      bytes += record.total_bytes();
      ++records;
    });
  }
  report(state, bytes, records);
}
BENCHMARK(decode_every_block)->Unit(benchmark::kMillisecond);

// All that is done for the WAL index, each segment with the one before it.
void make_index(benchmark::State& state) {
  segments();
  uint64_t bytes = 0, index_bytes = 0, made = 0;
  std::string packed;
  for (auto _ : state) {
    std::string_view previous;
    for (const auto& [name, content] : segments()) {
      const auto info = wal::inspect_segment(as_bytes(content)).value();
      const auto segment = pg::SegmentName::parse(name, info.segment_bytes).value();
      const std::string index = catalog::encode_wal_index(
          {{},
           wal::summarize_segment(segment, as_bytes(content), as_bytes(previous),
                                  {info.segment_bytes, {}, {}})});
      packed.resize(ZSTD_compressBound(index.size()));
      index_bytes += ZSTD_compress(packed.data(), packed.size(), index.data(), index.size(), 3);
      bytes += content.size();
      ++made;
      previous = content;
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.counters["index KiB"] = static_cast<double>(index_bytes) / 1024 / static_cast<double>(made);
}
BENCHMARK(make_index)->Unit(benchmark::kMillisecond);

// What archiving does anyway, on the same core: the yardstick.
void compress(benchmark::State& state) {
  segments();
  uint64_t bytes = 0, stored = 0, made = 0;
  std::string packed;
  for (auto _ : state) {
    for (const auto& [name, content] : segments()) {
      packed.resize(ZSTD_compressBound(content.size()));
      stored += ZSTD_compress(packed.data(), packed.size(), content.data(), content.size(), 3);
      bytes += content.size();
      ++made;
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.counters["stored KiB"] = static_cast<double>(stored) / 1024 / static_cast<double>(made);
}
BENCHMARK(compress)->Unit(benchmark::kMillisecond);

void crc32c(benchmark::State& state) {
  const Bytes bytes(static_cast<size_t>(state.range(0)), std::byte{0x5A});
  for (auto _ : state) benchmark::DoNotOptimize(pg::crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc32c)->Arg(64)->Arg(150)->Arg(8192)->Arg(1 << 20);

void verify_pages(benchmark::State& state) {
  Bytes pages(128 * pg::kPageBytes, std::byte{0x5A});
  for (size_t i = 0; i < 128; ++i) {
    std::fill_n(pages.begin() + static_cast<ptrdiff_t>(i * pg::kPageBytes), 8,
                std::byte{0});  // page LSN 0/0
  }
  for (auto _ : state) {
    for (uint32_t i = 0; i < 128; ++i) {
      const ByteView page = ByteView(pages).subspan(i * pg::kPageBytes, pg::kPageBytes);
      benchmark::DoNotOptimize(pg::verify_page(page, i, {UINT64_MAX}));
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(pages.size()));
}
BENCHMARK(verify_pages)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace walkback

BENCHMARK_MAIN();
