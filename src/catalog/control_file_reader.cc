#include "catalog/control_file_reader.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

namespace walkback::catalog {

namespace {

// A torn read lasts microseconds; a file that is wrong for a second is wrong.
constexpr int kReads = 100;
constexpr std::chrono::milliseconds kPause{10};
constexpr uint64_t kLargestControlFile = 64 << 10;

}  // namespace

Result<ControlFileBytes> read_control_file(FileSystem& files, const std::string& pgdata) {
  const std::string path = join_path(pgdata, "global/pg_control");
  for (int read = 1;; ++read) {
    Result<Bytes> bytes = read_file(files, path, kLargestControlFile);
    if (!bytes.ok()) {
      if (bytes.error().kind != ErrorKind::kMissing) return bytes.error();
      return make_error(
          ErrorKind::kMissing,
          fmt::format("{} is not a PostgreSQL data directory: {} is not there", pgdata, path));
    }
    Result<pg::ControlFile> control = pg::parse_control_file(*bytes);
    if (control.ok()) return ControlFileBytes{*std::move(bytes), *std::move(control)};
    if (control.error().kind != ErrorKind::kCorrupt || read == kReads) {
      return std::move(control).error().with_context(path);
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace walkback::catalog
