// The names of everything the repository holds for one cluster. docs/format/README.md is the
// contract.
//
//   clusters/NAME/events/ID.begin.json, ID.end.json
//   clusters/NAME/SYSID/lineage.json          one cluster as PostgreSQL knows it: never mixed with
//   another clusters/NAME/SYSID/wal/00000001/0000000A/000000010000000A000000FE.zst
//   clusters/NAME/SYSID/wal/00000001/0000000A/000000010000000A000000FE.index.zst
//   clusters/NAME/SYSID/wal/00000001/0000000A/000000010000000A000000FE.settings.zst
//   clusters/NAME/SYSID/wal/00000002/00000002.history.zst
//   clusters/NAME/SYSID/timelines/00000002.json
//   clusters/NAME/SYSID/backups/ID/summary.json, names.zst, manifest.zst
//   clusters/NAME/SYSID/packs/ab/ID.zst, maps/ab/ID.zst
//   clusters/NAME/SYSID/verified/ID-0001.zst  what `verify` need not read again
//   clusters/NAME/SYSID/drills/ID.zst         what a drill found
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/backup_summary.h"
#include "pg/types.h"
#include "repo/encrypted_store.h"
#include "store/object_store.h"

namespace walkback::catalog {

// A cluster's name in the repository: 1 to 64 of [A-Za-z0-9._-], beginning with neither '.' nor
// '-'; what the configuration takes as cluster.name.
Result<std::string> check_cluster_name(std::string_view name);

std::string cluster_folder(std::string_view cluster);  // "clusters/main/"
std::string events_folder(std::string_view cluster);   // "clusters/main/events/"

// Everything below one lineage. A value; copies are cheap enough.
class LineageLayout {
 public:
  LineageLayout(std::string_view cluster, pg::SystemIdentifier system_identifier);

  store::ObjectKey lineage() const;

  // Any name PostgreSQL hands to archive_command: a segment, .partial, .backup or .history. The
  // name has been checked (pg::wal_file_kind is not kOther).
  store::ObjectKey wal_file(std::string_view name) const;
  // Of a segment (or .partial), beside it.
  store::ObjectKey wal_index(std::string_view name) const;
  // Beside it too, where a server was started with other settings: its name says so.
  store::ObjectKey wal_settings(std::string_view name) const;
  std::string wal_folder() const;                              // "…/wal/"
  std::string timeline_folder(pg::TimelineId timeline) const;  // "…/wal/00000001/"
  store::ObjectKey reservation(pg::TimelineId timeline) const;
  std::string reservations_folder() const;

  store::ObjectKey summary(const BackupId& id) const;
  store::ObjectKey manifest(const BackupId& id) const;
  store::ObjectKey names(const BackupId& id) const;
  std::string backups_folder() const;

  std::string pack_prefix() const;  // "…/packs"
  std::string map_prefix() const;   // "…/maps"

  std::string verified_folder() const;  // "…/verified/"
  std::string drills_folder() const;    // "…/drills/"
  store::ObjectKey drill(const std::string& id) const;
  const std::string& folder() const { return root_; }

 private:
  std::string root_;  // "clusters/main/7312…/"
};

// Who may read which object of an encrypted repository, by its name: what is in pages and WAL
// records, only the recipients; what says where they lie, the host too; what is listed, pruned and
// reported, everybody who may read the bucket.
repo::Protection protection_of(const store::ObjectKey& key);

std::string timeline_text(pg::TimelineId timeline);  // "0000000A"

}  // namespace walkback::catalog
