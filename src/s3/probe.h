// What a server can do, found out by trying: for `check`, and for a server that nobody tried
// before.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "s3/store.h"

namespace walkback::s3 {

enum class Ability {
  kYes,
  kNo,
  kUnknown,  // it may not be asked, or said something that proves nothing
};

struct Trait {
  Ability ability = Ability::kUnknown;
  std::string detail;  // what was seen; empty when there is nothing to add
};

struct Probe {
  // What a repository stands on.
  Trait conditional_put;         // If-None-Match: * keeps an object from being replaced
  Trait conditional_completion;  // the same for an object uploaded in parts
  Trait keeps_metadata;          // x-amz-meta-…: a lost answer can be told from another's write
  Trait ranges;
  Trait list_order;   // names in byte order
  Trait start_after;  // a listing begins where it is told to
  Trait multipart;
  Trait ten_thousand_parts;
  Trait small_parts;  // below 5 MiB
  Trait batch_delete;
  Trait may_delete;  // the policy allows it: a stolen host could remove backups
  // What more it offers.
  Trait checks_checksums;  // x-amz-checksum-sha256 is verified
  Trait versioning;
  Trait object_lock;

  struct Row {
    std::string_view name;  // "conditional_put"
    std::string_view means;
    const Trait* trait;
  };
  std::vector<Row> rows() const;  // for a table; they point into this
};

// Writes a few small objects below ".walkback-probe" in the prefix, where no list() of the store
// shows them, and removes them again where it may. An error only when the server cannot be talked
// with at all, or nothing can be put.
Result<Probe> probe(S3Store& store);

}  // namespace walkback::s3
