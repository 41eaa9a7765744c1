// What the parts of a run share, and how they read an object.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "catalog/wal_archive.h"
#include "store/object_store.h"
#include "verify/ledger.h"
#include "verify/memory.h"
#include "verify/rate_limit.h"
#include "verify/verify.h"

namespace walkback::verify {

// Of one lineage. Any thread.
struct Run {
  const VerifyOptions& options;
  store::ObjectStore& objects;
  store::ObjectStore& beneath;
  Clock& clock;
  Progress& progress;
  RateLimit& limit;
  std::stop_token stop;
  Ledger& ledger;
  const catalog::WalArchive& archive;
  Memory& memory;
  // No key at hand opens table data.
  bool without_key = false;

  const catalog::LineageLayout& layout() const { return archive.layout(); }
  // Below the lineage's folder: what Memory calls it.
  std::string name_of(const store::ObjectKey& key) const {
    return key.text().substr(layout().folder().size());
  }
  bool encrypted() const { return objects.encrypted(); }
};

struct Subject {
  ObjectClass of;
  store::ObjectKey key;
  uint64_t stored_bytes = 0;
};

// What is known of it, where that is enough and it need not be read: a deep run reads what was not
// read since it began.
const Known* settled(const Run& run, const Subject& subject);
// The same, and it is counted.
bool is_settled(Run& run, const Subject& subject);

// Of the object itself, as opposed to a repository that does not answer and to keys.
bool is_of_the_object(const Error& error);
// A finding of it. The error's own name of the object is left out of the text.
void report(Run& run, const Subject& subject, const Error& error);

// What is said of an object that no key opens, where they open others.
inline constexpr std::string_view kUnopened =
    "no key at hand opens it, though they open others: its header is damaged, or it was written "
    "for "
    "another key";
// Of metadata, whose reader answered with `error`: kDenied is unopened, of the object a finding,
// and all else is returned.
Result<void> not_read(Run& run, const Subject& subject, const Error& error);

// Its whole content, or nothing where no key at hand opens it; the stored bytes are counted as
// read and the limit kept. kCorrupt above `at_most` bytes.
Result<std::optional<Bytes>> read_content(Run& run, const Subject& subject, uint64_t at_most);

// It is what it should be: counted and remembered.
Result<void> proved(Run& run, const Subject& subject, std::vector<uint32_t> frames = {});
// For what no key at hand opens: reads the bytes as they lie in the store, and compares them with
// the hash taken when they were written, or else with that of an earlier run. With keys that open
// others, and no such hash, the object stays unopened.
Result<void> compare_stored(Run& run, const Subject& subject, uint64_t at_most,
                            const std::optional<codec::ContentHash>& as_written);

// `count` tasks side by side, by the run's workers.
Result<void> side_by_side(Run& run, size_t count,
                          const std::function<Result<void>(int worker, size_t task)>& work);

}  // namespace walkback::verify
