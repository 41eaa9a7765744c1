// The repository as a source: what was taken from it is counted, and the first failure kept for who
// has to say it.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "catalog/layout.h"
#include "catalog/manifest_index.h"
#include "ondemand/file_source.h"
#include "repo/pack.h"
#include "store/object_store.h"

namespace walkback::ondemand {

class RepositorySource final : public FileSource {
 public:
  // Reads the manifest of `backup`.
  static Result<std::unique_ptr<RepositorySource>> open(store::ObjectStore& objects,
                                                        const catalog::LineageLayout& lineage,
                                                        const catalog::BackupSummary& backup);

  std::optional<uint64_t> size_of(const std::string& name) const override;
  // Those used last are kept, any other is fetched again: memory does not follow the number of
  // files that are read.
  Result<std::shared_ptr<const MappedFile>> map_of(const std::string& name) override;
  Result<void> read(const std::string& name, const MappedFile& file,
                    std::vector<pipeline::WantedFrame> frames,
                    const pipeline::TakeRun& take) override;
  void local_write_failed(Error error) override { (void)failed(std::move(error)); }

  // Frames and page maps, as they are stored.
  uint64_t bytes_fetched() const { return bytes_fetched_; }
  // What all frames of the backup would be.
  uint64_t bytes_of_all() const { return bytes_of_all_; }
  // The first thing that could not be had: whatever a server made of that, what it says since is
  // not to be relied on.
  std::optional<Error> failure() const;
  // From now on nothing is fetched any more: who asks is told that it failed.
  void close() { closed_ = true; }

 private:
  RepositorySource(store::ObjectStore& objects, const std::string& pack_prefix,
                   catalog::ManifestIndex index);
  Error failed(Error error);
  std::unique_ptr<pipeline::FrameReader> take_reader();
  void give_back(std::unique_ptr<pipeline::FrameReader> reader);

  const catalog::ManifestIndex index_;
  repo::PackReader packs_;
  uint64_t bytes_of_all_ = 0;
  std::atomic<uint64_t> bytes_fetched_ = 0;
  std::atomic<bool> closed_ = false;

  mutable std::mutex mutex_;  // guards what follows
  std::optional<Error> failure_;
  std::vector<std::unique_ptr<pipeline::FrameReader>> idle_;
  struct Kept {
    std::string name;
    std::shared_ptr<const MappedFile> file;
  };
  std::list<Kept> recent_;  // the latest used first
  std::unordered_map<std::string, std::list<Kept>::iterator> by_name_;
};

}  // namespace walkback::ondemand
