#include "catalog/wal_stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bounded_queue.h"
#include "base/task_group.h"

namespace walkback::catalog {

namespace {

// Two 16 MiB segments wait while a third is read.
constexpr size_t kSegmentsAhead = 2;

struct FetchedSegment {
  pg::SegmentName name;
  pg::Lsn end;  // of what counts of it
  Result<Bytes> content;
};

Result<Bytes> fetch(const WalArchive& archive, pg::SegmentName name) {
  const std::string text = name.text(archive.segment_bytes());
  std::optional<Bytes> content = TRY(archive.get(text));
  if (!content) return make_error(ErrorKind::kMissing, "WAL segment " + text + " is missing");
  return *std::move(content);
}

// What stands in the bytes, as opposed to what stands between us and them.
bool is_of_the_segment(const Error& error) {
  return error.kind == ErrorKind::kCorrupt || error.kind == ErrorKind::kMissing ||
         error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kConflict ||
         error.kind == ErrorKind::kUnsupported;
}

}  // namespace

Result<WalEnd> read_wal(const WalArchive& archive, const WalChain& chain, pg::Lsn from, pg::Lsn to,
                        std::stop_token stop, const RecordVisitor& visit) {
  if (from >= to) return WalEnd{from, {}, std::nullopt};
  BoundedQueue<FetchedSegment> fetched(kSegmentsAhead);
  TaskGroup group(stop, [&] { fetched.abandon(); });
  group.start([&](std::stop_token stopped) -> Result<void> {
    const uint32_t segment_bytes = chain.segment_bytes();
    for (uint64_t number = from.value / segment_bytes;
         number * segment_bytes < to.value && !stopped.stop_requested(); ++number) {
      const std::optional<WalChain::Link> link = chain.segment(number);
      CHECK(link.has_value());
      const pg::SegmentName name{link->timeline, number};
      if (!fetched.push({name, std::min(link->end, to), fetch(archive, name)})) break;
    }
    fetched.close();
    return success();
  });

  wal::RecordReader reader(
      {archive.segment_bytes(), archive.lineage().system_identifier, archive.lineage().major});
  WalEnd end{from, {}, std::nullopt};
  std::optional<Error> unreachable;
  Bytes content;  // lives until the reader is fed the next
  bool more = true;
  while (more) {
    std::optional<FetchedSegment> segment = fetched.pop();
    if (!segment) break;
    if (!segment->content.ok()) {
      Error error = std::move(segment->content).error();
      if (is_of_the_segment(error)) {
        end.problem = std::move(error);
      } else {
        unreachable = std::move(error);
      }
      break;
    }
    content = *std::move(segment->content);
    const uint64_t counts = segment->end - segment->name.start(archive.segment_bytes());
    reader.feed(segment->name, ByteView(content).first(std::min<uint64_t>(counts, content.size())));
    wal::Record record;
    wal::Outcome outcome;
    while ((outcome = reader.next(record)) == wal::Outcome::kRecord) {
      if (record.start < from) continue;
      end.end = record.end;
      end.last_record = record.start;
      if (!visit(record)) {
        more = false;
        break;
      }
    }
    if (more && outcome != wal::Outcome::kEndOfInput) {
      end.problem = reader.error().with_context(
          fmt::format("WAL segment {}", segment->name.text(archive.segment_bytes())));
      more = false;
    }
  }
  fetched.abandon();
  TRY(group.wait());
  if (unreachable) return *std::move(unreachable);
  return end;
}

}  // namespace walkback::catalog
