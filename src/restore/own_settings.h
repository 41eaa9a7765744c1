// The settings that a restored data directory brings with it, and which of its configuration cannot
// be read here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::restore {

// A line of postgresql.conf or postgresql.auto.conf with which no server would start on this host:
// an include of a file that is not here, or one that cannot be read as a setting.
struct UnreadableLine {
  std::string file;  // name in the data directory
  size_t index = 0;  // of the line, from 0
  std::string raw;
  std::string why;
};

class OwnSettings {
 public:
  // Nothing when no file sets it. Names do not depend on case.
  std::optional<std::string> value(std::string_view name) const;
  std::string value_or(std::string_view name, std::string_view default_value) const;
  void set(std::string_view name, std::string value);

 private:
  std::map<std::string, std::string> values_;
};

struct OwnConfiguration {
  OwnSettings
      settings;  // of all that can be read: later files and lines win, postgresql.auto.conf last
  std::vector<UnreadableLine> unreadable;
};

// Follows includes as PostgreSQL does (ParseConfigFp and ParseConfigDirectory,
// src/backend/utils/misc/guc-file.l): relative to the file that includes. An include of which any
// part cannot be read is unreadable as a whole. Files that are absent count as empty.
Result<OwnConfiguration> read_own_configuration(FileSystem& files,
                                                const std::string& data_directory);

// Empty when there is no such file.
Result<std::string> read_text_if_there(FileSystem& files, const std::string& path);

}  // namespace walkback::restore
