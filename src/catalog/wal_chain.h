// The WAL that leads to one timeline: which archived segment file serves each stretch of the log.
//
// A timeline's history says at which LSN it left its parent. What lies before that is the parent's,
// what lies after it the child's alone: the parent may have gone on by itself. The segment in which
// it happened exists on both, and the child's holds what the parent's did up to there, so the
// newest timeline that has a file serves, as PostgreSQL itself chooses
// (src/backend/access/transam/xlogrecovery.c, XLogFileReadAnyTLI). PostgreSQL takes the parent's
// file to its end while there is none of the child; here it counts up to the switch only, so that
// nothing is ever planned beyond it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/wal_archive.h"
#include "pg/timeline_history.h"
#include "pg/types.h"

namespace walkback::catalog {

// What an archive holds of each timeline, asked for once.
class SegmentLists {
 public:
  explicit SegmentLists(const WalArchive& archive) : archive_(archive) {}
  Result<const std::vector<StoredSegment>*> of(pg::TimelineId timeline);
  const WalArchive& archive() const { return archive_; }

 private:
  const WalArchive& archive_;
  std::map<pg::TimelineId, std::vector<StoredSegment>> lists_;
};

class WalChain {
 public:
  static Result<WalChain> load(SegmentLists& lists, pg::TimelineId timeline);

  const pg::TimelineHistory& history() const { return history_; }
  pg::TimelineId timeline() const { return history_.timeline(); }
  uint32_t segment_bytes() const { return segment_bytes_; }
  // Where the timeline left its parent; 0/0 for one without.
  pg::Lsn begin() const { return *history_.begin_of(timeline()); }
  // A file of the timeline itself is in the archive.
  bool has_own_wal() const;

  struct Link {
    pg::TimelineId timeline;
    uint64_t stored_bytes = 0;
    bool has_index = false;
    bool changes_settings = false;
    // Where what it holds of this chain ends: the segment's end, or where its timeline was left.
    pg::Lsn end;
  };
  // Which file holds segment `number`; nothing when none does.
  std::optional<Link> segment(uint64_t number) const;

  // Where the WAL that begins at `from` ends or has its first hole; `from` when it is not there.
  pg::Lsn end_of_stretch(pg::Lsn from) const;
  // The first byte at or after `from` that is there.
  std::optional<pg::Lsn> next_present(pg::Lsn from) const;
  struct Stretch {
    pg::Lsn begin;  // a segment's, unless it is a gap
    pg::Lsn end;
  };
  // The stretches without holes, in order.
  std::vector<Stretch> stretches() const;
  // The holes between them, and one up to begin(): that a timeline was left there proves that there
  // was WAL.
  std::vector<Stretch> gaps() const;
  // Of the files that hold [from, end).
  uint64_t stored_bytes(pg::Lsn from, pg::Lsn end) const;

  // The file that should hold the byte at `lsn`, for messages.
  std::string file_name(pg::Lsn lsn) const;

 private:
  WalChain(pg::TimelineHistory history, uint32_t segment_bytes)
      : history_(std::move(history)), segment_bytes_(segment_bytes) {}

  uint64_t number_of(pg::Lsn lsn) const { return lsn.value / segment_bytes_; }

  pg::TimelineHistory history_;
  uint32_t segment_bytes_;
  std::map<uint64_t, Link> links_;
};

// The one asked for, or the newest, of those with a file in the archive. kInvalid with them in the
// hint.
Result<pg::TimelineId> choose_timeline(const std::vector<pg::TimelineId>& archived,
                                       std::optional<pg::TimelineId> wanted);

// Up to where two histories are one and the same; nothing when one is the other, or they share no
// timeline.
std::optional<pg::Lsn> parting_of(const pg::TimelineHistory& one, const pg::TimelineHistory& other);

}  // namespace walkback::catalog
