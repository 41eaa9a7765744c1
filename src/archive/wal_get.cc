#include "archive/wal_get.h"

#include <fmt/format.h>

#include "catalog/control_file_reader.h"
#include "catalog/lineage.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_delivery.h"
#include "pg/timeline_history.h"

namespace walkback::archive {

namespace {

// A server asks from within its data directory; a person may ask from anywhere.
Result<catalog::Lineage> find_lineage(const WalGetOptions& options, FileSystem& files,
                                      store::ObjectStore& objects) {
  for (const std::string& directory : {std::string("."), options.pgdata}) {
    if (directory.empty()) continue;
    const Result<catalog::ControlFileBytes> control = catalog::read_control_file(files, directory);
    if (!control.ok()) continue;
    return catalog::get_lineage(objects, options.cluster, control->control.system_identifier);
  }
  const std::vector<catalog::Lineage> lineages =
      TRY(catalog::list_lineages(objects, options.cluster));
  if (!lineages.empty()) return lineages.back();
  return make_error(
      ErrorKind::kMissing,
      fmt::format("cluster '{}' has no WAL in {}", options.cluster, objects.description()),
      "check the cluster's name and the repository's URL in the configuration");
}

// For a copy whose timeline is reserved, every number below it is taken, archived or not.
bool stands_for_taken_timeline(const WalGetOptions& options) {
  if (!options.reserved_timeline) return false;
  const Result<pg::TimelineId> asked = pg::parse_history_file_name(options.name);
  return asked.ok() && asked->value < *options.reserved_timeline;
}

// "Not in the archive" ends a recovery, so it is said of an archive that can be seen only. Where
// not one file of WAL is, it is not this segment that is missing.
Result<void> check_holds_wal(const catalog::WalArchive& archive,
                             const store::ObjectStore& objects) {
  if (!TRY(archive.timelines()).empty()) return success();
  return make_error(
      ErrorKind::kMissing,
      fmt::format("there is no WAL at all in {}, below {}", objects.description(),
                  archive.layout().wal_folder()),
      "was it moved, or is its disk not mounted? `walkback list` shows what is there");
}

}  // namespace

Result<WalGetOutcome> run_wal_get(const WalGetOptions& options, FileSystem& files,
                                  store::ObjectStore& objects) {
  if (pg::wal_file_kind(options.name) == pg::WalFileKind::kOther) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("'{}' is no name of a WAL file", options.name));
  }
  const catalog::WalArchive archive(objects, options.cluster,
                                    TRY(find_lineage(options, files, objects)));
  if (TRY(catalog::deliver_wal_file(archive, options.name, options.path, files))) {
    return WalGetOutcome::kDelivered;
  }
  if (!stands_for_taken_timeline(options)) {
    TRY(check_holds_wal(archive, objects));
    return WalGetOutcome::kNotInArchive;
  }
  TRY(catalog::deliver(as_bytes("# taken by another recovery\n"), options.path, files));
  return WalGetOutcome::kDelivered;
}

}  // namespace walkback::archive
