#include "restore/wal_to_keep.h"

#include <algorithm>

#include "pg/types.h"
#include "wal/page_header.h"
#include "wal/segment_header.h"

namespace walkback::restore {

namespace {

constexpr size_t kReadBytes = 1 << 20;

// Files that a server makes, fills and renames (XLogFileInitInternal() and RestoreArchivedFile(),
// src/backend/access/transam/xlog.c and xlogarchive.c): what they were to become is elsewhere.
bool is_half_made(const std::string& name) {
  return name.starts_with("xlogtemp.") || name == "RECOVERYXLOG" || name == "RECOVERYHISTORY";
}

// PostgreSQL renames old segments to names still to come, and leaves what is in them until it gets
// there. That was archived under its own name before, or the server would not have given it up.
bool is_recycled(ByteView first_page, const std::string& name, const catalog::WalArchive& archive) {
  const Result<pg::SegmentName> segment = pg::SegmentName::parse(name, archive.segment_bytes());
  const Result<wal::SegmentInfo> info = wal::inspect_segment(first_page);
  return segment.ok() && info.ok() &&
         info->system_identifier == archive.lineage().system_identifier &&
         info->segment_bytes == archive.segment_bytes() &&
         info->start < segment->start(archive.segment_bytes());
}

Result<bool> is_all_zeros(File& file) {
  Bytes buffer(kReadBytes);
  for (uint64_t offset = 0;; offset += buffer.size()) {
    const size_t got = TRY(file.read_at(offset, buffer));
    const ByteView read = ByteView(buffer).first(got);
    if (!std::ranges::all_of(read, [](std::byte b) { return b == std::byte{0}; })) return false;
    if (got < buffer.size()) return true;
  }
}

}  // namespace

Result<WalFileUse> judge_wal_file(FileSystem& files, const catalog::WalArchive& archive,
                                  const std::string& path, const std::string& name) {
  if (is_half_made(name)) return WalFileUse::kEmpty;
  const pg::WalFileKind kind = pg::wal_file_kind(name);
  if (kind == pg::WalFileKind::kOther) return WalFileUse::kUnknown;
  const std::unique_ptr<File> file = TRY(files.open_read(path));
  if (kind == pg::WalFileKind::kSegment) {
    Bytes first_page(wal::kWalPageBytes);
    const size_t got = TRY(file->read_at(0, first_page));
    if (is_recycled(ByteView(first_page).first(got), name, archive)) return WalFileUse::kEmpty;
    if (TRY(is_all_zeros(*file))) return WalFileUse::kEmpty;
  }
  const Result<bool> archived = archive.holds(name, *file);
  // What cannot be read back is not known to be there.
  if (!archived.ok() && archived.error().kind == ErrorKind::kCorrupt) return WalFileUse::kKeep;
  return TRY(Result<bool>(archived)) ? WalFileUse::kArchived : WalFileUse::kKeep;
}

}  // namespace walkback::restore
