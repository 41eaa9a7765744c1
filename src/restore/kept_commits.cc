#include "restore/kept_commits.h"

#include "pg/types.h"
#include "wal/record_reader.h"
#include "wal/timed_event.h"

namespace walkback::restore {

namespace {

class Count {
 public:
  explicit Count(const catalog::WalArchive& archive)
      : archive_(archive), events_(archive.lineage().major) {}

  void segment(pg::SegmentName name, Bytes content) {
    const bool follows = ended_ == wal::Outcome::kEndOfInput &&
                         previous_.timeline == name.timeline && previous_.number + 1 == name.number;
    if (!reader_ || !follows) reader_.emplace(archive_.expectations());
    previous_ = name;
    reader_->feed(name, content);
    wal::Record record;
    while ((ended_ = reader_->next(record)) == wal::Outcome::kRecord) look_at(record);
    // The reader keeps a view of it until it is given the next.
    content_ = std::move(content);
  }

  const KeptCommits& found() const { return found_; }

 private:
  void look_at(const wal::Record& record) {
    const std::optional<Timestamp> time = events_.commit_time(record);
    if (time && found_.count++ == 0) found_.first = time;
  }

  const catalog::WalArchive& archive_;
  wal::TimedEvents events_;
  std::optional<wal::RecordReader> reader_;
  pg::SegmentName previous_;
  wal::Outcome ended_ = wal::Outcome::kEndOfInput;
  Bytes content_;
  KeptCommits found_;
};

}  // namespace

Result<KeptCommits> count_kept_commits(FileSystem& files, const catalog::WalArchive& archive,
                                       const std::vector<std::string>& paths) {
  Count count(archive);
  for (const std::string& path : paths) {
    const auto segment = pg::SegmentName::parse(file_name(path), archive.segment_bytes());
    if (!segment.ok() || TRY(archive.has(file_name(path)))) continue;
    const std::optional<FileInfo> info = TRY(files.status(path));
    if (!info || info->size != archive.segment_bytes()) continue;
    count.segment(*segment, TRY(read_file(files, path, archive.segment_bytes())));
  }
  return count.found();
}

}  // namespace walkback::restore
