#include "wal/record_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "pg/crc32c.h"
#include "pg/versions.h"
#include "wal/names.h"

namespace walkback::wal {
namespace {

constexpr uint32_t kMaxRecordBytes = 1u
                                     << 30;  // MaxAllocSize; since 16 XLogRecordMaxSize, 1020 MiB
constexpr size_t kCrcAt = 20;                // XLogRecord.xl_crc

uint64_t aligned(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }  // MAXALIGN
pg::Lsn page_of(pg::Lsn lsn) { return {lsn.value & ~uint64_t{kWalPageBytes - 1}}; }

bool crc_holds(ByteView record) {
  const uint32_t of_body = pg::crc32c(record.subspan(kRecordHeaderBytes));
  return pg::crc32c(record.first(kCrcAt), of_body) == load<uint32_t>(record, kCrcAt);
}

bool is_switch(uint8_t rmgr, uint8_t info) {
  return rmgr == kXlogRmgr && (info & 0xF0) == kXlogSwitch;
}

}  // namespace

RecordReader::RecordReader(Expectations expected) : expected_(expected) {
  CHECK(pg::is_wal_segment_size(expected.segment_bytes));
}

void RecordReader::feed(pg::SegmentName name, ByteView bytes) {
  CHECK(bytes.size() <= expected_.segment_bytes);
  const pg::Lsn start = name.start(expected_.segment_bytes);
  const bool first = !fed_;
  if (first) {
    position_ = start;
  } else if (name.number != name_.number && state_ != State::kFailed) {
    if (name.number != name_.number + 1 || position_ < start) {
      fail(Outcome::kCorrupt, fmt::format("the log between {} and {} is missing", position_.text(),
                                          std::max(start, position_).text()));
    }
  }
  fed_ = true;
  name_ = name;
  segment_ = bytes;
  segment_start_ = start;
  if (first && expected_.search_from > start) {
    const bool holds = enter_page() == std::nullopt;
    if (holds) position_ = expected_.search_from;
  }
}

bool RecordReader::resume(pg::Lsn start, ByteView bytes) {
  CHECK(!fed_);
  if (bytes.size() < sizeof record_bytes_) return false;
  const auto total = load<uint32_t>(bytes, 0);
  if (total < kRecordHeaderBytes || total > kMaxRecordBytes || total <= bytes.size()) return false;
  assembled_ = to_bytes(bytes);
  record_start_ = start;
  record_bytes_ = total;
  state_ = State::kAssembling;
  return true;
}

Outcome RecordReader::next(Record& record) {
  // Most records lie within one page whose header is known: nothing is copied or allocated for
  // them.
  const size_t in_page = position_.value % kWalPageBytes;
  if (state_ == State::kBetween && in_page != 0) {
    const uint64_t offset = position_ - segment_start_;
    if (offset < segment_.size()) {
      const ByteView rest = segment_.subspan(
          offset, std::min<uint64_t>(kWalPageBytes - in_page, segment_.size() - offset));
      if (rest.size() >= kRecordHeaderBytes) {
        const auto total = load<uint32_t>(rest, 0);
        if (total >= kRecordHeaderBytes && total <= rest.size() &&
            problem_of_header(rest, position_) == nullptr && crc_holds(rest.first(total)) &&
            !overwritten_) {
          return give(rest.first(total), position_, position_ + aligned(total), record);
        }
      }
    }
  }
  while (true) {
    if (const Step outcome = step(record)) return *outcome;
  }
}

RecordReader::Step RecordReader::step(Record& record) {
  if (state_ == State::kFailed) return failure_;
  if (!fed_) return Outcome::kEndOfInput;
  if (position_.value % kWalPageBytes != 0) return begin_record(record);
  if (const Step outcome = enter_page()) return outcome;
  const PageHeader header = read_page_header(at(position_));
  if (state_ == State::kSearching) return search(header);
  if (state_ == State::kAssembling) return continue_record(header, record);
  if (header.continues()) {
    return fail_here("a page continues a record that ended before it", position_);
  }
  position_ = position_ + header.bytes();
  return std::nullopt;
}

RecordReader::Step RecordReader::enter_page() {
  if (!has(position_, kShortHeaderBytes)) return Outcome::kEndOfInput;
  const PageHeader header = read_page_header(at(position_));
  if (!has(position_, header.bytes())) return Outcome::kEndOfInput;
  if (const Step outcome = check_page(header)) return outcome;
  page_timeline_ = header.timeline;
  return std::nullopt;
}

RecordReader::Step RecordReader::check_page(const PageHeader& header) {
  const pg::Lsn beyond = position_ + kWalPageBytes;
  if (header.magic == 0) return fail_here("zeros where a page should begin", beyond);
  if (position_ == segment_start_) {
    if (const Step outcome = check_segment(header)) return outcome;
  } else if (header.magic != magic_ || header.is_long()) {
    return fail_here("a page with a header that cannot be", beyond);
  }
  if ((header.info & ~PageHeader::kAllFlags) != 0) {
    return fail_here("a page with unknown flags", beyond);
  }
  if (header.address != position_) {
    return fail_here(fmt::format("a page of {}", header.address.text()), beyond);
  }
  if (header.timeline < page_timeline_ || header.timeline > name_.timeline) {
    return fail_here(fmt::format("a page of timeline {}", header.timeline.value), beyond);
  }
  return std::nullopt;
}

RecordReader::Step RecordReader::check_segment(const PageHeader& header) {
  const pg::Lsn beyond = position_ + kWalPageBytes;
  if (!header.is_long() || !pg::is_wal_segment_size(header.segment_bytes)) {
    return fail_here("a segment that does not begin with a segment's header", beyond);
  }
  const auto version = pg::version_of_wal_page_magic(header.magic);
  if (!version.ok()) {
    if (header.address != position_) return fail_here(version.error().message, beyond);
    return fail(Outcome::kUnknownVersion, version.error().message);
  }
  if (header.page_bytes != kWalPageBytes) {
    return fail(Outcome::kUnknownVersion, fmt::format("WAL pages of {} bytes", header.page_bytes));
  }
  const int expected_major = major_ != 0 ? major_ : expected_.major.value_or(version->major);
  if (version->major != expected_major) {
    return fail(Outcome::kWrongCluster,
                fmt::format("WAL of PostgreSQL {}, not {}", version->major, expected_major));
  }
  const auto expected_cluster =
      major_ != 0 ? system_identifier_
                  : expected_.system_identifier.value_or(header.system_identifier);
  if (header.system_identifier != expected_cluster) {
    return fail(Outcome::kWrongCluster,
                fmt::format("WAL of the cluster with system identifier {}, not {}",
                            header.system_identifier.value, expected_cluster.value));
  }
  if (header.segment_bytes != expected_.segment_bytes) {
    return fail(Outcome::kWrongCluster, fmt::format("a segment of {} bytes, not {}",
                                                    header.segment_bytes, expected_.segment_bytes));
  }
  magic_ = header.magic;
  major_ = version->major;
  system_identifier_ = header.system_identifier;
  return std::nullopt;
}

// Skips what is left of a record whose beginning was never fed.
RecordReader::Step RecordReader::search(const PageHeader& header) {
  const bool overwritten = header.info & PageHeader::kFirstIsOverwrite;
  const uint32_t remaining = header.continues() ? header.remaining : 0;
  if ((header.continues() && remaining == 0) ||
      (remaining != skipping_ && skipping_ != 0 && !overwritten)) {
    return fail_here("a page that continues another record than the page before", position_);
  }
  const size_t room = kWalPageBytes - header.bytes();
  if (aligned(remaining) >= room) {
    skipping_ = static_cast<uint32_t>(remaining - std::min<size_t>(room, remaining));
    position_ = position_ + kWalPageBytes;
  } else {
    skipping_ = 0;
    position_ = position_ + header.bytes() + aligned(remaining);
    state_ = State::kBetween;
  }
  return std::nullopt;
}

RecordReader::Step RecordReader::begin_record(Record& record) {
  // A record's length is always on its first page, because records begin at multiples of eight.
  const pg::Lsn page_end = page_of(position_) + kWalPageBytes;
  const size_t left = page_end - position_;
  if (!has(position_, std::min(left, kRecordHeaderBytes))) return Outcome::kEndOfInput;
  const ByteView rest = at(position_);
  const auto total = load<uint32_t>(rest, 0);
  if (total == 0) return fail_here("zeros where a record should begin", page_end);
  if (total < kRecordHeaderBytes || total > kMaxRecordBytes) {
    return fail_here(fmt::format("a record that claims {} bytes", total), page_end);
  }
  if (left >= kRecordHeaderBytes) {
    if (const char* problem = problem_of_header(rest, position_))
      return fail_here(problem, page_end);
  }
  if (!has(position_, std::min<size_t>(left, total))) return Outcome::kEndOfInput;
  if (total <= left)
    return finish_record(rest.first(total), position_, position_ + aligned(total), record);
  assembled_.assign(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(left));
  record_start_ = position_;
  record_bytes_ = total;
  state_ = State::kAssembling;
  position_ = page_end;
  return std::nullopt;
}

RecordReader::Step RecordReader::continue_record(const PageHeader& header, Record& record) {
  if (header.info & PageHeader::kFirstIsOverwrite) {
    overwritten_ = record_start_;
    state_ = State::kBetween;
    position_ = position_ + header.bytes();
    return std::nullopt;
  }
  const uint32_t remaining = record_bytes_ - static_cast<uint32_t>(assembled_.size());
  if (!header.continues() || header.remaining != remaining) {
    return fail_here("a page that does not continue the record before it", position_);
  }
  const size_t here = std::min<size_t>(remaining, kWalPageBytes - header.bytes());
  if (!has(position_, header.bytes() + here)) return Outcome::kEndOfInput;
  const bool had_header = assembled_.size() >= kRecordHeaderBytes;
  const ByteView more = at(position_).subspan(header.bytes(), here);
  assembled_.insert(assembled_.end(), more.begin(), more.end());
  if (!had_header) {
    if (const char* problem = problem_of_header(assembled_, record_start_)) {
      return fail_here(problem, position_ + kWalPageBytes);
    }
  }
  if (here == remaining) {
    return finish_record(assembled_, record_start_, position_ + header.bytes() + aligned(here),
                         record);
  }
  position_ = position_ + kWalPageBytes;
  return std::nullopt;
}

RecordReader::Step RecordReader::finish_record(ByteView bytes, pg::Lsn start, pg::Lsn end,
                                               Record& record) {
  const pg::Lsn beyond = page_of({end.value - 1}) + kWalPageBytes;
  if (!crc_holds(bytes)) return fail_here("a record with a wrong checksum", beyond);
  if (overwritten_ && !is_promised_overwrite(bytes)) {
    return fail_here("a page that says it replaces a record, but does not", page_of(position_));
  }
  overwritten_ = {};
  return give(bytes, start, end, record);
}

Outcome RecordReader::give(ByteView bytes, pg::Lsn start, pg::Lsn end, Record& record) {
  record.bytes = bytes;
  record.start = start;
  record.xid = load<uint32_t>(bytes, 4);
  record.prev = {load<uint64_t>(bytes, 8)};
  record.info = load<uint8_t>(bytes, 16);
  record.rmgr = load<uint8_t>(bytes, 17);
  if (is_switch(record.rmgr, record.info)) {
    // Nothing more is written to this segment.
    end.value = (end.value + expected_.segment_bytes - 1) & ~uint64_t{expected_.segment_bytes - 1};
  }
  record.end = end;
  last_record_ = start;
  position_ = end;
  state_ = State::kBetween;
  return Outcome::kRecord;
}

const char* RecordReader::problem_of_header(ByteView header, pg::Lsn start) const {
  const pg::Lsn prev{load<uint64_t>(header, 8)};
  if (last_record_ ? prev != last_record_ : prev >= start) {
    return "a record that does not follow the one before it";
  }
  if (!is_rmgr(load<uint8_t>(header, 17), major_)) return "a record of an unknown resource manager";
  return nullptr;
}

// XLOG_OVERWRITE_CONTRECORD: a short main data header, then the address of the record it replaces.
bool RecordReader::is_promised_overwrite(ByteView bytes) const {
  constexpr size_t kBodyAt = kRecordHeaderBytes + 2;
  return bytes.size() >= kBodyAt + 8 && load<uint8_t>(bytes, 17) == kXlogRmgr &&
         (load<uint8_t>(bytes, 16) & 0xF0) == kXlogOverwriteContrecord &&
         load<uint64_t>(bytes, kBodyAt) == overwritten_.value;
}

Outcome RecordReader::fail(Outcome outcome, std::string what) {
  failure_ = outcome;
  problem_ =
      fmt::format("{}: at {}, {}", name_.text(expected_.segment_bytes), position_.text(), what);
  // What was read of a record in pieces is not the log's.
  position_ = position();
  state_ = State::kFailed;
  return outcome;
}

// A server that stops leaves nothing valid behind the place where its log ends. What the failed
// record itself may have written, up to `beyond`, does not count.
Outcome RecordReader::fail_here(std::string what, pg::Lsn beyond) {
  return fail(has_valid_page(beyond) ? Outcome::kCorrupt : Outcome::kTornTail, std::move(what));
}

bool RecordReader::has_valid_page(pg::Lsn from) const {
  for (pg::Lsn page = from; has(page, kShortHeaderBytes); page = page + kWalPageBytes) {
    const PageHeader header = read_page_header(at(page));
    if (header.address == page && header.timeline <= name_.timeline &&
        pg::version_of_wal_page_magic(header.magic).ok()) {
      return true;
    }
  }
  return false;
}

bool RecordReader::has(pg::Lsn from, size_t bytes) const {
  return from >= segment_start_ && from - segment_start_ <= segment_.size() &&
         segment_.size() - (from - segment_start_) >= bytes;
}

Error RecordReader::error() const {
  switch (failure_) {
    case Outcome::kUnknownVersion:
      return make_error(ErrorKind::kUnsupported, problem_, "PostgreSQL 13 to 18 are supported");
    case Outcome::kWrongCluster:
      return make_error(ErrorKind::kConflict, problem_,
                        "check which cluster these segments belong to");
    default:
      return make_error(ErrorKind::kCorrupt, problem_);
  }
}

}  // namespace walkback::wal
