// The WAL of a lineage in the repository: segments, histories, and which timelines are taken.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"
#include "catalog/layout.h"
#include "catalog/lineage.h"
#include "catalog/saved_catalogs.h"
#include "catalog/wal_index.h"
#include "codec/frame_stream.h"
#include "pg/timeline_history.h"
#include "pg/types.h"
#include "store/object_store.h"

namespace walkback::catalog {

struct StoredSegment {
  pg::SegmentName name;
  uint64_t stored_bytes = 0;
  bool has_index = false;
  // It has the sign that a server was started with others; its index says with which.
  bool changes_settings = false;
};

// Thread-safe.
class WalArchive {
 public:
  WalArchive(store::ObjectStore& objects, std::string cluster, Lineage lineage);

  const Lineage& lineage() const { return lineage_; }
  const LineageLayout& layout() const { return layout_; }
  uint32_t segment_bytes() const { return lineage_.wal_segment_bytes; }
  // What its segments say of themselves.
  wal::RecordReader::Expectations expectations() const {
    return {segment_bytes(), lineage_.system_identifier, lineage_.major};
  }
  // Of the repository, for messages.
  std::string description() const { return objects_.description(); }

  // The end of a segment by its name, from where `content` of put() came from: puts its first page
  // and its last `tail` bytes, or more, where they belong in `out`, which is as large as a segment.
  // False when it is not there or cannot be read. Called on another thread, during put().
  using Neighbour = std::function<bool(const std::string& name, uint64_t tail, MutableBytes out)>;
  struct PutReport {
    bool already_there = false;  // the same bytes were; they are durable
    uint64_t stored_bytes = 0;
    std::optional<Error> not_indexed;  // why the segment has no index; it is archived all the same
  };
  // Puts what archive_command was given, compressed by `workers` threads. A segment is refused
  // (kInvalid) when its first page belongs to another cluster, timeline or position, or its size is
  // not the cluster's; the same name with other bytes is kConflict and nothing is overwritten. On
  // success it survives power loss, and so does its index unless the report says otherwise, which
  // was put before it and holds what summarize_segment() says of it: with a record that began in
  // the segment before where `neighbour` has that, and with `catalogs`. Where that has a change of
  // settings, StoredSegment says so from now on.
  // Memory: the segment once more.
  Result<PutReport> put(std::string_view name, File& file, int compression_level, int workers,
                        const Neighbour& neighbour = {}, const wal::CatalogFiles& catalogs = {});

  // What put() asks of a segment's first page.
  Result<void> check_segment_header(std::string_view name, ByteView first_page) const;

  Result<bool> has(std::string_view name) const;
  // The file as PostgreSQL wrote it, every frame's checksum verified; nothing when it is not there.
  Result<std::optional<Bytes>> get(std::string_view name) const;
  // kMissing when it is not there, kCorrupt when what is there is another segment.
  Result<Bytes> get_segment(pg::SegmentName name) const;
  // As it is stored: zstd frames one after another.
  Result<std::optional<Bytes>> get_stored(std::string_view name) const;

  // Nothing when there is none, or its program made no summary; kCorrupt when it is damaged.
  Result<std::optional<wal::SegmentSummary>> summary(pg::SegmentName name) const;
  // Of a segment of which `content` is all, or the beginning, in whole pages: as put() does it,
  // with the end of the one before from `neighbour`, or else what the index of that says of its
  // end.
  wal::SegmentSummary summarize(pg::SegmentName name, ByteView content, const Neighbour& neighbour,
                                const wal::CatalogFiles& catalogs = {}) const;

  // Gives what the archive itself has, to be read with the keys at hand. Not beyond the archive.
  Neighbour stored_neighbour() const;

  // Whether the archive holds exactly this content under the name, as its index says; where it has
  // none that can be read, byte by byte.
  Result<bool> holds(std::string_view name, File& file) const;
  // The files of catalogs where the segment begins, as the index of the one before it knows them,
  // or its own, or else the names saved with a backup: for whoever reads the segment itself.
  wal::CatalogFiles catalogs_at(pg::SegmentName name, std::optional<pg::SegmentName> before) const;
  // Makes a segment's index again, with the segment before where the archive has that. kDenied
  // without an owner's private key. Where it ends early the index may be gone: do it again.
  Result<void> remake_index(pg::SegmentName segment) const;
  // Reads the sign of changed settings beside a segment, of which lists see the name alone:
  // kMissing when there is none, kCorrupt when it is no such sign.
  Result<void> check_settings_sign(pg::SegmentName segment) const;
  // The sign as this summary of the segment wants it: put anew, or taken away. Needs no private
  // key.
  Result<void> remake_settings_sign(pg::SegmentName segment,
                                    const wal::SegmentSummary& summary) const;

  // Timelines with at least one file in the archive, in order.
  Result<std::vector<pg::TimelineId>> timelines() const;
  // In order of their number.
  Result<std::vector<StoredSegment>> segments(pg::TimelineId timeline) const;
  // What branched from what. Timeline 1 has no history file and is its own; a timeline whose
  // history file is missing is kMissing.
  Result<pg::TimelineHistory> history(pg::TimelineId timeline) const;

  // Two recoveries must not choose the same new timeline: takes the lowest that is above `above`
  // and neither archived nor taken. Durable. `holder` is written beside it for people.
  Result<pg::TimelineId> reserve_timeline(pg::TimelineId above, const std::string& holder);
  Result<bool> is_reserved(pg::TimelineId timeline) const;

 private:
  enum class IndexPut { kMade, kSaysTheSame };
  struct StoredFrames {
    Bytes stream;
    std::vector<codec::StreamFrame> frames;  // in `stream`
    size_t content_bytes = 0;
  };

  // A file that is not decoded yet; nothing when it is not there.
  Result<std::optional<StoredFrames>> get_frames(std::string_view name) const;
  Result<void> check_size(std::string_view name, uint64_t size) const;
  Result<void> check(std::string_view name, ByteView content) const;
  // Byte by byte, whatever an index says.
  Result<bool> holds_bytes(std::string_view name, ByteView content) const;
  Result<void> check_is_there(std::string_view name, ByteView content) const;
  WalIndex index_of(pg::SegmentName segment, ByteView content, const Neighbour& neighbour,
                    const wal::CatalogFiles& catalogs) const;
  WalIndex index_of(std::string_view name, ByteView content, const Neighbour& neighbour,
                    const wal::CatalogFiles& catalogs) const;
  // By its history, whether or not the archive has it.
  Result<std::optional<pg::SegmentName>> segment_before(pg::SegmentName segment) const;
  // Nothing where none of their indexes can be read.
  std::optional<wal::CatalogFiles> catalogs_indexed(pg::SegmentName segment,
                                                    std::optional<pg::SegmentName> before) const;
  wal::CatalogFiles catalogs_for(std::string_view name, const wal::CatalogFiles& by_now) const;
  Result<void> mark_settings(std::string_view name,
                             const std::optional<wal::SegmentSummary>& summary) const;
  // With the mark of changed settings; kConflict when there is an index of other bytes.
  Result<IndexPut> put_index(std::string_view name, const WalIndex& index) const;

  store::ObjectStore& objects_;
  const std::string cluster_;
  const Lineage lineage_;
  const LineageLayout layout_;
  const std::shared_ptr<SavedCatalogs> saved_catalogs_;  // of copies, too
};

}  // namespace walkback::catalog
