#include "wal/segment_header.h"

#include <fmt/format.h>

#include "wal/page_header.h"

namespace walkback::wal {
namespace {

Error not_wal(std::string_view why) {
  return make_error(ErrorKind::kCorrupt, fmt::format("not a WAL segment: {}", why));
}

}  // namespace

Result<SegmentInfo> inspect_segment(ByteView first_page) {
  if (first_page.size() < kLongHeaderBytes) return not_wal("it is too short");
  const PageHeader header = read_page_header(first_page);
  if (header.magic == 0) return not_wal("it begins with zeros");
  const bool plausible = header.is_long() && pg::is_wal_segment_size(header.segment_bytes) &&
                         header.address.value % header.segment_bytes == 0 &&
                         header.timeline.value != 0;
  if (!plausible) return not_wal("its first page header cannot be");
  SegmentInfo info;
  info.version = TRY(pg::version_of_wal_page_magic(header.magic));
  if ((header.info & ~PageHeader::kAllFlags) != 0)
    return not_wal("its first page header cannot be");
  if (header.page_bytes != kWalPageBytes) {
    return make_error(ErrorKind::kUnsupported,
                      fmt::format("WAL pages of {} bytes; only {} is supported", header.page_bytes,
                                  kWalPageBytes));
  }
  info.system_identifier = header.system_identifier;
  info.timeline = header.timeline;
  info.segment_bytes = header.segment_bytes;
  info.start = header.address;
  return info;
}

Result<SegmentInfo> inspect_segment(ByteView first_page, std::string_view name,
                                    pg::SystemIdentifier system_identifier) {
  const SegmentInfo info = TRY_CONTEXT(inspect_segment(first_page), name);
  if (info.system_identifier != system_identifier) {
    return make_error(ErrorKind::kConflict,
                      fmt::format("{} belongs to the cluster with system identifier {}, not to {}",
                                  name, info.system_identifier.value, system_identifier.value),
                      "check which cluster this archive_command or repository belongs to");
  }
  const auto expected = TRY(pg::SegmentName::parse(name, info.segment_bytes));
  const bool matches =
      info.start == expected.start(info.segment_bytes) && info.timeline <= expected.timeline;
  if (!matches) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{} holds WAL of timeline {} from {} on, not what its name says",
                                  name, info.timeline.value, info.start.text()),
                      "it was renamed, or recycled and not written yet");
  }
  return info;
}

}  // namespace walkback::wal
