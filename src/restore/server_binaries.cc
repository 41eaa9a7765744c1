#include <fmt/format.h>
#include <stdio.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/file_system.h"
#include "restore/server.h"
#include "restore/spawn.h"

namespace walkback::restore {

namespace {

bool is_file(const std::string& path) {
  Result<std::optional<FileInfo>> info = system_files().status(path);
  return info.ok() && *info && (*info)->type == FileType::kRegular;
}

// "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"; 0 when it says something else.
int major_in(std::string_view version) {
  constexpr std::string_view kBefore = "(PostgreSQL) ";
  size_t at = version.find(kBefore);
  if (at == std::string_view::npos) return 0;
  version.remove_prefix(at + kBefore.size());
  int major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  return major;
}

std::vector<std::string> usual_places(int major) {
  std::vector<std::string> places = {fmt::format("/usr/lib/postgresql/{}/bin", major),
                                     fmt::format("/usr/pgsql-{}/bin", major)};
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
    if (directory.starts_with('/')) places.emplace_back(directory);
  }
  return places;
}

}  // namespace

Result<std::string> find_server_binaries(const std::string& configured, int major) {
  const std::string hint = fmt::format(
      "install PostgreSQL {} (Debian: apt-get install postgresql-{}), or name the directory of its "
      "programs in the configuration",
      major, major);
  std::string others;
  for (const std::string& place :
       configured.empty() ? usual_places(major) : std::vector<std::string>{configured}) {
    const std::string server = join_path(place, "postgres");
    if (!is_file(server)) continue;
    Result<std::string> version = output_of({server, "--version"});
    if (version.ok() && major_in(*version) == major) return place;
    others += fmt::format("; {} is not of this version", server);
  }
  if (!configured.empty() && others.empty())
    others = fmt::format("; there is no postgres in {}", configured);
  return make_error(ErrorKind::kMissing,
                    fmt::format("PostgreSQL {} is not on this host{}", major, others), hint);
}

Result<std::string> find_library_directory(const std::string& binaries) {
  const std::string config = join_path(binaries, "pg_config");
  if (is_file(config)) {
    Result<std::string> directory = output_of({config, "--pkglibdir"});
    if (directory.ok() && directory->starts_with('/'))
      return directory->substr(0, directory->find('\n'));
  }
  // pg_config is in a package for developers on some systems; the layout is relative
  // (src/port/path.c).
  const std::string above = parent_path(binaries);
  for (const std::string& candidate :
       {join_path(above, "lib/postgresql"), join_path(above, "lib")}) {
    if (is_file(join_path(candidate, "plpgsql.so"))) return candidate;
  }
  return make_error(
      ErrorKind::kMissing,
      fmt::format("the libraries of the PostgreSQL in {} are nowhere to be found", binaries),
      "install its pg_config beside it");
}

}  // namespace walkback::restore
