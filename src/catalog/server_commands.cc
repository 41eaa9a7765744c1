#include "catalog/server_commands.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::catalog {

namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("/._-+=:,@").find(c) != std::string_view::npos;
}

// One word for a POSIX shell, with % doubled for PostgreSQL.
std::string word(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), is_plain);
  std::string result;
  for (char c : text) {
    if (c == '%')
      result += "%%";
    else if (c == '\'')
      result += "'\\''";
    else
      result += c;
  }
  return plain ? result : "'" + result + "'";
}

std::string call_of(const ProgramCall& call) {
  return fmt::format("{} --config {} --cluster {}", word(call.program), word(call.config_path),
                     word(call.cluster));
}

// What stands where a command must, and archives nothing.
bool is_placeholder(std::string_view command) {
  constexpr std::string_view kPlaceholders[] = {
      "", "true", "/bin/true", "/usr/bin/true", ":", "exit 0", "cd .", "/bin/false", "false"};
  return std::ranges::find(kPlaceholders, command) != std::end(kPlaceholders);
}

}  // namespace

std::string archive_command(const ProgramCall& call) { return call_of(call) + " wal-push %p"; }

// A walkback of another place or with another configuration is walkback too.
bool is_foreign_archive_command(std::string_view command) {
  if (is_placeholder(command)) return false;
  std::string_view program = command.substr(0, command.find(' '));
  program = program.substr(program.rfind('/') + 1);
  if (program.ends_with('\'')) program.remove_suffix(1);
  const bool ours = program == "walkback" && command.find(" wal-push ") != std::string_view::npos;
  return !ours;
}

bool are_two_archives(std::string_view one, std::string_view other) {
  const auto archive_of = [](std::string_view command) -> std::string_view {
    const size_t begin = command.find(" --config ");
    const size_t end = command.find(" wal-push ");
    if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
    return command.substr(begin, end - begin);
  };
  const std::string_view a = archive_of(one);
  const std::string_view b = archive_of(other);
  return !a.empty() && !b.empty() && a != b;
}

std::string restore_command(const ProgramCall& call, std::optional<pg::TimelineId> reserved,
                            std::string_view at_hand) {
  std::string command;
  if (!at_hand.empty())
    command = fmt::format("mv {}/%f %p 2>/dev/null || ", word(std::string(at_hand)));
  command += call_of(call) + " wal-get ";
  if (reserved) command += fmt::format("--reserved-timeline {} ", reserved->value);
  return command + "%f %p";
}

}  // namespace walkback::catalog
