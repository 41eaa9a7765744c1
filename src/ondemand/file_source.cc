#include "ondemand/file_source.h"

#include <algorithm>
#include <array>

namespace walkback::ondemand {

bool comes_on_demand(std::string_view name) {
  constexpr std::array<std::string_view, 6> kFolders{
      "base/", "global/", "pg_tblspc/", "pg_xact/", "pg_multixact/", "pg_commit_ts/",
  };
  return std::ranges::any_of(kFolders,
                             [&](std::string_view folder) { return name.starts_with(folder); });
}

}  // namespace walkback::ondemand
