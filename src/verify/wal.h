// Archived WAL: every file of it, and that none is missing behind a backup.
#pragma once

#include <vector>

#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/wal_chain.h"
#include "verify/reading.h"

namespace walkback::verify {

class WalCheck {
 public:
  WalCheck(Run& run, const std::vector<catalog::BackupSummary>& backups)
      : run_(run), backups_(backups), lists_(run.archive) {}

  // Lists what there is, and finds what is not: from each backup's start to its stop, and behind
  // it.
  Result<void> take_stock();
  // Reads what is not settled.
  Result<void> read();

  // Newest first: for a look whether any key opens them.
  std::vector<store::ObjectKey> newest_segments(size_t count) const;
  bool is_there(const std::string& name) const { return stored_.contains(name); }

 private:
  Result<void> look_at_timeline(pg::TimelineId timeline);
  void check_backups(const catalog::WalChain& chain);
  pg::Lsn promised_from(const catalog::WalChain& chain) const;
  void find_gaps(const catalog::WalChain& chain);
  void report_gap(const catalog::WalChain& chain, pg::Lsn from, std::string text,
                  std::vector<std::string> backups, Trouble trouble);

  Result<void> read_segment(const catalog::StoredSegment& segment);
  // Its index, or nothing where there is none or it is in trouble.
  Result<std::optional<catalog::WalIndex>> read_index(pg::SegmentName segment);
  Result<void> compare(pg::SegmentName segment, ByteView content,
                       const std::optional<catalog::WalIndex>& index) const;
  Result<void> check_records(pg::SegmentName segment, ByteView content) const;
  Result<void> read_other(const std::string& name);

  Run& run_;
  const std::vector<catalog::BackupSummary>& backups_;
  catalog::SegmentLists lists_;
  std::vector<catalog::StoredSegment> segments_;
  std::vector<std::string> others_;         // files that are no segments
  std::map<std::string, uint64_t> stored_;  // by the names that Memory knows
};

}  // namespace walkback::verify
