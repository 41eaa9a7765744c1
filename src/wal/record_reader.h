// Segments in, records out.
//
//   RecordReader reader(expectations);
//   reader.feed(name, bytes);
//   Record record;
//   while (reader.next(record) == Outcome::kRecord) use(record);
//
// Checks what PostgreSQL's own reader checks (src/backend/access/transam/xlogreader.c): page
// headers, addresses, timelines, lengths, prev links, checksums. Memory grows with the largest
// record that really arrived, never with what a header claims. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "pg/types.h"
#include "wal/page_header.h"

namespace walkback::wal {

constexpr size_t kRecordHeaderBytes = 24;

// XLogRecord and where it was found. A view: valid until the next call of next() or feed().
struct Record {
  pg::Lsn start;
  pg::Lsn end;  // where the next record may begin; the next segment after a switch
  pg::Lsn prev;
  pg::Xid xid = 0;
  uint8_t rmgr = 0;
  uint8_t info = 0;
  ByteView bytes;  // all of it, header included, without the page headers in between
  uint32_t total_bytes() const { return static_cast<uint32_t>(bytes.size()); }
};

enum class Outcome {
  kRecord,
  kEndOfInput,  // nothing wrong; feed the next segment, or more of this one
  kTornTail,    // the log ends here, as a server that stopped leaves it: zeros, a recycled page, a
              // record that was not written to its end. In a segment with a successor it is damage.
  kCorrupt,         // something cannot be, and valid pages follow
  kUnknownVersion,  // WAL of a PostgreSQL this program does not know
  kWrongCluster,    // another system identifier, segment size or version than expected
};

class RecordReader {
 public:
  struct Expectations {
    uint32_t segment_bytes = 0;  // a valid size
    std::optional<pg::SystemIdentifier>
        system_identifier;     // any, if absent: then the first segment's
    std::optional<int> major;  // likewise
    // A page of the first segment: records that begin before it are not looked for. 0/0: its first.
    pg::Lsn search_from = {};
  };

  explicit RecordReader(Expectations expected);

  // The next bytes to read: a whole segment or its beginning. They stay the caller's and must live
  // until the next feed(). The first segment may be any: what continues a record from before it is
  // skipped. Later ones follow without a gap, on the same timeline or a descendant's, or are the
  // same segment again with more bytes. After anything but kRecord and kEndOfInput a reader only
  // repeats its outcome.
  void feed(pg::SegmentName name, ByteView bytes);

  Outcome next(Record& record);

  // Instead of the segment before the first one: that a record starts there, and all its bytes that
  // lie in front of the first one, without the page headers in between. False where no record
  // starts like that and goes on.
  bool resume(pg::Lsn start, ByteView bytes);
  // The bytes so far, likewise, of the record that starts at position(), where it has begun and
  // more must be fed. They are the reader's, until next() or feed().
  ByteView unfinished() const { return state_ == State::kAssembling ? assembled_ : ByteView(); }

  // Where the next record is looked for: all before it was read. The end of the log at a torn tail.
  pg::Lsn position() const { return state_ == State::kAssembling ? record_start_ : position_; }
  // Start of the last record given; 0/0 before the first.
  pg::Lsn last_record() const { return last_record_; }
  // PostgreSQL's major version; 0 before the first page.
  int major() const { return major_; }
  pg::SystemIdentifier system_identifier() const { return system_identifier_; }
  // For outcomes other than kRecord and kEndOfInput: what is wrong and where.
  Error error() const;

 private:
  enum class State { kSearching, kBetween, kAssembling, kFailed };
  // Nothing: go on.
  using Step = std::optional<Outcome>;

  Step step(Record& record);
  Step enter_page();
  Step check_page(const PageHeader& header);
  Step check_segment(const PageHeader& header);
  Step search(const PageHeader& header);
  Step begin_record(Record& record);
  Step continue_record(const PageHeader& header, Record& record);
  Step finish_record(ByteView bytes, pg::Lsn start, pg::Lsn end, Record& record);

  Outcome give(ByteView bytes, pg::Lsn start, pg::Lsn end, Record& record);
  const char* problem_of_header(ByteView header, pg::Lsn start) const;
  bool is_promised_overwrite(ByteView bytes) const;

  Outcome fail(Outcome outcome, std::string what);
  Outcome fail_here(std::string what, pg::Lsn beyond);
  bool has_valid_page(pg::Lsn from) const;

  bool has(pg::Lsn from, size_t bytes) const;
  ByteView at(pg::Lsn from) const { return segment_.subspan(from - segment_start_); }

  Expectations expected_;
  bool fed_ = false;
  pg::SegmentName name_;
  ByteView segment_;
  pg::Lsn segment_start_;

  State state_ = State::kSearching;
  pg::Lsn position_;  // the next byte to look at
  pg::TimelineId page_timeline_;
  uint32_t skipping_ = 0;  // bytes left of a record that began before the first segment
  pg::Lsn last_record_;

  Bytes assembled_;  // a record that straddles pages, as far as it was read
  pg::Lsn record_start_;
  uint32_t record_bytes_ = 0;  // claimed
  pg::Lsn overwritten_;        // the next record must say that it replaces this one

  uint16_t magic_ = 0;
  int major_ = 0;
  pg::SystemIdentifier system_identifier_;

  Outcome failure_ = Outcome::kCorrupt;
  std::string problem_;
};

}  // namespace walkback::wal
