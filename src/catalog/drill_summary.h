// What a drill proved, as far as anybody who may list the repository may know: no name of a table,
// no value that a check found. The rest is sealed, beside it (drill/evidence.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "pg/types.h"

namespace walkback::catalog {

enum class ProofOutcome : uint8_t {
  kProved,
  kFailed,
  kNotProved,  // it could not be tried: amcheck is not installed, pages have no checksums
};
std::string_view proof_outcome_name(ProofOutcome outcome);  // "proved", "failed", "not_proved"

struct DrillSummary {
  pg::SystemIdentifier system_identifier;
  BackupId backup;
  std::string target;                    // "latest", "time": restore::target_kind_name()
  std::optional<uint64_t> seed;          // of a random target
  pg::TimelineId timeline;               // which holds the target
  pg::Lsn target_lsn;                    // where replay was to end
  std::optional<Timestamp> target_time;  // of the last commit up to there

  struct Proof {
    std::string name;  // "target", "row_counts", "checks", "indexes", "page_checksums"
    ProofOutcome outcome = ProofOutcome::kProved;
  };
  std::vector<Proof> proofs;

  uint64_t bytes_written = 0, bytes_fetched = 0;  // of the backup
  uint64_t wal_bytes = 0;                         // replayed
  double restore_s = 0, replay_s = 0, prove_s = 0, total_s = 0;

  // The time in which the cluster was there again: what a recovery takes.
  double recovery_s() const { return restore_s + replay_s; }
};

// JSON; decode: kCorrupt when it is none.
std::string encode_drill(const DrillSummary& drill);
Result<DrillSummary> decode_drill(ByteView bytes, std::string_view name);

}  // namespace walkback::catalog
