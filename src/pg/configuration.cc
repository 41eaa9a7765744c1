#include "pg/configuration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "pg/setting_scanner.h"

namespace walkback::pg {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

ConfigurationLineKind kind_of(std::string_view name) {
  if (same_setting(name, "include")) return ConfigurationLineKind::kInclude;
  if (same_setting(name, "include_if_exists")) return ConfigurationLineKind::kIncludeIfExists;
  if (same_setting(name, "include_dir")) return ConfigurationLineKind::kIncludeDirectory;
  return ConfigurationLineKind::kSetting;
}

// A line is: name [=] value, then nothing but a comment.
ConfigurationLine read_line(std::string_view raw) {
  ConfigurationLine line;
  line.raw = raw;
  SettingScanner scanner(raw);
  SettingToken token = scanner.next();
  if (token.kind == SettingToken::kEnd) return line;
  line.kind = ConfigurationLineKind::kInvalid;
  if (token.kind != SettingToken::kName && token.kind != SettingToken::kQualifiedName) return line;
  const std::string_view name = token.text;
  token = scanner.next();
  if (token.kind == SettingToken::kEquals) token = scanner.next();
  const bool is_value = token.kind == SettingToken::kName || token.kind == SettingToken::kQuoted ||
                        token.kind == SettingToken::kUnquoted;
  if (!is_value || scanner.next().kind != SettingToken::kEnd) return line;
  line.kind = kind_of(name);
  line.name = name;
  line.value =
      token.kind == SettingToken::kQuoted ? unquote_setting(token.text) : std::string(token.text);
  return line;
}

struct MemoryUnit {
  std::string_view name;
  int64_t bytes;
};
constexpr MemoryUnit kMemoryUnits[] = {{"B", 1},
                                       {"kB", int64_t{1} << 10},
                                       {"MB", int64_t{1} << 20},
                                       {"GB", int64_t{1} << 30},
                                       {"TB", int64_t{1} << 40}};

Error not_memory(std::string_view text) {
  return make_error(ErrorKind::kInvalid, fmt::format("\"{}\" is not an amount of memory", text),
                    "as in 128MB; the units are B, kB, MB, GB and TB");
}

std::string_view strip(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n\v\f");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n\v\f") - begin + 1);
}

bool abbreviates(std::string_view text, std::string_view word, size_t shortest) {
  return text.size() >= shortest && text.size() <= word.size() &&
         same_setting(text, word.substr(0, text.size()));
}

}  // namespace

Configuration Configuration::parse(std::string_view text) {
  Configuration configuration;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    configuration.lines_.push_back(read_line(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return configuration;
}

std::string Configuration::text() const {
  std::string text;
  for (const ConfigurationLine& line : lines_) text.append(line.raw).append("\n");
  return text;
}

std::optional<std::string> Configuration::value(std::string_view name) const {
  for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {
    if (line->kind == ConfigurationLineKind::kSetting && same_setting(line->name, name)) {
      return line->value;
    }
  }
  return std::nullopt;
}

std::optional<size_t> Configuration::first_invalid_line() const {
  const auto found =
      std::ranges::find(lines_, ConfigurationLineKind::kInvalid, &ConfigurationLine::kind);
  if (found == lines_.end()) return std::nullopt;
  return static_cast<size_t>(found - lines_.begin()) + 1;
}

void Configuration::append(std::string_view name, std::string_view value) {
  lines_.push_back(read_line(fmt::format("{} = {}", name, quote_setting(value))));
  CHECK(lines_.back().kind != ConfigurationLineKind::kInvalid);
}

void Configuration::append_comment(std::string_view comment) {
  CHECK(comment.find('\n') == std::string_view::npos);
  lines_.push_back(read_line(fmt::format("# {}", comment)));
}

bool same_setting(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string quote_setting(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\'' || c == '\\') {
      quoted.append(2, c);
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

Result<int64_t> parse_memory_setting(std::string_view text, int64_t unit_bytes) {
  // strtol and strtod want a terminated string, and decide hexadecimal, octal and fractions for
  // PostgreSQL.
  const std::string number(strip(text));
  char* end = nullptr;
  double amount = static_cast<double>(std::strtoll(number.c_str(), &end, 0));
  if (*end == '.' || *end == 'e' || *end == 'E') amount = std::strtod(number.c_str(), &end);
  if (end == number.c_str() || !std::isfinite(amount)) return not_memory(text);
  const std::string_view unit = strip(end);
  double scale = static_cast<double>(unit_bytes);
  if (!unit.empty()) {
    const auto known = std::ranges::find(kMemoryUnits, unit, &MemoryUnit::name);
    if (known == std::end(kMemoryUnits)) return not_memory(text);
    scale = static_cast<double>(known->bytes);
  }
  const double bytes = std::rint(amount * scale);
  if (std::abs(bytes) >= 0x1p62) return not_memory(text);
  return static_cast<int64_t>(bytes);
}

Result<bool> parse_boolean_setting(std::string_view text) {
  const std::string_view word = strip(text);
  if (abbreviates(word, "true", 1) || abbreviates(word, "yes", 1) || abbreviates(word, "on", 2) ||
      word == "1") {
    return true;
  }
  if (abbreviates(word, "false", 1) || abbreviates(word, "no", 1) || abbreviates(word, "off", 2) ||
      word == "0") {
    return false;
  }
  return make_error(ErrorKind::kInvalid, fmt::format("\"{}\" is neither on nor off", text));
}

}  // namespace walkback::pg
