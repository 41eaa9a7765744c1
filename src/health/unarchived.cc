#include "health/unarchived.h"

#include <algorithm>

#include "wal/segment_summary.h"
#include "wal/timed_event.h"

namespace walkback::health {

namespace {

// In so many segments without one commit nobody committed anything worth a warning.
constexpr uint64_t kMostSegmentsRead = 8;

class Search {
 public:
  Search(const catalog::WalArchive& archive, const catalog::WalChain& chain,
         const ServerFacts* server, FileSystem& files, const std::string& pg_wal)
      : archive_(archive),
        chain_(chain),
        segment_bytes_(archive.segment_bytes()),
        server_(server),
        timeline_(server != nullptr ? server->timeline : chain.timeline()),
        files_(files),
        pg_wal_(pg_wal) {}

  Result<UnarchivedFacts> run() {
    const auto stretches = chain_.stretches();
    if (!stretches.empty()) found_.archived_until = stretches.back().end;
    if (server_ != nullptr) {
      const pg::Lsn end = server_->wal_end;
      found_.bytes = end > found_.archived_until ? end - found_.archived_until : 0;
      if (*found_.bytes == 0) return found_;
    }
    const std::vector<uint64_t> there = TRY(segments_there());
    TRY(look_for_lost(there));
    uint64_t read = 0;
    for (const uint64_t number : there) {
      if (found_.first_commit || ++read > kMostSegmentsRead) break;
      TRY(look_for_commit(number));
    }
    return found_;
  }

 private:
  // Of the log's timeline, that are not in the repository, in order.
  Result<std::vector<uint64_t>> segments_there() const {
    std::vector<uint64_t> numbers;
    for (const DirectoryEntry& entry : TRY(files_.list(pg_wal_))) {
      if (pg::wal_file_kind(entry.name) != pg::WalFileKind::kSegment) continue;
      const auto name = pg::SegmentName::parse(entry.name, segment_bytes_);
      if (!name.ok() || name->timeline != timeline_) continue;
      const pg::Lsn end = name->start(segment_bytes_) + segment_bytes_;
      if (end <= found_.archived_until) continue;
      if (server_ != nullptr && name->start(segment_bytes_) >= server_->wal_end) continue;
      numbers.push_back(name->number);
    }
    return numbers;
  }

  // The next one that the repository needs, where the server has none of it any more.
  Result<void> look_for_lost(const std::vector<uint64_t>& there) {
    const bool same_timeline = timeline_ == chain_.timeline();
    if (server_ == nullptr || !same_timeline || !found_.archived_until) return success();
    const uint64_t wanted = found_.archived_until.value / segment_bytes_;
    if (std::ranges::find(there, wanted) != there.end()) return success();
    const std::string name = pg::SegmentName{timeline_, wanted}.text(segment_bytes_);
    // It may have been archived and removed since the repository was listed.
    if (!TRY(archive_.has(name))) found_.lost = name;
    return success();
  }

  Result<void> look_for_commit(uint64_t number) {
    const pg::SegmentName name{timeline_, number};
    Result<Bytes> content = read(name);
    if (!content.ok() && content.error().kind == ErrorKind::kMissing) return success();
    if (!content.ok()) return std::move(content).error();
    if (content->size() != segment_bytes_) return success();
    const wal::SegmentSummary summary =
        wal::summarize_segment(name, *content, {}, archive_.expectations());
    wal::TimedEvents events(archive_.lineage().major);
    auto commit = [&](pg::Lsn start, Timestamp time) {
      if (start >= found_.archived_until && !found_.first_commit) found_.first_commit = time;
      return !found_.first_commit;
    };
    wal::visit_in_order(
        summary,
        [&](const wal::KeptRecord& kept) {
          const std::optional<Timestamp> time = events.commit_time(wal::record_of(kept));
          return !time || commit(kept.start, *time);
        },
        [&](const wal::PlainEnd& end) {
          return !end.committed || commit(end.start, pg::from_pg_timestamp(end.pg_time));
        });
    return success();
  }

  Result<Bytes> read(pg::SegmentName name) const {
    return read_file(files_, join_path(pg_wal_, name.text(segment_bytes_)), segment_bytes_);
  }

  const catalog::WalArchive& archive_;
  const catalog::WalChain& chain_;
  const uint32_t segment_bytes_;
  const ServerFacts* const server_;
  const pg::TimelineId timeline_;
  FileSystem& files_;
  const std::string& pg_wal_;
  UnarchivedFacts found_;
};

}  // namespace

Result<UnarchivedFacts> find_unarchived(const catalog::WalArchive& archive,
                                        const catalog::WalChain& chain, const ServerFacts* server,
                                        FileSystem& files, const std::string& pg_wal) {
  return Search(archive, chain, server, files, pg_wal).run();
}

}  // namespace walkback::health
