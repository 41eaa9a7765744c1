#include "setup/archiving_proof.h"

#include <fmt/format.h>

namespace walkback::setup {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{100};

Result<void> check_reads_back(const std::string& segment, const std::string& pgdata,
                              const catalog::WalArchive& archive, FileSystem& files) {
  auto original = files.open_read(join_path(pgdata, "pg_wal/" + segment));
  // A checkpoint may have recycled it already; then its own checksums are the proof.
  if (original.ok()) {
    if (TRY(archive.holds(segment, **original))) return success();
  } else {
    const Result<std::optional<Bytes>> read = archive.get(segment);
    const bool no_key = !read.ok() && read.error().kind == ErrorKind::kDenied;
    if (no_key || TRY(read).has_value()) return success();
  }
  return make_error(
      ErrorKind::kCorrupt,
      fmt::format("segment {} reads back from the repository other than it is in pg_wal", segment));
}

}  // namespace

Result<std::string> prove_archiving(const ProofOptions& options, const catalog::WalArchive& archive,
                                    pgconn::Connection& connection, FileSystem& files, Clock& clock,
                                    Progress& progress) {
  progress.begin("archiving one segment and reading it back", 0);
  TRY(connection.query("SELECT pg_create_restore_point('walkback init')"));
  const std::string segment =
      TRY(pgconn::query_text(connection, "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"));
  TRY(connection.query("SELECT pg_switch_wal()"));
  const auto deadline = clock.monotonic() + options.timeout;
  while (!TRY(archive.has(segment))) {
    if (clock.monotonic() > deadline) {
      return make_error(ErrorKind::kTransient,
                        fmt::format("segment {} did not arrive in the repository within {} s",
                                    segment, options.timeout.count()),
                        "the server's log says what archive_command answered; mend that and run "
                        "`walkback init` again");
    }
    clock.sleep(kBetweenLooks);
  }
  TRY(check_reads_back(segment, options.pgdata, archive, files));
  return segment;
}

}  // namespace walkback::setup
