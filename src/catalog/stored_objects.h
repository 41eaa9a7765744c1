// What lies in a repository for one cluster, by what it is for: objects and their bytes, as stored.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/object_store.h"

namespace walkback::catalog {

// In the order in which they are shown.
enum class StoredClass {
  kPacks,      // pages of backups
  kMaps,       // packs of page maps
  kManifests,  // manifests and summaries
  kNames,      // what files were called
  kWal,        // segments, histories
  kWalIndexes,
  kEvents,
  kProofs,        // of verify and drill
  kCoordination,  // leases, claims, marks, reservations, pins
  kOther,         // lineages, and what no version of ours knows
};
inline constexpr size_t kStoredClasses = 10;

std::string_view stored_class_name(StoredClass kind);  // "wal_indexes"
// By an object's name alone.
StoredClass stored_class_of(std::string_view key);

struct StoredSum {
  uint64_t objects = 0;
  uint64_t bytes = 0;
  // What is missing to 128 KiB in those that are smaller: some storage classes bill as if it were
  // there.
  uint64_t short_of_minimum = 0;

  void add(uint64_t size);
};
inline constexpr uint64_t kSmallestBilled = 128 * 1024;  // bytes, of S3's STANDARD_IA

class StoredObjects {
 public:
  StoredSum& operator[](StoredClass kind) { return sums_[static_cast<size_t>(kind)]; }
  const StoredSum& operator[](StoredClass kind) const { return sums_[static_cast<size_t>(kind)]; }
  StoredSum all() const;

 private:
  std::array<StoredSum, kStoredClasses> sums_{};
};

std::span<const StoredClass> all_stored_classes();

// Lists everything below the cluster: a request for each thousand objects of a bucket.
Result<StoredObjects> sum_stored_objects(store::ObjectStore& objects, const std::string& cluster);

}  // namespace walkback::catalog
