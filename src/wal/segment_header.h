// What the first page of a segment file says about it.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "pg/types.h"
#include "pg/versions.h"

namespace walkback::wal {

struct SegmentInfo {
  pg::Version version;
  pg::SystemIdentifier system_identifier;
  pg::TimelineId
      timeline;  // of the first page: that of the name, or an ancestor's after a promotion
  uint32_t segment_bytes = 0;
  pg::Lsn start;
};

// `first_page` is the beginning of a segment file, 40 bytes or more.
//   kCorrupt       not a WAL segment: zeros, or a header that cannot be
//   kUnsupported   WAL of a version this program does not know
Result<SegmentInfo> inspect_segment(ByteView first_page);

// As above, for a file called `name` in a cluster known by its identifier:
//   kConflict      WAL of another cluster
//   kInvalid       not the segment its name says (recycled and not yet written, or renamed)
Result<SegmentInfo> inspect_segment(ByteView first_page, std::string_view name,
                                    pg::SystemIdentifier system_identifier);

}  // namespace walkback::wal
