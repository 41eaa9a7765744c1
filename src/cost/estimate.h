// What a repository costs a month: facts and prices in, an estimate with its reasons out. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/stored_objects.h"
#include "cost/requests.h"

namespace walkback::cost {

// A GB is 2^30 bytes here, as it is on AWS's bills.
struct Prices {
  std::string currency;
  double standard_gb_month = 0, standard_put_1000 = 0, standard_get_1000 = 0;
  double ia_gb_month = 0, ia_put_1000 = 0, ia_get_1000 = 0, ia_retrieval_gb = 0;
  double directory_gb_month = 0;
  double managed_storage_gb_month = 0, managed_backup_gb_month = 0;
};

enum class Medium { kDirectory, kBucket };
enum class StorageClass { kStandard, kInfrequent };

// One place of the repository.
struct Place {
  std::string url;
  Medium medium = Medium::kDirectory;
  StorageClass packs = StorageClass::kStandard, others = StorageClass::kStandard;
  std::optional<Error> error;  // why it could not be listed
  catalog::StoredObjects stored;
};

// What was done lately, as of a month of 30 days.
struct Rates {
  std::chrono::seconds measured_over{0};
  double segments = 0, wal_bytes = 0;
  double backups = 0, pack_bytes = 0;
  double prunes = 0, verifies = 0;
  double drilled_bytes = 0;  // fetched of packs
};

struct Facts {
  std::string cluster;
  Timestamp now;
  std::vector<Place> places;
  // Backups that are there.
  uint64_t backups = 0;
  uint64_t newest_raw = 0;                             // bytes of the cluster
  uint64_t whole_raw = 0;                              // were each stored whole
  uint64_t compressed_raw = 0, compressed_stored = 0;  // pages that went into them, and as stored
  uint64_t segments = 0, wal_raw = 0, wal_stored = 0;
  // Of the backups that go on from another, on average.
  double packs_per_backup = 1, bytes_per_pack = 0, segments_per_backup = 0;
  std::optional<Rates> rates;                  // nothing: too little was done to tell
  std::optional<std::chrono::seconds> window;  // what retention keeps
  uint64_t part_bytes = 0;
  bool agent_answers_prometheus = false;
};

struct ClassCost {
  catalog::StoredClass kind{};
  catalog::StoredSum sum;
  StorageClass storage = StorageClass::kStandard;
  double month = 0;  // with what 128 KiB as the smallest billed size adds
};

struct RequestCost {
  std::string what;  // "a segment archived"
  Requests each;
  double times = 0;   // a month; 0 without rates
  Requests requests;  // of all of them
  double month = 0;
};

struct PlaceCost {
  const Place* place = nullptr;
  std::vector<ClassCost> classes;  // what there is
  std::vector<RequestCost> requests;
  double storage = 0;
  double smallest_size = 0;  // of that, what 128 KiB as the smallest billed size adds
  double early_removal = 0;  // what is removed before it is 30 days old is billed for 30
  double retrieval = 0;      // bytes read from STANDARD_IA, by verify and drills
  double request_total = 0;
  double month() const { return storage + early_removal + retrieval + request_total; }
};

struct Advice {
  std::string text;
  double saves = 0;  // a month
};

struct Estimate {
  std::vector<PlaceCost> places;  // of Facts::places
  double month = 0;
  double managed_storage = 0, managed_backup = 0;  // a month
  std::vector<Advice> cheaper;                     // what saves most first
};

// `facts` outlives what is returned.
Estimate estimate(const Facts& facts, const Prices& prices);

}  // namespace walkback::cost
