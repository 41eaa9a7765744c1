// The manifest of a running backup: the walk and the copying threads add to one.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "backup/backup.h"
#include "backup/pack_uses.h"
#include "backup/parent.h"
#include "base/progress.h"
#include "base/result.h"
#include "catalog/manifest.h"
#include "pg/types.h"
#include "pipeline/copy_in.h"

namespace walkback::backup {

// Thread-safe until settle(). `manifest` and `progress` outlive it; `parent` (null for a full
// backup), whose list of packs it takes, is needed until settle().
class SharedManifest final : public pipeline::CopiedFileSink {
 public:
  // `pack_bytes` is about what a pack of pages holds.
  SharedManifest(catalog::ManifestWriter& manifest, Parent* parent, uint32_t pack_bytes,
                 Progress& progress);

  // Of the parent's: those whose pages are to be stored again, each in its turn.
  const repo::PackIds& thin_packs() const { return thin_packs_; }

  Result<void> add(const catalog::ManifestDirectory& directory);
  // A file with doubtful blocks waits for settle(). There are few: such a page failed every time it
  // was read, and has an LSN of the minutes of this backup.
  Result<void> accept(pipeline::CopiedFile copied) override;

  // A file that the parent has as it is.
  Result<void> take_over(const catalog::ManifestRecord& file);

  // Once the server has said where the backup stops, and before the manifest's maps are finished:
  // replay ends somewhere at or after `stop_lsn`, and mends no page that claims to be newer; nor is
  // a later change one that the WAL has.
  Result<void> settle(pg::Lsn stop_lsn);

  // What was added.
  const std::vector<BadPage>& bad_pages() const { return bad_pages_; }
  const UnexplainedPages& unexplained() const { return unexplained_; }
  uint64_t files() const { return files_; }
  uint64_t bytes() const { return bytes_; }
  // What the packs that were written now are, as they lie in the store.
  void note(const std::vector<repo::PackFinisher::Stored>& written) { pack_uses_.note(written); }
  // Of pages, that what was added needs. After settle().
  std::vector<catalog::ManifestPack> packs() const { return pack_uses_.packs(); }

 private:
  Result<void> add(pipeline::CopiedFile copied);
  Result<void> take_over_locked(const catalog::ManifestRecord& file);
  bool leaves_thin_map_pack(const pipeline::CopiedFile& copied,
                            const catalog::ManifestRecord& record) const;
  void judge_unexplained(const pipeline::CopiedFile& copied);
  void add_unexplained(UnexplainedPage page);
  Result<void> forget_removed_files();

  std::mutex mutex_;
  catalog::ManifestWriter& manifest_;
  Parent* parent_;  // until settle()
  Progress& progress_;
  PackUses pack_uses_;
  repo::PackIds thin_packs_;
  repo::PackIds thin_map_packs_;
  std::vector<pipeline::CopiedFile> doubtful_;
  std::vector<BadPage> bad_pages_;
  UnexplainedPages unexplained_;
  std::vector<UnexplainedPage> maybe_replayed_;
  uint64_t files_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace walkback::backup
