#include "restore/preload_libraries.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace walkback::restore {

namespace {

constexpr uint64_t kMaxLibraryBytes = 1u << 30;

// Their workers touch nothing but the copy's own memory and statistics. timescaledb must be loaded
// before its tables can be read, and its jobs are switched off by a setting.
constexpr std::array<std::string_view, 3> kHarmlessWorkers = {"pg_prewarm", "pg_wait_sampling",
                                                              "timescaledb"};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

std::string with_library_directory(std::string_view path, const std::string& library_directory) {
  constexpr std::string_view kLibdir = "$libdir";
  if (!path.starts_with(kLibdir)) return std::string(path);
  return library_directory + std::string(path.substr(kLibdir.size()));
}

std::optional<std::string> with_suffix_if_needed(FileSystem& files, const std::string& path) {
  for (const std::string& candidate : {path, path + ".so"}) {
    Result<std::optional<FileInfo>> info = files.status(candidate);
    if (info.ok() && *info && (*info)->type == FileType::kRegular) return candidate;
  }
  return std::nullopt;
}

// expand_dynamic_library_name() in src/backend/utils/fmgr/dfmgr.c
std::optional<std::string> find_library(FileSystem& files, std::string_view name,
                                        const LibraryPaths& paths) {
  if (paths.library_directory.empty()) return std::nullopt;
  if (name.find('/') != std::string_view::npos) {
    return with_suffix_if_needed(files, with_library_directory(name, paths.library_directory));
  }
  std::string_view rest = paths.dynamic_library_path;
  while (!rest.empty()) {
    std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
    std::string path = join_path(with_library_directory(directory, paths.library_directory), name);
    if (std::optional<std::string> found = with_suffix_if_needed(files, path)) return found;
  }
  return std::nullopt;
}

// Whether the library names this function. Names end in a zero byte in the table of dynamic
// symbols.
bool calls(std::string_view library, std::string_view function) {
  return library.find(std::string(function) + '\0') != std::string_view::npos;
}

}  // namespace

LibraryFate judge_shared_library(FileSystem& files, std::string_view name,
                                 const LibraryPaths& paths) {
  std::optional<std::string> path = find_library(files, name, paths);
  if (!path) return LibraryFate::kMissing;
  Result<Bytes> bytes = read_file(files, *path, kMaxLibraryBytes);
  if (!bytes.ok()) return LibraryFate::kMissing;
  std::string_view library = as_text(*bytes);
  if (!calls(library, "RegisterBackgroundWorker")) return LibraryFate::kLoaded;
  if (calls(library, "RegisterCustomRmgr")) return LibraryFate::kLoaded;
  const std::string base = file_name(name);
  const bool harmless =
      std::any_of(kHarmlessWorkers.begin(), kHarmlessWorkers.end(),
                  [&](auto known) { return base == known || base == fmt::format("{}.so", known); });
  return harmless ? LibraryFate::kLoaded : LibraryFate::kActsByItself;
}

bool is_needed_to_read(FileSystem& files, std::string_view name, const LibraryPaths& paths) {
  const std::optional<std::string> path = find_library(files, name, paths);
  if (!path) return false;
  const Result<Bytes> bytes = read_file(files, *path, kMaxLibraryBytes);
  if (!bytes.ok()) return false;
  const std::string base = file_name(name);
  return calls(as_text(*bytes), "RegisterCustomRmgr") || base == "timescaledb" ||
         base == "timescaledb.so";
}

bool session_library_is_here(FileSystem& files, std::string_view name, const LibraryPaths& paths,
                             bool plugins) {
  std::string path(name);
  if (plugins && name.find('/') == std::string_view::npos)
    path = fmt::format("$libdir/plugins/{}", name);
  return find_library(files, path, paths).has_value();
}

std::vector<std::string> split_library_list(std::string_view list) {
  std::vector<std::string> names;
  std::string name;
  bool quoted = false;
  auto add = [&] {
    if (std::string_view text = trimmed(name); !text.empty()) names.emplace_back(text);
    name.clear();
  };
  for (char c : list) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      add();
    } else {
      name += c;
    }
  }
  add();
  return names;
}

std::string join_library_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    if (!list.empty()) list += ", ";
    list += fmt::format("\"{}\"", name);
  }
  return list;
}

}  // namespace walkback::restore
