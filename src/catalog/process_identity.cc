#include "catalog/process_identity.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace walkback::catalog {

namespace {

std::string first_line(const std::string& path) {
  std::string line;
  std::getline(std::ifstream(path) >> std::ws, line);
  return line;
}

std::string link_text(const char* path) {
  char text[64] = {};
  return readlink(path, text, sizeof(text) - 1) > 0 ? text : "";
}

// Since the boot, in ticks; empty when there is no such process, or it has ended and nobody has
// reaped it yet: in a container perhaps nobody ever does. Its name, in parentheses, may hold
// anything (proc(5), fields 3 and 22).
std::string start_of_process(pid_t process) {
  const std::string stat = first_line(fmt::format("/proc/{}/stat", process));
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return "";
  size_t at = name_end + 2;
  if (at < stat.size() && (stat[at] == 'Z' || stat[at] == 'X')) return "";
  for (int field = 3; field < 22; ++field) {
    at = stat.find(' ', at);
    if (at == std::string::npos) return "";
    ++at;
  }
  return stat.substr(at, stat.find(' ', at) - at);
}

// Boot and process namespace: only within one does a process number mean anything.
std::string this_world() {
  return fmt::format("{}/{}", first_line("/proc/sys/kernel/random/boot_id"),
                     link_text("/proc/self/ns/pid"));
}

}  // namespace

std::string this_process() {
  return fmt::format("{}/{}/{}", this_world(), getpid(), start_of_process(getpid()));
}

bool is_of_this_boot(const std::string& process) {
  const std::string world = this_world();
  return process.starts_with(world.substr(0, world.find('/') + 1));
}

// Known for certain, because it was a process of this host.
bool has_ended_here(const std::string& process) {
  const std::string world = this_world() + "/";
  if (world.size() < 40 || !process.starts_with(world)) return false;
  const std::string rest = process.substr(world.size());
  const size_t slash = rest.find('/');
  if (slash == std::string::npos) return false;
  const auto number = static_cast<pid_t>(std::strtol(rest.c_str(), nullptr, 10));
  return number > 0 && start_of_process(number) != rest.substr(slash + 1);
}

}  // namespace walkback::catalog
