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

}  // namespace

std::string archive_command(const ProgramCall& call) { return call_of(call) + " wal-push %p"; }

std::string restore_command(const ProgramCall& call, std::optional<pg::TimelineId> reserved) {
  std::string command = call_of(call) + " wal-get ";
  if (reserved) command += fmt::format("--reserved-timeline {} ", reserved->value);
  return command + "%f %p";
}

}  // namespace walkback::catalog
