// What a drill found, kept in the repository for the next one: clusters/NAME/SYSID/drills/ID.zst.
//
// It names tables and holds what checks found, so it is sealed and, in an encrypted repository,
// only the recipients and the host read it; everybody else has catalog/drill_summary.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/layout.h"
#include "drill/proof.h"
#include "drill/row_counts.h"
#include "pg/types.h"
#include "store/object_store.h"

namespace walkback::drill {

struct Evidence {
  std::string id;  // the event's
  pg::Lsn target_lsn;
  std::vector<Proof> proofs;
  std::vector<TableRows> rows;
};

inline constexpr size_t kMostTablesKept = 2000;

// Durable on success. Of more than kMostTablesKept tables those with most rows are kept.
Result<void> put_evidence(store::ObjectStore& objects, const catalog::LineageLayout& layout,
                          Evidence evidence);
// kMissing when there is none.
Result<Evidence> get_evidence(store::ObjectStore& objects, const catalog::LineageLayout& layout,
                              const std::string& id);

// The newest whose rows were counted at `at` or before: to what is counted there they can be
// compared. Looks at a few only.
Result<std::optional<Evidence>> evidence_before(store::ObjectStore& objects,
                                                const catalog::LineageLayout& layout, pg::Lsn at);

}  // namespace walkback::drill
