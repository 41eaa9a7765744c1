// Prints what we decode from WAL segments, a line a record (see record_text.h), for
// tests/wal/compare_with_pg_waldump.py:
//
//   wal_dump SEGMENT…      consecutive ones of one timeline
//
// A development tool: not installed.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "wal/record_reader.h"
#include "wal/segment_header.h"
#include "wal/tools/record_text.h"

namespace walkback::wal {
namespace {

class Dump {
 public:
  explicit Dump(const SegmentInfo& first)
      : reader_({first.segment_bytes, first.system_identifier, first.version.major}),
        text_(first.version.major),
        segment_bytes_(first.segment_bytes) {}

  Result<void> segment(const std::string& name, ByteView bytes) {
    reader_.feed(TRY(pg::SegmentName::parse(name, segment_bytes_)), bytes);
    Record record;
    Outcome outcome;
    while ((outcome = reader_.next(record)) == Outcome::kRecord)
      fmt::print("{}\n", TRY(text_.of(record)));
    if (outcome == Outcome::kEndOfInput) return success();
    return reader_.error();
  }

 private:
  RecordReader reader_;
  RecordText text_;
  uint32_t segment_bytes_;
};

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<void> run(int count, char** paths) {
  std::optional<Dump> dump;
  for (int i = 0; i < count; ++i) {
    const std::string path = paths[i];
    const std::string bytes = read(path);
    if (!dump) dump.emplace(TRY_CONTEXT(inspect_segment(as_bytes(bytes)), path));
    TRY(dump->segment(path.substr(path.rfind('/') + 1), as_bytes(bytes)));
  }
  return success();
}

}  // namespace
}  // namespace walkback::wal

int main(int argc, char** argv) {
  const auto done = walkback::wal::run(argc - 1, argv + 1);
  if (done.ok()) return 0;
  fmt::print(stderr, "{}\n", done.error().message);
  return 1;
}
