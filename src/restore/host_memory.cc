#include "restore/host_memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace walkback::restore {

namespace {

constexpr std::string_view kNoLimit = "max";

std::string text_of(FileSystem& files, const std::string& path) {
  const Result<Bytes> bytes = read_file(files, path, 1 << 20);
  return bytes.ok() ? std::string(as_text(*bytes)) : std::string();
}

std::string_view next_part(std::string_view& text, char end) {
  const std::string_view part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

// Version 1 says "no limit" as a number that no host has: it is larger than the host's memory.
uint64_t smaller(uint64_t limit, const std::string& said) {
  uint64_t bytes = 0;
  if (said.starts_with(kNoLimit)) return limit;
  const auto [end, error] = std::from_chars(said.data(), said.data() + said.size(), bytes);
  return error == std::errc() ? std::min(limit, bytes) : limit;
}

// The group's own limit and those of the groups that hold it. In a container the group's path may
// be the host's, which is not seen there: then the mount's own top is the group.
uint64_t limit_of_group(FileSystem& files, const std::string& mount, std::string group,
                        const std::string& file, uint64_t limit) {
  for (;; group = parent_path(group)) {
    limit = smaller(limit, text_of(files, mount + (group == "/" ? "" : group) + "/" + file));
    if (group.size() <= 1) return limit;
  }
}

bool names_memory(std::string_view controllers) {
  while (!controllers.empty()) {
    if (next_part(controllers, ',') == "memory") return true;
  }
  return false;
}

}  // namespace

uint64_t usable_memory_bytes(FileSystem& files, const std::string& root) {
  uint64_t limit =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  // "HIERARCHY:CONTROLLERS:/PATH" (cgroups(7)); version 2 has hierarchy 0 and names no controllers.
  const std::string groups = text_of(files, root + "/proc/self/cgroup");
  std::string_view rest = groups;
  while (!rest.empty()) {
    std::string_view line = next_part(rest, '\n');
    const std::string_view hierarchy = next_part(line, ':');
    const std::string_view controllers = next_part(line, ':');
    const std::string group(line);
    if (!group.starts_with('/')) continue;
    if (hierarchy == "0" && controllers.empty()) {
      limit = limit_of_group(files, root + "/sys/fs/cgroup", group, "memory.max", limit);
    } else if (names_memory(controllers)) {
      limit = limit_of_group(files, root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes",
                             limit);
    }
  }
  return limit;
}

}  // namespace walkback::restore
