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
  SharedManifest(catalog::ManifestWriter& manifest, Parent* parent, Progress& progress);

  Result<void> add(const catalog::ManifestDirectory& directory);
  // A file with doubtful blocks waits for settle(). There are few: such a page failed every time it
  // was read, and has an LSN of the minutes of this backup.
  Result<void> accept(pipeline::CopiedFile copied) override;

  // A file that the parent has as it is.
  Result<void> take_over(const catalog::ManifestRecord& file);

  // Once the server has said where the backup stops, and before the manifest's maps are finished:
  // replay ends somewhere at or after `stop_lsn`, and mends no page that claims to be newer.
  Result<void> settle(pg::Lsn stop_lsn);

  // What was added.
  const std::vector<BadPage>& bad_pages() const { return bad_pages_; }
  uint64_t files() const { return files_; }
  uint64_t bytes() const { return bytes_; }
  // What the packs that were written now are, as they lie in the store.
  void note(const std::vector<repo::PackFinisher::Stored>& written) { pack_uses_.note(written); }
  // Of pages, that what was added needs. After settle().
  std::vector<catalog::ManifestPack> packs() const { return pack_uses_.packs(); }

 private:
  Result<void> add(pipeline::CopiedFile copied);
  Result<void> forget_removed_files();

  std::mutex mutex_;
  catalog::ManifestWriter& manifest_;
  Parent* parent_;  // until settle()
  Progress& progress_;
  PackUses pack_uses_;
  std::vector<pipeline::CopiedFile> doubtful_;
  std::vector<BadPage> bad_pages_;
  uint64_t files_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace walkback::backup
