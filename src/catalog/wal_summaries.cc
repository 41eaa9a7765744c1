#include "catalog/wal_summaries.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "base/task_group.h"

namespace walkback::catalog {

namespace {

// What stands in the bytes or in who may read them, as opposed to what stands between us and them.
bool is_of_the_object(const Error& error) {
  return error.kind == ErrorKind::kCorrupt || error.kind == ErrorKind::kMissing ||
         error.kind == ErrorKind::kUnsupported || error.kind == ErrorKind::kDenied ||
         error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kConflict;
}

Result<wal::SegmentSummary> summary_of_segment(const WalArchive& archive, const WalChain& chain,
                                               pg::SegmentName name, uint64_t counts) {
  const Bytes segment = TRY(archive.get_segment(name));
  const std::optional<WalChain::Link> link =
      name.number > 0 ? chain.segment(name.number - 1) : std::nullopt;
  std::optional<pg::SegmentName> before;
  if (link) before = {link->timeline, name.number - 1};
  return archive.summarize(name,
                           ByteView(segment).first(std::min<uint64_t>(counts, segment.size())),
                           archive.stored_neighbour(), archive.catalogs_at(name, before));
}

bool says_all_of(AllOf wanted, const wal::SegmentSummary& summary) {
  if (wanted == AllOf::kRecords) return summary.says_all();
  return summary.problem.empty() && summary.says_all_blocks();
}

}  // namespace

Result<KnownSegment> read_summary(const WalArchive& archive, const WalChain& chain, uint64_t number,
                                  AllOf wanted) {
  const std::optional<WalChain::Link> link = chain.segment(number);
  CHECK(link.has_value());
  KnownSegment known{{link->timeline, number}, link->end, {}, {}};
  const uint64_t counts = link->end - known.name.start(archive.segment_bytes());
  Result<std::optional<wal::SegmentSummary>> summary = archive.summary(known.name);
  if (!summary.ok() && !is_of_the_object(summary.error())) return std::move(summary).error();
  if (summary.ok() && *summary) {
    known.summary = **std::move(summary);
    if (says_all_of(wanted, *known.summary) && counts == archive.segment_bytes()) return known;
  } else {
    known.unknown = summary.ok() ? "it has no index" : summary.error().message;
  }
  Result<wal::SegmentSummary> read = summary_of_segment(archive, chain, known.name, counts);
  if (!read.ok() && !is_of_the_object(read.error())) return std::move(read).error();
  if (read.ok()) {
    known.summary = std::move(read).value();
    known.unknown.clear();
    known.from_segment = true;
  } else if (!known.summary) {
    known.denied = read.error().kind == ErrorKind::kDenied;
    known.unknown += ", and the segment cannot be read: " + read.error().message;
  }
  return known;
}

namespace {

using Batch = std::vector<KnownSegment>;

// The segments [first, first + batch.size()), side by side.
Result<void> read_batch(const WalArchive& archive, const WalChain& chain, uint64_t first,
                        AllOf wanted, Batch& batch, std::stop_token stop) {
  std::atomic<size_t> next = 0;
  // Decoding needs cores, waiting for a bucket needs none.
  const size_t workers = std::min<size_t>(batch.size(), 4 + std::thread::hardware_concurrency());
  TaskGroup group(std::move(stop));
  for (size_t worker = 0; worker < workers; ++worker) {
    group.start([&](std::stop_token stopped) -> Result<void> {
      for (size_t i; (i = next++) < batch.size() && !stopped.stop_requested();) {
        batch[i] = TRY(read_summary(archive, chain, first + i, wanted));
      }
      return success();
    });
  }
  return group.wait();
}

}  // namespace

Result<void> read_summaries(const WalArchive& archive, const WalChain& chain, uint64_t first,
                            uint64_t last, SummaryReading how, std::stop_token stop,
                            const std::function<bool(const KnownSegment&)>& visit) {
  const auto size_from = [&](uint64_t number) -> size_t {
    return number > last ? 0 : std::min<uint64_t>(how.at_once, last - number + 1);
  };
  Batch ready(size_from(first));
  TRY(read_batch(archive, chain, first, how.wanted, ready, stop));
  for (uint64_t next = first + ready.size(); !ready.empty();) {
    Batch coming(size_from(next));
    TaskGroup ahead(stop);
    ahead.start([&](std::stop_token stopped) {
      return read_batch(archive, chain, next, how.wanted, coming, std::move(stopped));
    });
    for (const KnownSegment& segment : ready) {
      if (!visit(segment)) return success();
    }
    TRY(ahead.wait());
    next += coming.size();
    ready.swap(coming);
  }
  return success();
}

}  // namespace walkback::catalog
