// Lineages: the clusters, as PostgreSQL's system identifier tells them apart, that archived under
// one name.
//
// pg_upgrade, a re-created cluster or a clone put in the place of another begins a new lineage; WAL
// and backups of two are never mixed.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/layout.h"
#include "pg/types.h"
#include "store/object_store.h"

namespace walkback::catalog {

struct Lineage {
  pg::SystemIdentifier system_identifier;
  int major = 0;  // 15
  uint32_t wal_segment_bytes = 0;
  Timestamp first_seen;
};

// Makes the lineage known; known already is success.
Result<void> register_lineage(store::ObjectStore& objects, const std::string& cluster,
                              const Lineage& lineage);
// kMissing with a hint when this cluster never ran `walkback init` against this repository.
Result<Lineage> get_lineage(store::ObjectStore& objects, const std::string& cluster,
                            pg::SystemIdentifier system_identifier);
// The one asked for, or the current one. kMissing when the repository holds nothing of it.
Result<Lineage> find_lineage(store::ObjectStore& objects, const std::string& cluster,
                             std::optional<pg::SystemIdentifier> wanted = {});
// Is told of each lineage whose lineage.json cannot be read (its error names that object), or is
// gone while backups or WAL of it are there (kMissing).
using OnLostLineage = std::function<void(pg::SystemIdentifier, const Error&)>;
// In the order in which they were first seen: the last is the current one. Without `lost` one that
// cannot be read is the error, and one that is gone is not looked for.
Result<std::vector<Lineage>> list_lineages(store::ObjectStore& objects, const std::string& cluster,
                                           const OnLostLineage& lost = {});

}  // namespace walkback::catalog
