// Packs of pages and of maps by their ids, small: a repository may hold millions.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string_view>

#include "base/result.h"
#include "catalog/backup_summary.h"

namespace walkback::retention {

using PackId = std::array<char, 17>;  // 'p' or 'm', and its 128 bits
using PackIds = std::set<PackId>;

// "packs" or "maps", and the 32 hex digits in the object's name; nothing for another name.
std::optional<PackId> pack_id(std::string_view sort, std::string_view hex);

// All that a backup's summary names; kCorrupt where that is no pack's name.
Result<void> add_packs(const catalog::BackupSummary& backup, PackIds& ids);

}  // namespace walkback::retention
