#include "archive/unfinished_segment.h"

#include <fmt/format.h>

#include "pg/types.h"
#include "wal/record_reader.h"

namespace walkback::archive {

namespace {

Result<bool> is_unmarked(const std::string& path, FileSystem& files) {
  std::string directory = parent_path(path);
  if (directory.empty()) directory = ".";
  const std::string marks = join_path(directory, "archive_status");
  if (!TRY(files.status(marks))) return false;
  const std::string mark = join_path(marks, file_name(path));
  if (TRY(files.status(mark + ".ready"))) return false;
  // Asked second: the archiver renames .ready to .done.
  return !TRY(files.status(mark + ".done"));
}

// What is damaged is told apart by nobody here: only a log that ends.
Result<bool> ends_early(const std::string& name, File& content,
                        const catalog::WalArchive& archive) {
  const Result<pg::SegmentName> segment = pg::SegmentName::parse(name, archive.segment_bytes());
  if (!segment.ok() || TRY(content.size()) != archive.segment_bytes()) return false;
  Bytes bytes(archive.segment_bytes());
  if (TRY(content.read_at(0, bytes)) != bytes.size()) return false;
  wal::RecordReader reader(
      {archive.segment_bytes(), archive.lineage().system_identifier, archive.lineage().major});
  reader.feed(*segment, bytes);
  wal::Record record;
  wal::Outcome outcome;
  while ((outcome = reader.next(record)) == wal::Outcome::kRecord) {
  }
  return outcome == wal::Outcome::kTornTail;
}

}  // namespace

Result<void> check_is_finished(const std::string& path, File& content, FileSystem& files,
                               const catalog::WalArchive& archive) {
  const std::string name = file_name(path);
  if (pg::wal_file_kind(name) != pg::WalFileKind::kSegment) return success();
  if (!TRY(is_unmarked(path, files)) || !TRY(ends_early(name, content, archive))) return success();
  return make_error(
      ErrorKind::kInvalid,
      fmt::format("WAL segment {} is not finished: the server still writes it", name),
      "the server hands it over itself when it is full; SELECT pg_switch_wal() ends it now; of a "
      "server that is lost for good, push a copy that lies outside of pg_wal");
}

}  // namespace walkback::archive
