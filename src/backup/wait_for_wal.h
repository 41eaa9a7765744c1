// A backup is only good with its WAL: waiting until the repository has it.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "backup/wal_origin.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/result.h"
#include "catalog/wal_archive.h"
#include "pg/types.h"

namespace walkback::backup {

class WalWait {
 public:
  // All outlive it. `pg_wal` is the backed-up server's.
  WalWait(const catalog::WalArchive& archive, WalOrigin& origin, FileSystem& files,
          std::string pg_wal, Clock& clock, std::chrono::seconds timeout, Progress& progress,
          std::stop_token stop)
      : archive_(archive),
        origin_(origin),
        files_(files),
        pg_wal_(std::move(pg_wal)),
        clock_(clock),
        timeout_(timeout),
        progress_(progress),
        stop_(std::move(stop)) {}

  // Every segment from the one that holds `start` to the one that holds the byte before `stop`, on
  // `timeline`. kTransient after the timeout, with the archiver's own last failure in the message;
  // kInvalid as soon as the archiver calls one archived that is not in the repository;
  // kConflict when the repository holds another segment of that name than pg_wal.
  Result<void> until(pg::TimelineId timeline, pg::Lsn start, pg::Lsn stop);

 private:
  enum class Arrival { kMissing, kNotToCompareYet, kProved };
  Result<Arrival> look_for(pg::SegmentName segment);

  const catalog::WalArchive& archive_;
  WalOrigin& origin_;
  FileSystem& files_;
  const std::string pg_wal_;
  Clock& clock_;
  const std::chrono::seconds timeout_;
  Progress& progress_;
  const std::stop_token stop_;
};

}  // namespace walkback::backup
