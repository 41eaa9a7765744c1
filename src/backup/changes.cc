#include "backup/changes.h"

#include <fmt/format.h>

#include "base/zeroed_memory.h"
#include "catalog/wal_neighbour.h"
#include "catalog/wal_summaries.h"
#include "wal/page_header.h"

namespace walkback::backup {

namespace {

constexpr size_t kIndexesAtOnce = 32;

class ChangeReader {
 public:
  ChangeReader(const catalog::WalArchive& archive, const catalog::WalChain& chain, pg::Lsn from,
               pg::Lsn until, FileSystem& files, const std::string& pg_wal)
      : archive_(archive),
        chain_(chain),
        segment_bytes_(archive.segment_bytes()),
        first_(from.value / segment_bytes_),
        until_(until),
        files_(files),
        pg_wal_(pg_wal),
        since_(archive.lineage().major) {}

  Result<Changes> read(std::stop_token stop) {
    const uint64_t last = (until_.value - 1) / segment_bytes_;
    const pg::Lsn archived = chain_.end_of_stretch({first_ * segment_bytes_});
    // The first of which the archive does not have all.
    const uint64_t tail = std::min(archived.value / segment_bytes_, last + 1);
    if (tail > first_) {
      TRY(catalog::read_summaries(archive_, chain_, first_, tail - 1,
                                  {kIndexesAtOnce, catalog::AllOf::kBlocks}, stop,
                                  [&](const catalog::KnownSegment& known) { return see(known); }));
    }
    for (uint64_t number = std::max(tail, first_); number <= last && why_not_.empty(); ++number) {
      see_itself(number, "it is not in the archive");
    }
    if (why_not_.empty() && since_.unreliable()) why_not_ = *since_.unreliable();
    if (!why_not_.empty()) return Changes{std::nullopt, std::move(why_not_)};
    since_.finish();
    return Changes{std::move(since_), ""};
  }

 private:
  // A record that began before the first segment began before the parent's redo point, too.
  bool says_all(uint64_t number, const wal::SegmentSummary& summary) const {
    const bool reaches = summary.problem.empty() || summary.end >= until_;
    return reaches && (number == first_ || summary.says_all_blocks());
  }

  bool see(const catalog::KnownSegment& known) {
    if (known.summary && says_all(known.name.number, *known.summary)) {
      take(*known.summary);
    } else {
      const std::string why = !known.summary                   ? known.unknown
                              : known.summary->problem.empty() ? "its first record is not known"
                                                               : known.summary->problem;
      see_itself(known.name.number, why);
    }
    return why_not_.empty();
  }

  // The WAL, where no index says all of it: up to the page that `until_` is on.
  void see_itself(uint64_t number, const std::string& why_not_indexed) {
    const pg::Lsn start{number * segment_bytes_};
    const std::string name = chain_.file_name(start);
    const auto segment = pg::SegmentName::parse(name, segment_bytes_);
    const uint64_t pages = (until_ - start + wal::kWalPageBytes - 1) / wal::kWalPageBytes;
    ZeroedMemory content(std::min<uint64_t>(segment_bytes_, pages * wal::kWalPageBytes));
    if (!segment.ok() || !read(*segment, content.bytes())) {
      why_not_ = fmt::format(
          "WAL segment {}: {}, it is no longer in pg_wal, and the archive has none that opens here",
          name, why_not_indexed);
      return;
    }
    const auto neighbour = [this](const std::string& before, uint64_t tail, MutableBytes out) {
      if (catalog::neighbour_in(pg_wal_, files_)(before, tail, out)) return true;
      return archive_.stored_neighbour()(before, tail, out);
    };
    const wal::SegmentSummary summary = archive_.summarize(*segment, content.bytes(), neighbour);
    if (says_all(number, summary)) {
      take(summary);
    } else {
      why_not_ =
          fmt::format("WAL segment {}: {}", name,
                      summary.problem.empty() ? "its first record is not known" : summary.problem);
    }
  }

  // Its beginning, as the server has it; else as it was archived, where a key at hand opens that: a
  // checkpoint may have removed it.
  bool read(pg::SegmentName segment, MutableBytes out) const {
    const std::string path = join_path(pg_wal_, segment.text(segment_bytes_));
    const Result<std::unique_ptr<File>> file = files_.open_read(path);
    const Result<size_t> got = file.ok() ? (*file)->read_at(0, out) : Result<size_t>(size_t{0});
    return (got.ok() && *got == out.size()) || read_archived(segment, out);
  }

  bool read_archived(pg::SegmentName segment, MutableBytes out) const {
    const Result<Bytes> content = archive_.get_segment(segment);
    if (!content.ok() || content->size() < out.size()) return false;
    std::copy_n(content->data(), out.size(), out.data());
    return true;
  }

  void take(const wal::SegmentSummary& summary) {
    const Result<void> seen = since_.see(summary);
    if (!seen.ok()) why_not_ = seen.error().message;
  }

  const catalog::WalArchive& archive_;
  const catalog::WalChain& chain_;
  const uint32_t segment_bytes_;
  const uint64_t first_;
  const pg::Lsn until_;
  FileSystem& files_;
  const std::string& pg_wal_;
  wal::ChangedSince since_;
  std::string why_not_;
};

}  // namespace

Result<Changes> find_changes(const catalog::WalArchive& archive, const catalog::WalChain& chain,
                             const catalog::BackupSummary& parent, pg::Lsn until, FileSystem& files,
                             const std::string& pg_wal, std::stop_token stop) {
  return ChangeReader(archive, chain, parent.start_lsn, until, files, pg_wal).read(std::move(stop));
}

}  // namespace walkback::backup
