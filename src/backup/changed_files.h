// The files of a walk that an incremental backup must read, or reads again to prove that they did
// not change; all others it takes over.
#pragma once

#include <functional>
#include <optional>

#include "backup/lost_parent.h"
#include "backup/parent.h"
#include "backup/reread_turns.h"
#include "base/result.h"
#include "catalog/manifest.h"
#include "pg/versions.h"
#include "pipeline/copy_in.h"

namespace walkback::backup {

class ChangedFiles final : public pipeline::FileSource {
 public:
  // Is given each file that did not change, as the new manifest is to have it.
  using Unchanged = std::function<Result<void>(const catalog::ManifestRecord&)>;

  // All outlive it. `lost` sees why a map of the parent's cannot be had.
  ChangedFiles(pipeline::FileSource& walk, const Parent& parent, const RereadTurns& turns,
               const repo::PackIds& thin_packs, pg::Version version,
               uint32_t relation_segment_blocks, LostParent& lost, Unchanged unchanged);

  Result<std::optional<pipeline::SourceFile>> next() override;

 private:
  std::optional<pipeline::BlocksToRead> blocks_of(const pipeline::SourceFile& file,
                                                  const catalog::ManifestRecord& record) const;

  pipeline::FileSource& walk_;
  const Parent& parent_;
  const RereadTurns& turns_;
  const repo::PackIds& thin_packs_;
  const pg::Version version_;
  const uint32_t relation_segment_blocks_;
  LostParent& lost_;
  const Unchanged unchanged_;
};

}  // namespace walkback::backup
