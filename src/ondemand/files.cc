#include "ondemand/files.h"

namespace walkback::ondemand {

namespace {

// As many requests of a server's are under way at once. Replay asks for ten blocks ahead
// (maintenance_io_concurrency), beside what sessions read.
constexpr int kThreads = 12;

}  // namespace

Result<std::unique_ptr<OnDemandFiles>> OnDemandFiles::open(store::ObjectStore& objects,
                                                           const catalog::LineageLayout& lineage,
                                                           const catalog::BackupSummary& backup) {
  return std::unique_ptr<OnDemandFiles>(
      new OnDemandFiles(TRY(RepositorySource::open(objects, lineage, backup))));
}

Result<void> OnDemandFiles::mount(const std::string& directory, const std::string& prefix) {
  mounts_.push_back(TRY(Mount::make(directory, prefix, *source_, kThreads)));
  return success();
}

}  // namespace walkback::ondemand
