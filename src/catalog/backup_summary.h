// What is known of a backup without opening its manifest: summary.json, plain, for list, plan and
// prune.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "codec/frame.h"
#include "pg/types.h"

namespace walkback::catalog {

// "20261122T154659Z-3f9a": sorts by start time.
struct BackupId {
  std::string text;
  auto operator<=>(const BackupId&) const = default;
};

enum class BackupType { kFull, kIncremental };

struct BackupSummary {
  BackupId id;
  BackupType type = BackupType::kFull;
  std::string label;
  pg::SystemIdentifier system_identifier;
  int server_version_num = 0;  // 150018
  uint32_t wal_segment_bytes = 0;
  Timestamp started_at;
  // Of one from a standby, the time of the last transaction it had replayed, by the primary's
  // clock.
  Timestamp stopped_at;
  bool from_standby = false;
  pg::TimelineId timeline;
  pg::Lsn start_lsn;  // the redo point replay begins at
  pg::Lsn stop_lsn;   // consistent from here on
  uint64_t files = 0;
  uint64_t bytes_raw = 0;     // of the files the backup holds
  uint64_t bytes_read = 0;    // from the data directory
  uint64_t bytes_reread = 0;  // of those: of pages that had not changed, to prove it
  uint64_t bytes_stored = 0;  // added to the repository by this backup
  double duration_s = 0;
  uint64_t bad_pages = 0;
  uint64_t unexplained_pages = 0;  // that had changed without a word of it in the WAL
  std::vector<std::string> packs;  // every pack, of pages and of maps, that its manifest needs
  std::vector<uint64_t>
      pack_bytes;          // of each of those, as stored; empty in what older programs wrote
  codec::Sha256 sha256{};  // of the object it was read from, which ends with it
};

std::string_view backup_type_name(BackupType type);  // "full", "incremental"

// The fields as JSON, for whatever object holds them. `name` is that object's, for messages.
std::string encode_summary(const BackupSummary& summary);
Result<BackupSummary> decode_summary(ByteView bytes, std::string_view name);

// summary.json: the fields, and last the SHA-256 of all that stands before it. The manifest has it
// too, so that a summary with another one is found to be none of this backup's.
struct SummaryObject {
  std::string text;
  codec::Sha256 sha256{};
};
SummaryObject make_summary_object(const BackupSummary& summary);
// kCorrupt for bytes that were changed, anywhere.
Result<BackupSummary> read_summary_object(ByteView bytes, std::string_view name);

}  // namespace walkback::catalog
