#include "catalog/stored_objects.h"

#include "catalog/layout.h"

namespace walkback::catalog {

namespace {

constexpr std::array<StoredClass, kStoredClasses> kAll{
    StoredClass::kPacks,  StoredClass::kMaps,   StoredClass::kManifests,
    StoredClass::kNames,  StoredClass::kWal,    StoredClass::kWalIndexes,
    StoredClass::kEvents, StoredClass::kProofs, StoredClass::kCoordination,
    StoredClass::kOther,
};

bool has(std::string_view key, std::string_view folder) {
  return key.find(folder) != std::string_view::npos;
}

StoredClass class_in_backup(std::string_view key) {
  if (key.ends_with("/names.zst")) return StoredClass::kNames;
  if (has(key.substr(key.rfind('/')), "/keep.")) return StoredClass::kCoordination;
  return StoredClass::kManifests;
}

}  // namespace

std::string_view stored_class_name(StoredClass kind) {
  switch (kind) {
    case StoredClass::kPacks:
      return "packs";
    case StoredClass::kMaps:
      return "maps";
    case StoredClass::kManifests:
      return "manifests";
    case StoredClass::kNames:
      return "names";
    case StoredClass::kWal:
      return "wal";
    case StoredClass::kWalIndexes:
      return "wal_indexes";
    case StoredClass::kEvents:
      return "events";
    case StoredClass::kProofs:
      return "proofs";
    case StoredClass::kCoordination:
      return "coordination";
    case StoredClass::kOther:
      return "other";
  }
  return "other";
}

StoredClass stored_class_of(std::string_view key) {
  if (has(key, "/packs/")) return StoredClass::kPacks;
  if (has(key, "/maps/")) return StoredClass::kMaps;
  if (has(key, "/wal/")) {
    const bool beside = key.ends_with(".index.zst") || key.ends_with(".settings.zst");
    return beside ? StoredClass::kWalIndexes : StoredClass::kWal;
  }
  if (has(key, "/backups/")) return class_in_backup(key);
  if (has(key, "/events/")) return StoredClass::kEvents;
  if (has(key, "/verified/") || has(key, "/drills/")) return StoredClass::kProofs;
  for (const std::string_view folder : {"/leases/", "/claims/", "/timelines/"}) {
    if (has(key, folder)) return StoredClass::kCoordination;
  }
  return StoredClass::kOther;
}

void StoredSum::add(uint64_t size) {
  ++objects;
  bytes += size;
  if (size < kSmallestBilled) short_of_minimum += kSmallestBilled - size;
}

StoredSum StoredObjects::all() const {
  StoredSum all;
  for (const StoredSum& sum : sums_) {
    all.objects += sum.objects;
    all.bytes += sum.bytes;
    all.short_of_minimum += sum.short_of_minimum;
  }
  return all;
}

std::span<const StoredClass> all_stored_classes() { return kAll; }

Result<StoredObjects> sum_stored_objects(store::ObjectStore& objects, const std::string& cluster) {
  StoredObjects sums;
  TRY(objects.list(cluster_folder(cluster), "", [&](const store::ObjectInfo& object) {
    sums[stored_class_of(object.key.text())].add(object.size);
    return true;
  }));
  return sums;
}

}  // namespace walkback::catalog
