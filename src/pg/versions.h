// The PostgreSQL majors this program reads, and what differs between them. Every other table of
// versions in the program would be one too many: ask here.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace walkback::pg {

struct Version {
  int major = 0;
  uint16_t wal_page_magic = 0;  // src/include/access/xlog_internal.h, XLOG_PAGE_MAGIC
  uint32_t control_version =
      0;  // src/include/catalog/pg_control.h, PG_CONTROL_VERSION; 13 to 16 share one
  uint32_t catalog_version = 0;   // src/include/catalog/catversion.h, as released
  std::string_view backup_start;  // SQL functions of a base backup, renamed in 15
  std::string_view backup_stop;
};

// Oldest first.
std::span<const Version> supported_versions();

// Anything not in the table is kUnsupported; the hint says which majors are.
Result<Version> version_of_major(int major);
Result<Version> version_of_wal_page_magic(uint16_t magic);
Result<Version> version_of_catalog(uint32_t catalog_version);

}  // namespace walkback::pg
