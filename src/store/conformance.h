// What every object store must do, as checks that run against a live one.
//
// Our own stores run them in tests; `walkback check` runs them against a user's server, whose
// dialect nobody tried before.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "store/object_store.h"

namespace walkback::store {

struct ConformanceOptions {
  // Everything is written below this folder and removed again; nobody else uses it. No '/' at the
  // end.
  std::string folder = "conformance";
  uint64_t large_bytes = uint64_t{20} << 20;
  uint64_t many_objects = 1'100;  // more than one page of a listing, which is 1000 on S3
  int racers = 8;                 // threads
};

struct ConformanceCheck {
  std::string_view name;  // "ranges_of_a_large_object"
  Result<void> (*run)(ObjectStore& store, Random& random, const ConformanceOptions& options);
};

// In the order in which a failure is easiest to understand.
std::span<const ConformanceCheck> conformance_checks();

struct ConformanceOutcome {
  std::string_view name;
  Result<void>
      result;  // kUnsupported where the store does other than it must, else the call's own error
};

// Runs one check in its own folder and removes what it wrote, also when it fails.
Result<void> run_check(const ConformanceCheck& check, ObjectStore& store, Random& random,
                       const ConformanceOptions& options);
std::vector<ConformanceOutcome> run_all_checks(ObjectStore& store, Random& random,
                                               const ConformanceOptions& options);

}  // namespace walkback::store
