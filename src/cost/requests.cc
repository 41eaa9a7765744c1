#include "cost/requests.h"

#include <algorithm>
#include <cmath>

namespace walkback::cost {

namespace {

// An encrypted object that is read in pieces: its size, its header, where its frames lie, these.
constexpr double kOpened = 7;

// Of a listing: a server gives a thousand names with one request.
double pages(uint64_t objects) {
  constexpr double kPage = 1000;
  return std::max(1.0, std::ceil(static_cast<double>(objects) / kPage));
}

// Begun, its parts, completed.
double puts_of_pack(const Shape& shape) {
  const double parts = std::ceil(shape.pack_bytes / static_cast<double>(shape.part_bytes));
  return parts > 1 ? parts + 2 : 1;
}

}  // namespace

Requests& Requests::operator+=(const Requests& other) {
  put += other.put;
  list += other.list;
  get += other.get;
  pack_put += other.pack_put;
  pack_get += other.pack_get;
  return *this;
}

Requests Requests::times(double factor) const {
  return {put * factor, list * factor, get * factor, pack_put * factor, pack_get * factor};
}

// Its index and itself; which lineage it is of.
Requests segment_push() { return {.put = 2, .get = 1}; }

Requests one_backup(const Shape& shape) {
  // The event, the lease, the map, names, summary, manifest, PostgreSQL's .backup file.
  constexpr double kPuts = 10;
  // The marker, lineages, leases, the parent's map, and waiting for the last segment.
  constexpr double kGets = 15;
  constexpr double kLeases = 3;
  const double packs = shape.packs_per_backup * puts_of_pack(shape);
  return {
      .put = kPuts + packs,
      .list = kLeases + pages(shape.wal) + pages(shape.in_backups) +
              2 * (pages(shape.packs) + pages(shape.maps)),
      .get = kGets + kOpened * (1 + shape.segments_per_backup) + static_cast<double>(shape.backups),
      .pack_put = packs};
}

// What it read before it remembers; of WAL and events it lists the end, and all once an hour.
Requests one_look(const Shape& shape) {
  constexpr double kFolders = 3;  // of lineages, timelines and keys
  // WAL and backups again by who looks for mass deletes.
  constexpr double kEnds = 3;
  constexpr double kLooksAnHour = 60;
  const double whole = (pages(shape.wal) + pages(shape.events) - 2) / kLooksAnHour;
  // The marker, histories, and the index of a segment that came meanwhile.
  return {.list = kFolders + kEnds + whole + 2 * pages(shape.in_backups), .get = 7};
}

Requests one_listing_of_all(const Shape& shape) { return {.list = pages(shape.all), .get = 1}; }

Requests one_prune(const Shape& shape) {
  constexpr double kOthers = 6;  // of lineages, timelines, leases
  return {.put = 5,
          .list = kOthers + pages(shape.wal) + pages(shape.packs) + pages(shape.maps) +
                  5 * pages(shape.in_backups),
          .get = 6 + 3 * static_cast<double>(shape.backups)};
}

Requests one_verify(const Shape& shape) {
  constexpr double kOthers = 4;
  constexpr double kPackGets = 3;  // whether the keys at hand open packs
  return {.put = 5,
          .list = kOthers + 2 * (pages(shape.wal) + pages(shape.in_backups)) + pages(shape.events) +
                  pages(shape.proofs) + pages(shape.packs) + pages(shape.maps),
          .get = 8 + kPackGets + kOpened * static_cast<double>(shape.proofs) +
                 static_cast<double>(shape.backups + shape.events),
          .pack_get = kPackGets};
}

Requests verified_segment() { return {.get = 1 + kOpened}; }

Requests verified_backup(const Shape& shape) {
  // Its manifest, names and map, and PostgreSQL's .backup file.
  constexpr double kMetadata = 3 * kOpened + 1;
  constexpr double kPiece = 4 << 20;  // as verify reads
  constexpr double kOpenedPack = 3;
  const double packs =
      shape.packs_per_backup * (kOpenedPack + std::ceil(shape.pack_bytes / kPiece));
  return {.get = kMetadata + packs, .pack_get = packs};
}

}  // namespace walkback::cost
