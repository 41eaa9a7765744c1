#include "cli/suggestion.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/shell.h"
#include "config/keys.h"
#include "config/secrets.h"

namespace walkback::cli {

namespace {

// Where every shell and sudo look (secure_path of Debian's sudoers).
constexpr std::string_view kSearched[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                          "/usr/bin",        "/sbin",          "/bin"};

std::string program_word(const std::string& program) {
  const bool found =
      std::ranges::find(kSearched, parent_path(program)) != std::ranges::end(kSearched);
  return shell_word(found ? file_name(program) : program);
}

std::string sudo_prefix(const Env& env) {
  const std::string self = env.user_name(env.user_id);
  if (env.sudo_user.empty() || env.sudo_user == self) return "";
  return fmt::format("sudo -u {} ", shell_word(self));
}

// What this command was told by variables, a server's restore_command must be told too.
std::string needed_environment(const Env& env) {
  std::string words;
  for (const auto& [name, value] : env.environment) {
    if (config::key_of_variable(name) == nullptr || config::holds_password(value)) continue;
    words += fmt::format("{}={} ", name, shell_word(value));
  }
  return words.empty() ? "" : "env " + words;
}

}  // namespace

Suggestion::Suggestion(std::string call, std::string sudo, std::string environment, Told told)
    : call_(std::move(call)), sudo_(std::move(sudo)), environment_(std::move(environment)) {
  if (told == Told::kByVariables) call_environment_ = environment_;
}

Suggestion Suggestion::for_caller(const GlobalOptions& global, const std::string& config_path,
                                  const Env& env) {
  std::string call = program_word(env.program);
  // sudo drops WALKBACK_CONFIG, so the file is named wherever it is not the default.
  if (config_path != config::kDefaultPath) call += " --config " + shell_word(config_path);
  if (global.cluster) call += " --cluster " + shell_word(*global.cluster);
  const Result<std::optional<FileInfo>> configuration = env.files.status(config_path);
  const bool none = configuration.ok() && !*configuration;
  return {std::move(call), sudo_prefix(env), needed_environment(env),
          none ? Told::kByVariables : Told::kByConfiguration};
}

std::string Suggestion::walkback(std::string_view arguments) const {
  return fmt::format("{}{}{} {}", sudo_, call_environment_, call_, arguments);
}

std::string Suggestion::other(std::string_view command) const {
  return fmt::format("{}{}", sudo_, command);
}

// Behind sudo, which drops what stands in front of it.
std::string Suggestion::with_variable(std::string_view assignment,
                                      std::string_view arguments) const {
  const std::string& told = call_environment_;
  return fmt::format("{}{}{}{} {}", sudo_, told.empty() && !sudo_.empty() ? "env " : told,
                     assignment, call_, arguments);
}

std::string Suggestion::server_start(std::string_view command) const {
  return fmt::format("{}{}{}", sudo_, environment_, command);
}

std::string Suggestion::complete(std::string_view text) const {
  constexpr std::string_view kName = "walkback ";
  constexpr std::string_view kVariable = "WALKBACK_";
  std::string completed;
  for (;;) {
    const size_t begin = text.find('`');
    const size_t end =
        begin == std::string_view::npos ? std::string_view::npos : text.find('`', begin + 1);
    if (end == std::string_view::npos) return completed.append(text);
    const std::string_view command = text.substr(begin + 1, end - begin - 1);
    completed.append(text.substr(0, begin + 1));
    const size_t named = command.find(kName);
    if (named == 0) {
      completed += walkback(command.substr(kName.size()));
    } else if (named != std::string_view::npos && command.starts_with(kVariable)) {
      completed += with_variable(command.substr(0, named), command.substr(named + kName.size()));
    } else if (command.starts_with('/')) {
      completed += other(command);
    } else {
      completed += command;
    }
    completed += '`';
    text.remove_prefix(end + 1);
  }
}

std::string as_user(const std::string& user, const Env& env, const GlobalOptions& global) {
  std::string line = fmt::format("sudo -u {} {}{}", shell_word(user), needed_environment(env),
                                 program_word(env.program));
  const bool from_variable =
      std::any_of(env.environment.begin(), env.environment.end(), [&](const auto& variable) {
        return variable.first == "WALKBACK_CONFIG" && variable.second == global.config_path;
      });
  if (from_variable) line += " --config " + shell_word(global.config_path);
  for (const std::string& word : global.typed) {
    line += config::holds_password(word) ? " …" : " " + shell_word(word);
  }
  return line;
}

}  // namespace walkback::cli
