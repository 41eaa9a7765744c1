// Which requests to a bucket each thing that walkback does needs. Counted, not derived:
// tests/e2e/test_cost.py does each of them before a real S3 server and compares.
#pragma once

#include <cstdint>

namespace walkback::cost {

// Removals cost nothing and are left out, and so is what a failure needs. AWS is not asked whether
// it refuses to replace objects, as other servers are.
struct Requests {
  double put = 0;                     // PUT and POST
  double list = 0;                    // at the price of a PUT
  double get = 0;                     // GET and HEAD
  double pack_put = 0, pack_get = 0;  // of these, of packs, which may be in another storage class

  Requests& operator+=(const Requests& other);
  Requests times(double factor) const;
  double all() const { return put + list + get; }
};

// What there is to page through and to read, in objects, and what a backup brings.
struct Shape {
  uint64_t events = 0;  // two of each attempt
  uint64_t wal = 0;     // segments and what lies beside them
  uint64_t backups = 0;
  uint64_t in_backups = 0;  // objects in their folders
  uint64_t packs = 0, maps = 0;
  uint64_t proofs = 0;  // records of verify
  uint64_t all = 0;
  double segments_per_backup = 0;
  double packs_per_backup = 1;
  double pack_bytes = 0;    // of one, on average
  uint64_t part_bytes = 1;  // s3.part_mib
};

Requests segment_push();
Requests one_backup(const Shape& shape);  // one that goes on from another
Requests one_look(const Shape& shape);    // the agent's, each minute
Requests one_listing_of_all(const Shape& shape);
Requests one_prune(const Shape& shape);
Requests one_verify(const Shape& shape);
// And what it reads of what came since the one before.
Requests verified_segment();
Requests verified_backup(const Shape& shape);

}  // namespace walkback::cost
