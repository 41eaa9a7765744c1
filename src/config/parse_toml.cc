// The only file that includes toml++: it costs seconds to compile.
#include <fmt/format.h>

// toml++ 3.3 asserts in parse_key() that a key begins as one may, on text nobody has checked yet:
// "[@x]" would end the process. The code after the assertion reports it as the error it is.
#define TOML_ASSERT(condition) static_cast<void>(0)
#include <toml++/toml.h>

#include "config/config.h"
#include "config/keys.h"

namespace walkback::config {

namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a decimal number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

std::string place(const std::string& path, const toml::node& node) {
  return fmt::format("{}:{}", path, node.source().begin.line);
}

std::string_view line_of(std::string_view text, size_t number) {
  for (size_t line = 1; line < number; ++line) {
    size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// The parser may quote what it read, and what it read may be a password.
std::string description(const toml::parse_error& error, std::string_view text) {
  std::string_view line = line_of(text, error.source().begin.line);
  if (line.find("conninfo") != std::string_view::npos ||
      line.find("password") != std::string_view::npos) {
    return "a value there is not written as TOML wants it";
  }
  return std::string(error.description());
}

Error unknown_key(const std::string& where, const std::string& name) {
  auto known = closest_key(name);
  return make_error(
      ErrorKind::kInvalid, fmt::format("{}: unknown key {}", where, name),
      known ? fmt::format("the closest known one is {}", *known) : "docs/cli.md lists every key");
}

Error unknown_section(const std::string& where, const std::string& name) {
  auto known = closest_section(name);
  if (!known) return unknown_key(where, name);
  return make_error(ErrorKind::kInvalid, fmt::format("{}: unknown section [{}]", where, name),
                    fmt::format("the closest known one is [{}]", *known));
}

Error wrong_type(const std::string& where, const Key& key, const toml::node& node) {
  return make_error(ErrorKind::kInvalid,
                    fmt::format("{}: {} is {}, expected {}", where, key.full_name(),
                                type_name(node), key.expected()));
}

Result<void> read_value(const Key& key, const toml::node& node, const std::string& path,
                        Config& config) {
  std::string where = place(path, node);
  std::string subject = fmt::format("{}: {}", where, key.full_name());
  if (key.type == ValueType::kInteger) {
    if (!node.is_integer()) return wrong_type(where, key, node);
    return set_number(config, key, node.as_integer()->get(), subject);
  }
  if (key.type == ValueType::kFlag) {
    if (!node.is_boolean()) return wrong_type(where, key, node);
    set_flag(config, key, node.as_boolean()->get());
    return success();
  }
  if (key.type == ValueType::kList) {
    std::vector<std::string> texts;
    if (!node.is_array()) return wrong_type(where, key, node);
    for (const toml::node& element : *node.as_array()) {
      if (!element.is_string()) return wrong_type(where, key, element);
      texts.push_back(element.as_string()->get());
    }
    return set_list(config, key, std::move(texts), subject);
  }
  if (key.type == ValueType::kPrice && node.is_number()) {
    const std::optional<double> price = node.value<double>();
    return set_text(config, key, fmt::format("{}", price.value_or(-1)), subject);
  }
  if (!node.is_string()) return wrong_type(where, key, node);
  return set_text(config, key, node.as_string()->get(), subject);
}

constexpr std::string_view kCheckKeys = "name, database, sql, expect";

// What PostgreSQL writes: 42, t, and a text as it is.
Result<std::string> expected_text(const toml::node& node, const std::string& where) {
  if (node.is_string()) return node.as_string()->get();
  if (node.is_integer()) return fmt::format("{}", node.as_integer()->get());
  if (node.is_boolean()) return std::string(node.as_boolean()->get() ? "t" : "f");
  return make_error(
      ErrorKind::kInvalid,
      fmt::format("{}: drill.checks.expect is {}, expected text, an integer, true or "
                  "false",
                  where, type_name(node)),
      "compare it in the SQL itself, and leave expect out: the answer has to be true");
}

Result<DrillCheck> read_check(const toml::table& table, const std::string& path) {
  DrillCheck check;
  for (const auto& [name, node] : table) {
    const std::string where = place(path, node);
    const std::string_view key = name.str();
    if (key == "expect") {
      check.expect = TRY(expected_text(node, where));
      continue;
    }
    std::string* member = key == "name"       ? &check.name
                          : key == "database" ? &check.database
                          : key == "sql"      ? &check.sql
                                              : nullptr;
    if (member == nullptr) {
      return make_error(ErrorKind::kInvalid,
                        fmt::format("{}: unknown key drill.checks.{}", where, key),
                        fmt::format("a check has {}", kCheckKeys));
    }
    if (!node.is_string()) {
      return make_error(ErrorKind::kInvalid, fmt::format("{}: drill.checks.{} is {}, expected text",
                                                         where, key, type_name(node)));
    }
    *member = node.as_string()->get();
  }
  if (!check.name.empty() && !check.sql.empty() && !check.database.empty()) return check;
  return make_error(ErrorKind::kInvalid,
                    fmt::format("{}: a check of drill.checks has no {}", place(path, table),
                                check.name.empty()  ? "name"
                                : check.sql.empty() ? "sql"
                                                    : "database"),
                    "name = \"payments\", sql = \"SELECT count(*) > 0 FROM payments\"");
}

Result<void> read_checks(const toml::node& node, const std::string& path, Config& config) {
  if (!node.is_array_of_tables()) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("{}: drill.checks is {}, expected tables", place(path, node), type_name(node)),
        "each check is a section of its own: [[drill.checks]]");
  }
  for (const toml::node& element : *node.as_array()) {
    config.drill_checks.push_back(TRY(read_check(*element.as_table(), path)));
  }
  return success();
}

Result<void> read_section(std::string_view section, const toml::table& table,
                          const std::string& path, Config& config) {
  for (const auto& [name, node] : table) {
    if (section == "drill" && name.str() == "checks") {
      TRY(read_checks(node, path, config));
      continue;
    }
    const Key* key = find_key(section, name.str());
    if (!key) return unknown_key(place(path, node), fmt::format("{}.{}", section, name.str()));
    TRY(read_value(*key, node, path, config));
  }
  return success();
}

}  // namespace

Result<Config> parse(std::string_view text, const std::string& path) {
  toml::table table;
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("{}:{}: {}", path, error.source().begin.line, description(error, text)),
        "values are written as in TOML: name = \"text\", name = 3, sections as [name]");
  }
  Config config;
  for (const auto& [name, node] : table) {
    if (!is_section(name.str()) || !node.is_table()) {
      return node.is_table() ? unknown_section(place(path, node), std::string(name.str()))
                             : unknown_key(place(path, node), std::string(name.str()));
    }
    TRY(read_section(name.str(), *node.as_table(), path, config));
  }
  return config;
}

}  // namespace walkback::config
