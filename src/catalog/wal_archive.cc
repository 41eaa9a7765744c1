#include "catalog/wal_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/task_group.h"
#include "base/zeroed_memory.h"
#include "catalog/json.h"
#include "catalog/unreadable.h"
#include "codec/frame_stream.h"
#include "wal/names.h"
#include "wal/page_header.h"
#include "wal/segment_header.h"

namespace walkback::catalog {

namespace {

// Frames of a segment: small enough to share between two cores without one waiting long for the
// other's last.
constexpr uint32_t kWalFrameBytes = 1 << 20;
// History and backup files are a few lines.
constexpr uint64_t kLargestTextFile = 16 << 20;
constexpr uint64_t kNeighbourTail = 256 << 10;
constexpr std::string_view kPartial = ".partial";
constexpr std::string_view kIndex = ".index";
constexpr std::string_view kSettings = ".settings";
constexpr std::string_view kSettingsSign = "A server was started with other settings here.\n";

bool is_segment(pg::WalFileKind kind) {
  return kind == pg::WalFileKind::kSegment || kind == pg::WalFileKind::kPartialSegment;
}

// Whether it is of this segment, and not of another whose object was copied here: each record ends
// in its segment, and only the first may begin before it.
bool lies_in(const wal::SegmentSummary& summary, pg::SegmentName name, uint32_t segment_bytes) {
  if (!summary.last_record) return true;
  const pg::Lsn begin = name.start(segment_bytes), end = begin + segment_bytes;
  const bool begins_before = summary.last_record == summary.first_record;
  return (begins_before || begin <= summary.last_record) && summary.last_record < end &&
         (!summary.problem.empty() || (begin < summary.end && summary.end <= end));
}

// Fewer bytes than there were a moment ago: somebody cuts the file.
Result<void> read_exactly(File& content, uint64_t offset, MutableBytes out) {
  if (TRY(content.read_at(offset, out)) == out.size()) return success();
  return make_error(ErrorKind::kInvalid, "the file became shorter while it was read");
}

// Other contents of one name; or what may go well when the server asks again, as it does.
bool is_reason_to_stop(ErrorKind failure_to_index) {
  return failure_to_index == ErrorKind::kConflict || failure_to_index == ErrorKind::kTransient;
}

Error two_contents(std::string_view name) {
  return make_error(
      ErrorKind::kConflict,
      fmt::format("{} is in the repository already with other contents; nothing was overwritten",
                  name),
      "two servers archive under one name: is this a copy or a former primary that still archives? "
      "Switch archiving off on the one that should not, or give it a cluster name of its own");
}

Error damaged(const store::ObjectKey& key, Error error) {
  error.kind = ErrorKind::kCorrupt;
  return std::move(error)
      .with_context(key.text())
      .with_hint(
          "the stored copy of this WAL file is damaged; recovery is possible up to the file before "
          "it");
}

}  // namespace

WalArchive::WalArchive(store::ObjectStore& objects, std::string cluster, Lineage lineage)
    : objects_(objects),
      cluster_(std::move(cluster)),
      lineage_(lineage),
      layout_(cluster_, lineage.system_identifier),
      saved_catalogs_(std::make_shared<SavedCatalogs>(objects, layout_)) {}

Result<void> WalArchive::check_size(std::string_view name, uint64_t size) const {
  const pg::WalFileKind kind = pg::wal_file_kind(name);
  if (kind == pg::WalFileKind::kOther) {
    return make_error(ErrorKind::kInvalid, fmt::format("'{}' is no name of a WAL file", name));
  }
  if (!is_segment(kind) && size > kLargestTextFile) {
    return make_error(ErrorKind::kInvalid, fmt::format("{} is {} bytes long", name, size));
  }
  if (is_segment(kind) && size != segment_bytes()) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("WAL segment {} is {} bytes long, this cluster's are {}", name,
                                  size, segment_bytes()),
                      "the file was cut or is from another cluster; it was not archived");
  }
  return success();
}

Result<void> WalArchive::check(std::string_view name, ByteView content) const {
  const pg::WalFileKind kind = pg::wal_file_kind(name);
  if (kind == pg::WalFileKind::kHistory) {
    TRY_CONTEXT(
        pg::TimelineHistory::parse(TRY(pg::parse_history_file_name(name)), as_text(content)), name);
    return success();
  }
  if (!is_segment(kind)) return success();
  const std::string_view segment = kind == pg::WalFileKind::kPartialSegment
                                       ? name.substr(0, name.size() - kPartial.size())
                                       : name;
  return check_segment_header(segment, content.first(wal::kWalPageBytes));
}

Result<void> WalArchive::check_segment_header(std::string_view name, ByteView first_page) const {
  const wal::SegmentInfo info =
      TRY(wal::inspect_segment(first_page, name, lineage_.system_identifier));
  if (info.segment_bytes == segment_bytes()) return success();
  return make_error(ErrorKind::kConflict,
                    fmt::format("WAL segment {} is of a cluster with segments of {} bytes", name,
                                info.segment_bytes));
}

Result<WalArchive::PutReport> WalArchive::put(std::string_view name, File& file,
                                              int compression_level, int workers,
                                              const Neighbour& neighbour,
                                              const wal::CatalogFiles& catalogs) {
  const uint64_t size = TRY(file.size());
  TRY(check_size(name, size));
  ZeroedMemory memory(size);
  TRY(read_exactly(file, 0, memory.bytes()));
  const ByteView content = memory.bytes();
  TRY(check(name, content));
  PutReport report;
  std::optional<IndexPut> index_put;
  TaskGroup beside;
  if (is_segment(pg::wal_file_kind(name))) {
    // Made durable while the segment is compressed: it costs a core's spare time.
    beside.start([&](std::stop_token) -> Result<void> {
      Result<IndexPut> put =
          put_index(name, index_of(name, content, neighbour, catalogs_for(name, catalogs)));
      if (put.ok()) {
        index_put = *put;
      } else if (is_reason_to_stop(put.error().kind)) {
        return std::move(put).error();
      } else {
        report.not_indexed = std::move(put).error();
      }
      return success();
    });
  }
  const std::vector<Bytes> frames =
      codec::encode_stream(content, kWalFrameBytes, compression_level, workers);
  TRY(beside.wait());
  std::unique_ptr<store::ObjectWriter> writer = TRY(objects_.create(layout_.wal_file(name)));
  for (const Bytes& frame : frames) {
    TRY(writer->append(frame));
    report.stored_bytes += frame.size();
  }
  if (TRY(writer->finish()) == store::PutOutcome::kAlreadyExists) {
    // PostgreSQL asks again for a segment whose success it did not hear of; any other reason for a
    // second file of one name is two clusters, or two histories of one, writing to the same place.
    // What cannot be read back to compare it is compared by its index, which put_index() did.
    const bool compared = objects_.encrypted() && index_put == IndexPut::kSaysTheSame;
    Result<void> same = compared ? success() : check_is_there(name, content);
    if (!same.ok()) {
      // An index of bytes that are not there must not speak for those that are.
      if (index_put == IndexPut::kMade) TRY(objects_.remove(layout_.wal_index(name)));
      return std::move(same).error();
    }
    report.already_there = true;
  }
  return report;
}

Result<bool> WalArchive::holds(std::string_view name, File& file) const {
  const uint64_t size = TRY(file.size());
  if (!check_size(name, size).ok()) return false;
  ZeroedMemory content(size);
  TRY(read_exactly(file, 0, content.bytes()));
  if (!TRY(has(name))) return false;
  // No segment is put where an index of other bytes is.
  const Result<std::optional<WalIndex>> index = get_wal_index(objects_, layout_.wal_index(name));
  if (index.ok() && *index) return (*index)->segment_hash == codec::hash_content(content.bytes());
  if (!index.ok() && !is_unreadable(index.error())) return index.error();
  return holds_bytes(name, content.bytes());
}

Result<bool> WalArchive::holds_bytes(std::string_view name, ByteView content) const {
  const std::optional<Bytes> stored = TRY(get(name));
  return stored && std::ranges::equal(*stored, content);
}

Result<void> WalArchive::check_is_there(std::string_view name, ByteView content) const {
  const Result<bool> same = holds_bytes(name, content);
  if (!same.ok() && same.error().kind == ErrorKind::kDenied) {
    return make_error(ErrorKind::kDenied,
                      fmt::format("{} is in the repository already, its index is not whole, and "
                                  "without a private key nothing else says whether it is this one",
                                  name),
                      "`walkback index --rebuild`, where an owner's private key is, makes the "
                      "index again");
  }
  if (!same.ok()) return same.error();
  return *same ? success() : Result<void>(two_contents(name));
}

wal::SegmentSummary WalArchive::summarize(pg::SegmentName segment, ByteView content,
                                          const Neighbour& neighbour,
                                          const wal::CatalogFiles& catalogs) const {
  const auto timeline = wal::timeline_of_unfinished_record(segment, content, segment_bytes());
  if (!timeline || segment.number == 0) {
    return wal::summarize_segment(segment, content, {}, expectations(), catalogs);
  }
  const pg::SegmentName before{*timeline, segment.number - 1};
  // Nearly all records are small; to read the whole segment would cost as much as to compress one.
  for (const uint64_t tail : {uint64_t{kNeighbourTail}, uint64_t{segment_bytes()}}) {
    ZeroedMemory end_of_it(segment_bytes());
    const bool is_there =
        neighbour && neighbour(before.text(segment_bytes()), tail, end_of_it.bytes());
    if (!is_there) break;
    wal::SegmentSummary summary =
        wal::summarize_segment(segment, content, end_of_it.bytes(), expectations(), catalogs);
    if (!summary.first_record_unknown) return summary;
  }
  // Where a push lags behind, a checkpoint may have removed that file meanwhile.
  const Result<std::optional<wal::SegmentSummary>> indexed = this->summary(before);
  if (indexed.ok() && *indexed && (*indexed)->unfinished) {
    return wal::summarize_segment_after(*(*indexed)->unfinished, segment, content, expectations(),
                                        catalogs);
  }
  return wal::summarize_segment(segment, content, {}, expectations(), catalogs);
}

WalArchive::Neighbour WalArchive::stored_neighbour() const {
  return [this](const std::string& name, uint64_t tail, MutableBytes out) {
    Result<std::optional<StoredFrames>> stored = get_frames(name);
    if (!stored.ok() || !*stored || (*stored)->content_bytes != out.size()) return false;
    // What lies between is not asked for, and to decode it is most of the work.
    std::erase_if((*stored)->frames, [&](const codec::StreamFrame& frame) {
      return frame.content_offset >= wal::kWalPageBytes &&
             frame.content_offset + frame.content_bytes <= out.size() - tail;
    });
    return codec::decode_frames_into((*stored)->frames, out).ok();
  };
}

// An index is no reason for a segment not to be archived: what cannot be decoded is said in it.
WalIndex WalArchive::index_of(pg::SegmentName segment, ByteView content, const Neighbour& neighbour,
                              const wal::CatalogFiles& catalogs) const {
  return {codec::hash_content(content), summarize(segment, content, neighbour, catalogs)};
}

WalIndex WalArchive::index_of(std::string_view name, ByteView content, const Neighbour& neighbour,
                              const wal::CatalogFiles& catalogs) const {
  const Result<pg::SegmentName> segment = pg::SegmentName::parse(name, segment_bytes());
  if (!segment.ok()) return WalIndex{codec::hash_content(content), {}};  // a .partial file
  return index_of(*segment, content, neighbour, catalogs);
}

// What changed is rare and anywhere, and no list reads every index.
Result<void> WalArchive::mark_settings(std::string_view name,
                                       const std::optional<wal::SegmentSummary>& summary) const {
  if (!summary || changes_settings(*summary) != ChangesSettings::kYes) return success();
  const Bytes mark = codec::encode_stream(as_bytes(kSettingsSign), kWalFrameBytes, 1, 1).front();
  TRY(objects_.put(layout_.wal_settings(name), mark));
  return success();
}

// One may be there without its segment: of a push that ended between the two.
Result<WalArchive::IndexPut> WalArchive::put_index(std::string_view name,
                                                   const WalIndex& index) const {
  TRY(mark_settings(name, index.summary));
  const store::ObjectKey key = layout_.wal_index(name);
  if (TRY(put_wal_index(objects_, key, index)) == store::PutOutcome::kCreated) {
    return IndexPut::kMade;
  }
  Result<std::optional<WalIndex>> there = get_wal_index(objects_, key);
  // What they contain depends on what was at hand.
  if (there.ok() && *there) {
    return (*there)->segment_hash == index.segment_hash ? Result<IndexPut>(IndexPut::kSaysTheSame)
                                                        : two_contents(name);
  }
  if (!there.ok() && !is_unreadable(there.error())) return std::move(there).error();
  TRY(objects_.remove(key));
  TRY(put_wal_index(objects_, key, index));
  return IndexPut::kMade;
}

Result<std::optional<pg::SegmentName>> WalArchive::segment_before(pg::SegmentName segment) const {
  if (segment.number == 0) return std::optional<pg::SegmentName>();
  const Result<pg::TimelineHistory> history = this->history(segment.timeline);
  if (!history.ok() && history.error().kind != ErrorKind::kMissing) return history.error();
  const pg::SegmentName before{segment.timeline, segment.number - 1};
  if (!history.ok()) return std::optional(before);
  return std::optional(
      pg::SegmentName{history->timeline_of(before.start(segment_bytes())), before.number});
}

// A push may lag behind: what the data directory says by now need not have held in the segment.
wal::CatalogFiles WalArchive::catalogs_for(std::string_view name,
                                           const wal::CatalogFiles& by_now) const {
  const Result<pg::SegmentName> segment = pg::SegmentName::parse(name, segment_bytes());
  if (!segment.ok() || by_now.moved().empty()) return by_now;
  wal::CatalogFiles catalogs = by_now;
  const Result<std::optional<pg::SegmentName>> before = segment_before(*segment);
  if (!before.ok() || !*before) return catalogs;
  if (const auto indexed = catalogs_indexed(**before, {})) catalogs.add(indexed->moved());
  return catalogs;
}

std::optional<wal::CatalogFiles> WalArchive::catalogs_indexed(
    pg::SegmentName segment, std::optional<pg::SegmentName> before) const {
  std::optional<wal::CatalogFiles> catalogs;
  // The segment's own index says how it ends.
  for (const std::optional<pg::SegmentName>& name : {std::optional(segment), before}) {
    const Result<std::optional<wal::SegmentSummary>> known =
        name ? summary(*name) : std::optional<wal::SegmentSummary>();
    if (!known.ok() || !*known) continue;
    if (!catalogs) catalogs.emplace();
    catalogs->add((*known)->moved_catalogs);
  }
  return catalogs;
}

wal::CatalogFiles WalArchive::catalogs_at(pg::SegmentName segment,
                                          std::optional<pg::SegmentName> before) const {
  if (std::optional<wal::CatalogFiles> indexed = catalogs_indexed(segment, before)) {
    return *std::move(indexed);
  }
  const Result<pg::TimelineHistory> history = this->history(segment.timeline);
  return saved_catalogs_->at(history.ok() ? *history : pg::TimelineHistory(segment.timeline),
                             segment.start(segment_bytes()));
}

Result<void> WalArchive::remake_index(pg::SegmentName segment) const {
  const std::string name = segment.text(segment_bytes());
  const Bytes content = TRY(get_segment(segment));
  const WalIndex index = index_of(segment, content, stored_neighbour(),
                                  catalogs_at(segment, TRY(segment_before(segment))));
  TRY(objects_.remove(layout_.wal_index(name)));
  // Without an index the segment is read, whatever signs there are: now this may go, too.
  TRY(objects_.remove(layout_.wal_settings(name)));
  TRY(put_index(name, index));
  return success();
}

Result<void> WalArchive::check_settings_sign(pg::SegmentName segment) const {
  const store::ObjectKey key = layout_.wal_settings(segment.text(segment_bytes()));
  const std::optional<Bytes> stored = TRY(objects_.get(key));
  if (!stored) return make_error(ErrorKind::kMissing, key.text() + " is not there");
  const Result<Bytes> text = codec::decode_stream(*stored, kSettingsSign.size());
  if (text.ok() && as_text(*text) == kSettingsSign) return success();
  return make_error(ErrorKind::kCorrupt,
                    fmt::format("{} is damaged: it is no sign of changed settings", key.text()));
}

Result<void> WalArchive::remake_settings_sign(pg::SegmentName segment,
                                              const wal::SegmentSummary& summary) const {
  const std::string name = segment.text(segment_bytes());
  // For a moment there is none: a list that is made meanwhile is as wrong as it was before.
  TRY(objects_.remove(layout_.wal_settings(name)));
  return mark_settings(name, summary);
}

Result<bool> WalArchive::has(std::string_view name) const {
  return TRY(objects_.info(layout_.wal_file(name))).has_value();
}

Result<std::optional<Bytes>> WalArchive::get_stored(std::string_view name) const {
  return objects_.get(layout_.wal_file(name));
}

Result<std::optional<WalArchive::StoredFrames>> WalArchive::get_frames(
    std::string_view name) const {
  const store::ObjectKey key = layout_.wal_file(name);
  std::optional<Bytes> stored = TRY(objects_.get(key));
  if (!stored) return std::optional<StoredFrames>();
  const bool segment = is_segment(pg::wal_file_kind(name));
  Result<std::vector<codec::StreamFrame>> frames =
      codec::split_stream(*stored, segment ? segment_bytes() : kLargestTextFile);
  if (!frames.ok()) return damaged(key, std::move(frames).error());
  const size_t size =
      frames->empty() ? 0 : frames->back().content_offset + frames->back().content_bytes;
  if (segment && size != segment_bytes()) {
    return damaged(key, make_error(ErrorKind::kCorrupt, fmt::format("it holds {} bytes", size)));
  }
  return std::optional(StoredFrames{*std::move(stored), *std::move(frames), size});
}

Result<std::optional<Bytes>> WalArchive::get(std::string_view name) const {
  const std::optional<StoredFrames> stored = TRY(get_frames(name));
  if (!stored) return std::optional<Bytes>();
  Bytes content(stored->content_bytes);
  Result<void> decoded = codec::decode_frames_into(stored->frames, content);
  if (!decoded.ok()) return damaged(layout_.wal_file(name), std::move(decoded).error());
  return std::optional<Bytes>(std::move(content));
}

Result<Bytes> WalArchive::get_segment(pg::SegmentName name) const {
  const std::string text = name.text(segment_bytes());
  std::optional<Bytes> content = TRY(get(text));
  if (!content) return make_error(ErrorKind::kMissing, "WAL segment " + text + " is missing");
  // Sound bytes under another's name were put there behind our back; nothing was pushed so.
  Result<void> own = check_segment_header(text, ByteView(*content).first(wal::kWalPageBytes));
  if (!own.ok()) return damaged(layout_.wal_file(text), std::move(own).error());
  return *std::move(content);
}

Result<std::optional<wal::SegmentSummary>> WalArchive::summary(pg::SegmentName name) const {
  std::optional<WalIndex> index =
      TRY(get_wal_index(objects_, layout_.wal_index(name.text(segment_bytes()))));
  if (!index) return std::optional<wal::SegmentSummary>();
  if (index->summary && !lies_in(*index->summary, name, segment_bytes())) {
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("{} is the index of another segment: its last record is at {}",
                                  layout_.wal_index(name.text(segment_bytes())).text(),
                                  index->summary->last_record.text()));
  }
  return std::move(index->summary);
}

Result<std::vector<pg::TimelineId>> WalArchive::timelines() const {
  std::vector<pg::TimelineId> timelines;
  for (const std::string& folder : TRY(objects_.list_folders(layout_.wal_folder()))) {
    const Result<pg::TimelineId> timeline = pg::parse_history_file_name(folder + ".history");
    if (timeline.ok()) timelines.push_back(*timeline);
  }
  return timelines;
}

Result<std::vector<StoredSegment>> WalArchive::segments(pg::TimelineId timeline) const {
  const std::string folder = layout_.timeline_folder(timeline);
  std::vector<StoredSegment> segments;
  // The segments of which these were listed last: before themselves.
  std::string indexed, marked;
  TRY(objects_.list(folder, "", [&](const store::ObjectInfo& info) {
    std::string name = file_name(info.key.text());
    if (name.ends_with(".zst")) name.resize(name.size() - 4);
    if (name.ends_with(kIndex)) indexed = name.substr(0, name.size() - kIndex.size());
    if (name.ends_with(kSettings)) marked = name.substr(0, name.size() - kSettings.size());
    if (pg::wal_file_kind(name) != pg::WalFileKind::kSegment) return true;
    const Result<pg::SegmentName> segment = pg::SegmentName::parse(name, segment_bytes());
    if (segment.ok()) segments.push_back({*segment, info.size, name == indexed, name == marked});
    return true;
  }));
  return segments;
}

Result<pg::TimelineHistory> WalArchive::history(pg::TimelineId timeline) const {
  const std::string name = pg::history_file_name(timeline);
  const std::optional<Bytes> content = TRY(get(name));
  if (content) return pg::TimelineHistory::parse(timeline, as_text(*content));
  if (timeline.value == 1) return pg::TimelineHistory(timeline);
  return make_error(
      ErrorKind::kMissing,
      fmt::format("{} is not in the repository, so it is not known where timeline {} "
                  "comes from",
                  name, timeline.value),
      "archive it from the pg_wal of a server that is on this timeline: walkback wal-push "
      "pg_wal/" +
          name);
}

Result<bool> WalArchive::is_reserved(pg::TimelineId timeline) const {
  return TRY(objects_.info(layout_.reservation(timeline))).has_value();
}

Result<pg::TimelineId> WalArchive::reserve_timeline(pg::TimelineId above,
                                                    const std::string& holder) {
  pg::TimelineId candidate = above;
  for (pg::TimelineId archived : TRY(timelines())) candidate = std::max(candidate, archived);
  Json json;
  json["holder"] = holder;
  const std::string text = to_text(json);
  for (;;) {
    ++candidate.value;
    // Whoever creates the object has the number, also among recoveries that run at the same time.
    if (TRY(objects_.put(layout_.reservation(candidate), as_bytes(text))) ==
        store::PutOutcome::kCreated) {
      return candidate;
    }
  }
}

}  // namespace walkback::catalog
