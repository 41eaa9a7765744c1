// The files of one backup, mounted where a server reads them: what of them it reads is fetched.
//
//   auto files = TRY(OnDemandFiles::open(objects, lineage, backup));
//   … the directories are laid out, what comes on demand only with its size …
//   TRY(files->mount(data_directory, ""));
//   … a server runs …
//   TRY(files->unmount());
//
// Such a directory is of use only while it is mounted, and never kept: what was not read is not in
// it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/layout.h"
#include "ondemand/mount.h"
#include "ondemand/repository_source.h"
#include "store/object_store.h"

namespace walkback::ondemand {

// One thread at a time, but for close(), which any may call.
class OnDemandFiles {
 public:
  static Result<std::unique_ptr<OnDemandFiles>> open(store::ObjectStore& objects,
                                                     const catalog::LineageLayout& lineage,
                                                     const catalog::BackupSummary& backup);

  // `prefix`: what the names of the files below `directory` begin with in the backup.
  Result<void> mount(const std::string& directory, const std::string& prefix);
  // Nothing is open below them any more.
  void unmount() { mounts_.clear(); }
  // Nothing is fetched from now on.
  void close() { source_->close(); }

  // Frames and page maps, as they are stored; and all of the backup's frames.
  uint64_t bytes_fetched() const { return source_->bytes_fetched(); }
  uint64_t bytes_of_all() const { return source_->bytes_of_all(); }
  // What could not be had, and so made a server see errors where its files have none.
  std::optional<Error> failure() const { return source_->failure(); }

 private:
  explicit OnDemandFiles(std::unique_ptr<RepositorySource> source) : source_(std::move(source)) {}
  std::unique_ptr<RepositorySource> source_;
  std::vector<std::unique_ptr<Mount>> mounts_;
};

}  // namespace walkback::ondemand
