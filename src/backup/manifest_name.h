// What a file of the walk is called in a manifest.
#pragma once

#include <string_view>

#include "backup/data_directory_walk.h"
#include "catalog/manifest.h"

namespace walkback::backup {

struct ManifestName {
  catalog::Place place = catalog::Place::kDataDirectory;
  std::string_view text;  // views the walk's
};

inline ManifestName manifest_name(std::string_view walked) {
  constexpr std::string_view kPrefix = DataDirectoryWalk::kConfigurationPrefix;
  if (!walked.starts_with(kPrefix)) return {catalog::Place::kDataDirectory, walked};
  return {catalog::Place::kConfiguration, walked.substr(kPrefix.size())};
}

}  // namespace walkback::backup
