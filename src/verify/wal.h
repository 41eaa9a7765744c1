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

  // Whether a key opens one of so many of the newest segments. What opens and is none, by its first
  // page, says nothing: it was put in a segment's place, and may be for whoever has any key.
  Result<bool> opens_any(size_t count) const;
  bool is_there(const std::string& name) const;

 private:
  Result<void> look_at_timeline(pg::TimelineId timeline);
  void check_backups(const catalog::WalChain& chain);
  pg::Lsn promised_from(const catalog::WalChain& chain) const;
  void find_gaps(const catalog::WalChain& chain);
  void report_gap(const catalog::WalChain& chain, pg::Lsn from, std::string text,
                  std::vector<std::string> backups, Trouble trouble);

  // What is stored under this key, and of which size; 0 where nothing is.
  bool is_stored(const store::ObjectKey& key) const { return stored_.contains(run_.name_of(key)); }
  Subject subject_of(ObjectClass of, store::ObjectKey key) const;

  Result<bool> opens(pg::SegmentName segment) const;
  Result<void> read_segment(const catalog::StoredSegment& segment);
  // Whether the sign of changed settings is there, or not there, as an earlier run found it.
  bool is_sign_settled(const Subject& sign) const;
  // The sign is there exactly where the index has such a change, and is one.
  Result<void> check_sign(pg::SegmentName segment, const Subject& sign,
                          const std::optional<catalog::WalIndex>& index);
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
