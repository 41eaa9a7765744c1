// A repository: its marker object, its format version, its id. Knows nothing of PostgreSQL.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "store/object_store.h"

namespace walkback::repo {

inline constexpr int kFormatVersion = 1;

struct RepositoryInfo {
  int format_version = kFormatVersion;
  std::string id;          // 32 hexadecimal digits
  std::string encryption;  // "none" or "age"
  Timestamp created;
};

// walkback.json: what makes a place a repository.
const store::ObjectKey& marker_key();

// Writes it; when one is there already, returns that one, if it opens (see below).
// Encrypted or not as `objects` is.
Result<RepositoryInfo> create_repository(store::ObjectStore& objects, Clock& clock, Random& random);
// kMissing when this is no repository; kUnsupported when its format is newer than this program;
// kInvalid when it is encrypted and `objects` is not, or the other way round.
Result<RepositoryInfo> open_repository(store::ObjectStore& objects);
// The same for the store beneath an encrypting one, where keys/ lie: `encryption` is what the
// configuration says of what stands on top.
Result<RepositoryInfo> open_repository_beneath(store::ObjectStore& objects,
                                               std::string_view encryption);

}  // namespace walkback::repo
