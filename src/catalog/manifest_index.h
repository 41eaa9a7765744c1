// A manifest's files by name, for the backup that builds on it.
//
// In little memory: about 130 bytes and the name for each file of one page, so that a cluster of
// two million relations fits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "catalog/manifest.h"

namespace walkback::catalog {

class ManifestIndex {
 public:
  // Reads the whole manifest; kCorrupt, too, when the summary is not the one it was written with.
  static Result<ManifestIndex> load(store::ObjectStore& objects, const LineageLayout& layout,
                                    const BackupSummary& summary);
  ManifestIndex(ManifestIndex&&) = default;

  const ManifestConclusion& conclusion() const { return conclusion_; }
  // The conclusion's, which has none afterwards: there may be hundreds of thousands.
  std::vector<ManifestPack> take_packs() { return std::exchange(conclusion_.packs, {}); }

  // Any thread, at once.
  std::optional<ManifestRecord> find(Place place, std::string_view name) const;
  Result<repo::PageMap> map_of(const ManifestRecord& record) const;

  // One thread at a time: which files were looked at, and all others.
  void mark(Place place, std::string_view name);
  Result<void> for_each_unmarked(
      const std::function<Result<void>(const ManifestRecord&)>& visit) const;

 private:
  struct Slot {
    uint64_t hash = 0;  // of place and name
    uint64_t at = 0;    // in records_
  };
  ManifestIndex() = default;
  void add(const ManifestRecord& record);
  std::optional<size_t> slot_of(Place place, std::string_view name) const;
  ManifestRecord record_at(uint64_t at) const;

  std::unique_ptr<ManifestReader> reader_;
  ManifestConclusion conclusion_;
  std::vector<Slot> slots_;  // in the order of their hashes
  std::vector<bool> marked_;
  std::vector<std::unique_ptr<Bytes>> records_;  // encoded, each after its length, in chunks
};

}  // namespace walkback::catalog
