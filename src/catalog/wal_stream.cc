#include "catalog/wal_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/task_group.h"
#include "catalog/unreadable.h"

namespace walkback::catalog {

namespace {

// Of 16 MiB: fetched, or being fetched, while another is read. Two at once: a request to a bucket
// takes longer than what it brings takes to read, and so does decompressing it.
constexpr size_t kSegmentsAhead = 3;
constexpr int kFetchers = 2;

struct FetchedSegment {
  pg::SegmentName name;
  pg::Lsn end;  // of what counts of it
  Result<Bytes> content;
};

// The segments of [from, to) in their order, fetched ahead.
class SegmentsAhead {
 public:
  SegmentsAhead(const WalArchive& archive, const WalChain& chain, pg::Lsn from, pg::Lsn to,
                const std::stop_token& stop)
      : archive_(archive),
        chain_(chain),
        to_(to),
        end_((to.value + chain.segment_bytes() - 1) / chain.segment_bytes()),
        next_(from.value / chain.segment_bytes()),
        wanted_(next_),
        group_(stop, [this] { abandon(); }) {
    const int fetchers = static_cast<int>(std::min<uint64_t>(kFetchers, end_ - next_));
    for (int i = 0; i < fetchers; ++i) {
      group_.start([this](const std::stop_token&) { return fetch(); });
    }
  }

  // Nothing at the end, or when it was abandoned.
  std::optional<FetchedSegment> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return abandoned_ || wanted_ == end_ || ready_.contains(wanted_); });
    if (abandoned_ || wanted_ == end_) return std::nullopt;
    auto segment = ready_.extract(wanted_++);
    changed_.notify_all();
    return std::move(segment.mapped());
  }
  Result<void> finish() {
    abandon();
    return group_.wait();
  }

 private:
  void abandon() {
    std::lock_guard lock(mutex_);
    abandoned_ = true;
    changed_.notify_all();
  }

  Result<void> fetch() {
    while (const std::optional<uint64_t> number = claim()) {
      const std::optional<WalChain::Link> link = chain_.segment(*number);
      CHECK(link.has_value());
      const pg::SegmentName name{link->timeline, *number};
      FetchedSegment fetched{name, std::min(link->end, to_), archive_.get_segment(name)};
      std::lock_guard lock(mutex_);
      ready_.emplace(*number, std::move(fetched));
      changed_.notify_all();
    }
    return success();
  }
  std::optional<uint64_t> claim() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [&] { return abandoned_ || next_ == end_ || next_ < wanted_ + kSegmentsAhead; });
    if (abandoned_ || next_ == end_) return std::nullopt;
    return next_++;
  }

  const WalArchive& archive_;
  const WalChain& chain_;
  const pg::Lsn to_;
  const uint64_t end_;  // behind the last one's number
  std::mutex mutex_;    // guards what follows, up to `changed_`
  uint64_t next_;       // to be fetched
  uint64_t wanted_;     // by next()
  bool abandoned_ = false;
  std::map<uint64_t, FetchedSegment> ready_;
  std::condition_variable changed_;
  TaskGroup group_;  // last: it ends before what it uses
};

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
  SegmentsAhead segments(archive, chain, from, to, stop);
  wal::RecordReader reader(archive.expectations());
  WalEnd end{from, {}, std::nullopt};
  std::optional<Error> unreachable;
  Bytes content;  // lives until the reader is fed the next
  bool more = true;
  while (more) {
    std::optional<FetchedSegment> segment = segments.next();
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
  TRY(segments.finish());
  if (unreachable) return *std::move(unreachable);
  return end;
}

namespace {

// What the index of a whole segment says, if it says all.
Result<std::optional<wal::SegmentSummary>> whole_summary(const WalArchive& archive,
                                                         pg::SegmentName name) {
  Result<std::optional<wal::SegmentSummary>> summary = archive.summary(name);
  // A damaged one is made up for by the segment.
  const bool of_no_use =
      summary.ok() ? *summary && !(*summary)->says_all() : is_unreadable(summary.error());
  return of_no_use ? std::optional<wal::SegmentSummary>() : std::move(summary);
}

}  // namespace

Result<WalEnd> read_events(const WalArchive& archive, const WalChain& chain, pg::Lsn from,
                           pg::Lsn to, std::stop_token stop, const RecordVisitor& visit) {
  const uint32_t segment_bytes = chain.segment_bytes();
  WalEnd end{from, {}, std::nullopt};
  if (from >= to) return end;
  bool more = true;
  for (uint64_t number = from.value / segment_bytes; more && number * segment_bytes < to.value;
       ++number) {
    if (stop.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
    const std::optional<WalChain::Link> link = chain.segment(number);
    CHECK(link.has_value());
    const pg::SegmentName name{link->timeline, number};
    const pg::Lsn segment_end = name.start(segment_bytes) + segment_bytes;
    std::optional<wal::SegmentSummary> summary;
    if (link->end == segment_end && segment_end <= to) summary = TRY(whole_summary(archive, name));
    if (!summary) {
      // From where the last whole record ended: one that goes on here is read from its beginning.
      const pg::Lsn begin = std::max(from, end.end);
      WalEnd read = TRY(read_wal(archive, chain, begin, std::min(link->end, to), stop,
                                 [&](const wal::Record& record) { return more = visit(record); }));
      end.end = std::max(end.end, read.end);
      if (read.last_record) end.last_record = read.last_record;
      end.problem = std::move(read.problem);
      if (end.problem) return end;
      continue;
    }
    const auto on_kept = [&](const wal::KeptRecord& kept) {
      if (kept.start < from) return true;
      end.end = kept.end;
      end.last_record = kept.start;
      return more = visit(wal::record_of(kept));
    };
    wal::visit_in_order(*summary, on_kept, [&](const wal::PlainEnd& plain) {
      return on_kept({plain.start,
                      wal::end_of_record(plain.start, wal::kPlainEndBytes, segment_bytes),
                      wal::plain_end_record(plain)});
    });
    if (!more) return end;
    if (summary->last_record >= from) {
      end.end = summary->end;
      end.last_record = summary->last_record;
    }
  }
  return end;
}

}  // namespace walkback::catalog
