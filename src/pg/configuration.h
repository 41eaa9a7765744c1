// postgresql.conf and postgresql.auto.conf (src/backend/utils/misc/guc-file.l), line by line, so
// that a file can be read, added to and written back without changing what somebody else wrote.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace walkback::pg {

enum class ConfigurationLineKind {
  kBlank,  // nothing, or only a comment
  kSetting,
  kInclude,
  kIncludeIfExists,
  kIncludeDirectory,
  kInvalid,  // a server would refuse to start with it
};

struct ConfigurationLine {
  ConfigurationLineKind kind = ConfigurationLineKind::kBlank;
  std::string raw;    // as in the file, without its newline
  std::string name;   // of a setting, as written
  std::string value;  // of a setting, unquoted; of an include, the path
};

// Includes are not followed: that takes a file system, and the value of a setting then depends on
// order across files. A value object.
class Configuration {
 public:
  // Never fails: lines that cannot be read are kInvalid.
  static Configuration parse(std::string_view text);
  std::string text() const;

  const std::vector<ConfigurationLine>& lines() const { return lines_; }
  // The setting's value in this file: the last line wins. Names do not depend on case.
  std::optional<std::string> value(std::string_view name) const;
  // Line number from 1; nothing when every line is valid.
  std::optional<size_t> first_invalid_line() const;

  // Adds "name = 'value'" at the end, where it overrides what came before.
  void append(std::string_view name, std::string_view value);
  void append_comment(std::string_view comment);

 private:
  std::vector<ConfigurationLine> lines_;
};

// Setting names are equal whatever their case (guc_name_compare).
bool same_setting(std::string_view a, std::string_view b);

// 'it''s', with backslashes and newlines escaped: what a server reads back as `value`.
std::string quote_setting(std::string_view value);

// "128MB", "0.5 GB", "16384" or "0x4000" in units of `unit_bytes` (src/backend/utils/misc/guc.c,
// parse_int), in bytes. shared_buffers counts blocks of 8192, work_mem kB. Negative values ("-1":
// automatic) are scaled like the rest. kInvalid names the text.
Result<int64_t> parse_memory_setting(std::string_view text, int64_t unit_bytes);

// on, off, true, false, yes, no, 1, 0 and what abbreviates them (parse_bool).
Result<bool> parse_boolean_setting(std::string_view text);

}  // namespace walkback::pg
