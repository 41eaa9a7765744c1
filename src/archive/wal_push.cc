#include "archive/wal_push.h"

#include <fmt/format.h>

#include "archive/unfinished_segment.h"
#include "catalog/catalog_files_reader.h"
#include "catalog/control_file_reader.h"
#include "catalog/lineage.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_neighbour.h"

namespace walkback::archive {

namespace {

// The data directory that `path` (DATA/pg_wal/NAME, or pg_wal/NAME from within DATA) belongs to. By
// its name, not by following links: pg_wal is often one.
std::string data_directory_of(const std::string& path, const std::string& configured,
                              FileSystem& files) {
  std::string directory = parent_path(parent_path(path));
  if (directory.empty()) directory = ".";
  const Result<std::optional<FileInfo>> control =
      files.status(join_path(directory, "global/pg_control"));
  return control.ok() && *control ? directory : configured;
}

}  // namespace

Result<WalPushReport> run_wal_push(const WalPushOptions& options, FileSystem& files,
                                   store::ObjectStore& objects) {
  WalPushReport report;
  report.name = file_name(options.path);
  Result<std::unique_ptr<File>> content = files.open_read(options.path);
  if (!content.ok()) {
    return std::move(content).error().with_hint(
        "wal-push takes a file of pg_wal; the server gives its name as %p in archive_command");
  }
  report.bytes_raw = TRY((*content)->size());

  const std::string pgdata = data_directory_of(options.path, options.pgdata, files);
  const pg::ControlFile control = TRY(catalog::read_control_file(files, pgdata)).control;
  catalog::WalArchive archive(
      objects, options.cluster,
      TRY(catalog::get_lineage(objects, options.cluster, control.system_identifier)));

  TRY(check_is_finished(options.path, **content, files, archive));
  catalog::WalArchive::PutReport put =
      TRY(archive.put(report.name, **content, options.compression_level, options.workers,
                      catalog::neighbour_in(parent_path(options.path), files),
                      catalog::read_catalog_files(files, pgdata, control)));
  report.already_there = put.already_there;
  report.bytes_stored = put.stored_bytes;
  if (put.not_indexed) {
    report.not_indexed =
        std::move(*put.not_indexed)
            .with_context(fmt::format("{} is archived, its index is not", report.name))
            .with_hint("`walkback index --rebuild` makes it, where an owner's private key is");
  }
  return report;
}

}  // namespace walkback::archive
