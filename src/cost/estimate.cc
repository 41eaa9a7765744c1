#include "cost/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/human.h"

namespace walkback::cost {

namespace {

using catalog::StoredClass;
using std::chrono::seconds;

constexpr double kGB = 1024.0 * 1024 * 1024;
constexpr double kThousand = 1000;
constexpr seconds kMonth{30 * 24 * 3600};
// STANDARD_IA bills each object for so long.
constexpr seconds kShortestBilled = kMonth;
constexpr double kHoursAMonth = 30 * 24;
constexpr double kLooksAMonth = 30 * 24 * 60;
// Less is noise of the estimate.
constexpr double kWorthSaying = 0.01;

double months(seconds span) {
  return std::chrono::duration<double>(span) / std::chrono::duration<double>(kMonth);
}

// One place, in the storage classes that it has or might have.
class PlaceEstimate {
 public:
  PlaceEstimate(const Facts& facts, const Place& place, const Prices& prices)
      : facts_(facts), place_(place), prices_(prices) {}

  PlaceCost run() {
    cost_.place = &place_;
    if (place_.error) return cost_;
    store();
    if (place_.medium == Medium::kDirectory) return cost_;
    ask(facts_.rates.value_or(Rates()));
    if (facts_.rates) read_and_remove(*facts_.rates);
    return cost_;
  }

 private:
  StorageClass storage_of(StoredClass kind) const {
    return kind == StoredClass::kPacks ? place_.packs : place_.others;
  }
  double gb_month(StorageClass storage) const {
    if (place_.medium == Medium::kDirectory) return prices_.directory_gb_month;
    return storage == StorageClass::kInfrequent ? prices_.ia_gb_month : prices_.standard_gb_month;
  }

  void store() {
    for (const StoredClass kind : catalog::all_stored_classes()) {
      const catalog::StoredSum& sum = place_.stored[kind];
      if (sum.objects == 0) continue;
      const StorageClass storage = storage_of(kind);
      const bool infrequent =
          place_.medium == Medium::kBucket && storage == StorageClass::kInfrequent;
      const double price = gb_month(storage) / kGB;
      const double added = infrequent ? static_cast<double>(sum.short_of_minimum) * price : 0.0;
      const double month = static_cast<double>(sum.bytes) * price + added;
      cost_.classes.push_back({kind, sum, storage, month});
      cost_.storage += month;
      cost_.smallest_size += added;
    }
  }

  void ask(const Rates& rates) {
    const Shape shape = shape_of_place();
    const double all_month = facts_.rates ? 1 : 0;
    add("WAL segments archived", rates.segments, segment_push());
    add("backups", rates.backups, one_backup(shape));
    add("looks of the agent, each minute", all_month * kLooksAMonth, one_look(shape));
    if (facts_.agent_answers_prometheus) {
      add("metrics of the agent, each hour", all_month * kHoursAMonth, one_listing_of_all(shape));
    }
    add("prunes", rates.prunes, one_prune(shape));
    add("verifies", rates.verifies, one_verify(shape));
    const double verified = rates.verifies > 0 ? 1 : 0;
    add("segments verified", verified * rates.segments, verified_segment());
    add("backups verified", verified * rates.backups, verified_backup(shape));
  }

  void read_and_remove(const Rates& rates) {
    if (place_.packs == StorageClass::kInfrequent) {
      const double verified = rates.verifies > 0 ? rates.pack_bytes : 0.0;
      cost_.retrieval = (verified + rates.drilled_bytes) / kGB * prices_.ia_retrieval_gb;
      remove_early(rates.pack_bytes);
    }
    if (place_.others == StorageClass::kInfrequent) remove_early(rates.wal_bytes);
  }

  // What lies there is billed for as long as it lies; the rest of 30 days comes on top.
  void remove_early(double bytes) {
    if (!facts_.window || *facts_.window >= kShortestBilled) return;
    const double rest = months(kShortestBilled - *facts_.window);
    cost_.early_removal += bytes * rest / kGB * prices_.ia_gb_month;
  }

  Shape shape_of_place() const {
    const auto objects = [&](StoredClass kind) { return place_.stored[kind].objects; };
    Shape shape;
    shape.events = objects(StoredClass::kEvents);
    shape.wal = objects(StoredClass::kWal) + objects(StoredClass::kWalIndexes);
    shape.backups = facts_.backups;
    shape.in_backups = objects(StoredClass::kManifests) + objects(StoredClass::kNames);
    shape.packs = objects(StoredClass::kPacks);
    shape.maps = objects(StoredClass::kMaps);
    shape.proofs = objects(StoredClass::kProofs);
    shape.all = place_.stored.all().objects;
    shape.packs_per_backup = facts_.packs_per_backup;
    shape.segments_per_backup = facts_.segments_per_backup;
    shape.pack_bytes = facts_.bytes_per_pack;
    shape.part_bytes = std::max<uint64_t>(facts_.part_bytes, 1);
    return shape;
  }

  void add(std::string what, double times, const Requests& one) {
    const Requests all = one.times(times);
    const bool packs_infrequent = place_.packs == StorageClass::kInfrequent;
    const bool others_infrequent = place_.others == StorageClass::kInfrequent;
    const auto put_price = [&](bool infrequent) {
      return (infrequent ? prices_.ia_put_1000 : prices_.standard_put_1000) / kThousand;
    };
    const auto get_price = [&](bool infrequent) {
      return (infrequent ? prices_.ia_get_1000 : prices_.standard_get_1000) / kThousand;
    };
    const double month = (all.put - all.pack_put) * put_price(others_infrequent) +
                         all.pack_put * put_price(packs_infrequent) + all.list * put_price(false) +
                         (all.get - all.pack_get) * get_price(others_infrequent) +
                         all.pack_get * get_price(packs_infrequent);
    cost_.requests.push_back({std::move(what), one, times, all, month});
    cost_.request_total += month;
  }

  const Facts& facts_;
  const Place& place_;
  const Prices& prices_;
  PlaceCost cost_;
};

double month_with(const Facts& facts, Place place, StorageClass packs, const Prices& prices) {
  place.packs = packs;
  return PlaceEstimate(facts, place, prices).run().month();
}

void advise_storage_class(const Facts& facts, const PlaceCost& cost, const Prices& prices,
                          std::vector<Advice>& cheaper) {
  const Place& place = *cost.place;
  // Without rates half of what the other class costs is not known.
  if (place.medium != Medium::kBucket || !facts.rates) return;
  const bool infrequent = place.packs == StorageClass::kInfrequent;
  const StorageClass other = infrequent ? StorageClass::kStandard : StorageClass::kInfrequent;
  cheaper.push_back({fmt::format("s3.pack_storage_class = \"{}\", for packs written from now on",
                                 infrequent ? "STANDARD" : "STANDARD_IA"),
                     cost.month() - month_with(facts, place, other, prices)});
}

// Of each, what came in within the half of the window that would go, and no more than half of what
// is there; less what is then removed earlier still.
void advise_window(const Facts& facts, const PlaceCost& cost, const Prices& prices,
                   std::vector<Advice>& cheaper) {
  if (!facts.window || !facts.rates) return;
  Facts shorter = facts;
  shorter.window = *facts.window / 2;
  const double share_of_month = months(*shorter.window);
  double saves =
      cost.early_removal - PlaceEstimate(shorter, *cost.place, prices).run().early_removal;
  for (const ClassCost& one : cost.classes) {
    const bool packs = one.kind == StoredClass::kPacks;
    if (!packs && one.kind != StoredClass::kWal) continue;
    const double came = packs ? facts.rates->pack_bytes : facts.rates->wal_bytes;
    const auto bytes = static_cast<double>(one.sum.bytes);
    if (bytes > 0) saves += one.month * std::min(0.5, came * share_of_month / bytes);
  }
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(*shorter.window).count();
  cheaper.push_back(
      {fmt::format("retention.window = \"{} hours\", half of what it is", hours), saves});
}

void advise_backups(const PlaceCost& cost, std::vector<Advice>& cheaper) {
  for (const RequestCost& one : cost.requests) {
    if (one.what != "backups") continue;
    cheaper.push_back(
        {"backups half as often; a recovery then replays twice the WAL", one.month / 2});
  }
}

}  // namespace

Estimate estimate(const Facts& facts, const Prices& prices) {
  Estimate all;
  for (const Place& place : facts.places) {
    all.places.push_back(PlaceEstimate(facts, place, prices).run());
    const PlaceCost& cost = all.places.back();
    all.month += cost.month();
    advise_storage_class(facts, cost, prices, all.cheaper);
    advise_window(facts, cost, prices, all.cheaper);
    advise_backups(cost, all.cheaper);
  }
  std::erase_if(all.cheaper, [](const Advice& one) { return one.saves < kWorthSaying; });
  std::ranges::stable_sort(all.cheaper, std::greater(), &Advice::saves);
  // Its backups are free up to the size of its disk; they are taken for as large as what is kept
  // here before compression.
  const auto database = static_cast<double>(facts.newest_raw);
  const double kept =
      static_cast<double>(facts.compressed_raw) + static_cast<double>(facts.wal_raw);
  all.managed_storage = database / kGB * prices.managed_storage_gb_month;
  all.managed_backup = std::max(0.0, kept - database) / kGB * prices.managed_backup_gb_month;
  return all;
}

}  // namespace walkback::cost
