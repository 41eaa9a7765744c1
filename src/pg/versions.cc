#include "pg/versions.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::pg {
namespace {

constexpr Version kVersions[] = {
    {13, 0xD106, 1300, 202007201, "pg_start_backup", "pg_stop_backup"},
    {14, 0xD10D, 1300, 202107181, "pg_start_backup", "pg_stop_backup"},
    {15, 0xD110, 1300, 202209061, "pg_backup_start", "pg_backup_stop"},
    {16, 0xD113, 1300, 202307071, "pg_backup_start", "pg_backup_stop"},
    {17, 0xD116, 1700, 202406281, "pg_backup_start", "pg_backup_stop"},
    {18, 0xD118, 1800, 202506291, "pg_backup_start", "pg_backup_stop"},
};

template <typename Matches>
Result<Version> find_version(Matches matches, const std::string& what) {
  const auto found = std::ranges::find_if(kVersions, matches);
  if (found != std::end(kVersions)) return *found;
  return make_error(ErrorKind::kUnsupported, what + " belongs to no supported PostgreSQL version",
                    "PostgreSQL 13 to 18 are supported; a newer one needs a newer walkback");
}

}  // namespace

std::span<const Version> supported_versions() { return kVersions; }

Result<Version> version_of_major(int major) {
  return find_version([=](const Version& v) { return v.major == major; },
                      fmt::format("major version {}", major));
}

Result<Version> version_of_wal_page_magic(uint16_t magic) {
  return find_version([=](const Version& v) { return v.wal_page_magic == magic; },
                      fmt::format("WAL page magic {:04X}", magic));
}

Result<Version> version_of_catalog(uint32_t catalog_version) {
  return find_version([=](const Version& v) { return v.catalog_version == catalog_version; },
                      fmt::format("catalog version {}", catalog_version));
}

}  // namespace walkback::pg
