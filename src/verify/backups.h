// Backups: summaries, manifests, page maps, packs.
#pragma once

#include <vector>

#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/events.h"
#include "catalog/manifest.h"
#include "verify/pack_table.h"
#include "verify/reading.h"

namespace walkback::verify {

// Returns the backups whose summaries can be read, oldest first.
class BackupCheck {
 public:
  explicit BackupCheck(Run& run);

  // What there is. `events` were listed before: one of a backup that ended well has its manifest.
  Result<void> take_stock(const std::vector<catalog::Event>& events);
  // Reads what is not settled.
  Result<void> read();

  const std::vector<catalog::BackupSummary>& backups() const { return backups_; }
  // Newest first: for a look whether any key opens them.
  std::vector<store::ObjectKey> newest_packs(size_t count) const;
  // Which packs and manifests there are, by the names that Memory knows.
  bool is_there(const std::string& name) const;

 private:
  struct Walk;

  // It is being removed, or was since the listing.
  Result<bool> goes(const catalog::BackupId& backup);
  Result<bool> is_marked(const catalog::BackupId& backup);
  // Backups that the history calls done, and that have no manifest.
  Result<void> find_lost(const std::vector<catalog::Event>& events);
  Result<void> look_again_for(const std::vector<catalog::BackupSummary>& lost);
  void add_packs(const catalog::BackupSummary& backup);
  Result<void> list_packs(PackOf of);
  void settle_packs();
  void count_settled_packs();
  bool needs_walk(const catalog::BackupSummary& backup) const;
  Result<void> walk_all(bool first_pass);
  Result<void> walk(const catalog::BackupSummary& backup, Walk& walk);
  Result<void> walk_file(const catalog::BackupSummary& backup, const catalog::ManifestRecord& file,
                         catalog::ManifestReader& manifest, Walk& walk);
  Result<bool> conclude(const catalog::BackupSummary& backup,
                        const catalog::ManifestConclusion& conclusion, const Walk& walk);
  Result<void> read_packs(PackTable::Packs::iterator begin, PackTable::Packs::iterator end);
  Result<void> read_pack(const PackKey& key, Pack& pack, PackChecker& checker);
  Result<void> check_names(const catalog::BackupSummary& backup);
  Result<void> check_lost_names(const catalog::BackupSummary& backup);
  // What the manifest says of its names; nothing, too, where the manifest cannot be read: it is a
  // finding of its own.
  Result<std::optional<codec::Sha256>> names_of(const catalog::BackupSummary& backup);

  store::ObjectKey key_of(const PackKey& key) const;
  Subject subject_of(const PackKey& key, const Pack& pack) const;
  Subject manifest_of(const catalog::BackupSummary& backup) const;
  void report_manifest(const catalog::BackupSummary& backup, std::string text);
  uint64_t stored_bytes(const store::ObjectKey& key) const;

  Run& run_;
  std::vector<catalog::BackupSummary> backups_;
  std::map<std::string, uint64_t> stored_;  // what lies in the backups' folder, and its size
  PackTable table_;
  std::map<catalog::BackupId, std::optional<codec::Sha256>> names_;  // of manifests that were read
};

// For each finding of a pack, a map or a manifest: the backups that need it.
void name_backups(const std::vector<catalog::BackupSummary>& backups,
                  const catalog::LineageLayout& layout, std::vector<Finding>& findings);

}  // namespace walkback::verify
