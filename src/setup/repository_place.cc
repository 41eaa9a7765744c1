#include "setup/repository_place.h"

#include <fmt/format.h>

namespace walkback::setup {

std::optional<std::string> repository_directory(std::string_view url) {
  constexpr std::string_view kScheme = "file://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  return std::string(url.substr(kScheme.size()));
}

Result<void> check_is_mounted(FileSystem& files, std::string_view url) {
  const std::optional<std::string> directory = repository_directory(url);
  if (!directory) return success();
  const std::optional<FileInfo> info = TRY(files.status(*directory));
  if (!info || info->type != FileType::kDirectory) return success();
  if (!TRY(files.list(*directory)).empty()) return success();
  return make_error(ErrorKind::kMissing,
                    fmt::format("{} is an empty directory: is its disk mounted?", *directory),
                    "mount it; if the repository lies elsewhere, correct repository.url in the "
                    "configuration");
}

Result<void> check_is_there(FileSystem& files, std::string_view url) {
  const std::optional<std::string> directory = repository_directory(url);
  if (!directory || TRY(files.status(*directory))) return check_is_mounted(files, url);
  std::string above = parent_path(*directory);
  while (above != "/" && above != "." && !TRY(files.status(above))) above = parent_path(above);
  // Who may not look into it, or finds a file there, learns no more.
  const auto names = files.list(above);
  return make_error(
      ErrorKind::kMissing,
      fmt::format("{}, where the repository should be, does not exist{}: is its disk mounted?",
                  *directory,
                  names.ok() && names->empty() ? fmt::format(", and {} is empty", above) : ""),
      "mount it, or put the directory back; if the repository lies elsewhere, correct "
      "repository.url in the configuration");
}

Result<void> check_outside_of_cluster(FileSystem& files, std::string_view url,
                                      const std::string& pgdata) {
  const std::optional<std::string> directory = repository_directory(url);
  if (!directory) return success();
  std::string path = *directory;
  const std::string cluster = TRY(files.canonical(pgdata));
  while (!TRY(files.status(path)) && path != "/" && path != ".") path = parent_path(path);
  path = TRY(files.canonical(path)) + "/";
  if (!path.starts_with(cluster + "/")) return success();
  return make_error(ErrorKind::kInvalid,
                    fmt::format("the repository {} lies inside the data directory {}", url, pgdata),
                    "choose a directory on another disk, better on another host");
}

}  // namespace walkback::setup
