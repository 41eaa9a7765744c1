#include "wal/names.h"

#include <fmt/format.h>

#include <string_view>

namespace walkback::wal {
namespace {

constexpr std::string_view kNames[] = {
    "XLOG",       "Transaction",   "Storage", "CLOG",     "Database",
    "Tablespace", "MultiXact",     "RelMap",  "Standby",  "Heap2",
    "Heap",       "Btree",         "Hash",    "Gin",      "Gist",
    "Sequence",   "SPGist",        "BRIN",    "CommitTs", "ReplicationOrigin",
    "Generic",    "LogicalMessage"};
static_assert(std::size(kNames) == kLastBuiltInRmgr + 1);

}  // namespace

bool is_rmgr(uint8_t rmgr, int major) {
  return rmgr <= kLastBuiltInRmgr || (rmgr >= kFirstCustomRmgr && major >= 15);
}

std::string rmgr_name(uint8_t rmgr) {
  if (rmgr <= kLastBuiltInRmgr) return std::string(kNames[rmgr]);
  return fmt::format("custom{:03}", rmgr);
}

}  // namespace walkback::wal
