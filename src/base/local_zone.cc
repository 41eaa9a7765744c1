#include "base/local_zone.h"

#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <string_view>

namespace walkback {

namespace {

// "CET-1CEST" or "<-03>3": a name of three letters or more and an offset (POSIX, tzset(3)).
bool is_posix_rule(std::string_view rule) {
  size_t name_end = 0;
  if (!rule.empty() && rule[0] == '<') {
    name_end = rule.find('>');
    if (name_end == std::string_view::npos) return false;
    ++name_end;
  } else {
    while (name_end < rule.size() && std::isalpha(static_cast<unsigned char>(rule[name_end])))
      ++name_end;
    if (name_end < 3) return false;
  }
  std::string_view offset = rule.substr(name_end);
  if (!offset.empty() && (offset[0] == '+' || offset[0] == '-')) offset.remove_prefix(1);
  return !offset.empty() && std::isdigit(static_cast<unsigned char>(offset[0]));
}

bool system_knows(std::string_view zone) {
  if (!zone.empty() && zone[0] == ':') zone.remove_prefix(1);
  if (zone.empty() || is_posix_rule(zone)) return true;
  std::string path(zone);
  if (path[0] != '/') {
    const char* directory = std::getenv("TZDIR");
    path = std::string(directory != nullptr ? directory : "/usr/share/zoneinfo") + "/" + path;
  }
  return access(path.c_str(), R_OK) == 0;
}

}  // namespace

std::optional<std::string> unknown_zone() {
  const char* zone = std::getenv("TZ");
  return zone != nullptr && !system_knows(zone) ? std::optional<std::string>(zone) : std::nullopt;
}

std::string zone_name(const tm& local) {
  const bool made_up = local.tm_gmtoff == 0 && unknown_zone();
  return made_up ? "UTC" : local.tm_zone;
}

}  // namespace walkback
