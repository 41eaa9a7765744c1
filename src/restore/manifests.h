// The manifests of the backups that a plan considers.
#pragma once

#include <optional>
#include <set>

#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/layout.h"
#include "catalog/manifest.h"
#include "catalog/unreadable.h"
#include "pg/control_file.h"
#include "store/object_store.h"

namespace walkback::restore {

// A backup that is damaged or locked is passed over: an older one and more WAL lead to the same
// place. Each is told to `unreadable` once. One thread at a time.
class Manifests {
 public:
  Manifests(store::ObjectStore& objects, const catalog::LineageLayout& layout,
            catalog::OnUnreadable unreadable);

  struct Opened {
    catalog::ManifestConclusion conclusion;
    pg::ControlFile control;
  };
  // Reads the whole manifest, with its page maps; nothing when it is passed over.
  Result<std::optional<Opened>> open(const catalog::BackupSummary& backup);

  bool passed_over(const catalog::BackupId& id) const { return passed_over_.contains(id); }
  // The first that was passed over, when not one was whole.
  std::optional<Error> why_none() const;

 private:
  Result<Opened> read(const catalog::BackupSummary& backup) const;

  store::ObjectStore& objects_;
  const catalog::LineageLayout& layout_;
  const catalog::OnUnreadable unreadable_;
  std::set<catalog::BackupId> passed_over_;
  std::optional<Error> first_;
  bool any_whole_ = false;
};

}  // namespace walkback::restore
