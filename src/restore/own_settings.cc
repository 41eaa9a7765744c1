#include "restore/own_settings.h"

#include <fmt/format.h>

#include <cctype>
#include <utility>

#include "pg/configuration.h"

namespace walkback::restore {

namespace {

// CONF_FILE_MAX_DEPTH in src/include/utils/conffiles.h
constexpr int kMaxDepth = 10;
constexpr uint64_t kMaxBytes = 16 << 20;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

using Settings = std::vector<std::pair<std::string, std::string>>;
using Problem = std::optional<std::string>;

// Reads files and what they include; what cannot be read is a problem, not an error.
class IncludeReader {
 public:
  explicit IncludeReader(FileSystem& files) : files_(files) {}

  Problem read_line(const pg::ConfigurationLine& line, const std::string& directory, int depth,
                    Settings& settings) {
    std::string path = line.value.starts_with('/') ? line.value : join_path(directory, line.value);
    switch (line.kind) {
      case pg::ConfigurationLineKind::kBlank:
        return std::nullopt;
      case pg::ConfigurationLineKind::kInvalid:
        return "it is not a setting";
      case pg::ConfigurationLineKind::kSetting:
        settings.emplace_back(line.name, line.value);
        return std::nullopt;
      case pg::ConfigurationLineKind::kInclude:
        return read_file(path, depth + 1, settings);
      case pg::ConfigurationLineKind::kIncludeIfExists:
        return exists(path) ? read_file(path, depth + 1, settings) : std::nullopt;
      case pg::ConfigurationLineKind::kIncludeDirectory:
        return read_directory(path, depth + 1, settings);
    }
    return std::nullopt;
  }

 private:
  bool exists(const std::string& path) {
    Result<std::optional<FileInfo>> info = files_.status(path);
    return !info.ok() || info->has_value();
  }

  Problem read_file(const std::string& path, int depth, Settings& settings) {
    if (depth > kMaxDepth) return "files include each other too deeply";
    Result<Bytes> text = walkback::read_file(files_, path, kMaxBytes);
    if (!text.ok()) {
      bool missing = text.error().kind == ErrorKind::kMissing;
      return missing ? fmt::format("{} is not on this host", path) : text.error().message;
    }
    const pg::Configuration file = pg::Configuration::parse(as_text(*text));
    for (const pg::ConfigurationLine& line : file.lines()) {
      Problem problem = read_line(line, parent_path(path), depth, settings);
      if (problem) return problem;
    }
    return std::nullopt;
  }

  Problem read_directory(const std::string& path, int depth, Settings& settings) {
    Result<std::vector<DirectoryEntry>> entries = files_.list(path);
    if (!entries.ok()) {
      bool missing = entries.error().kind == ErrorKind::kMissing;
      return missing ? fmt::format("{} is not on this host", path) : entries.error().message;
    }
    for (const DirectoryEntry& entry : *entries) {
      bool is_read = entry.name.ends_with(".conf") && !entry.name.starts_with('.') &&
                     entry.type != FileType::kDirectory;
      if (!is_read) continue;
      Problem problem = read_file(join_path(path, entry.name), depth, settings);
      if (problem) return problem;
    }
    return std::nullopt;
  }

  FileSystem& files_;
};

}  // namespace

std::optional<std::string> OwnSettings::value(std::string_view name) const {
  auto found = values_.find(lower(name));
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::string OwnSettings::value_or(std::string_view name, std::string_view default_value) const {
  return value(name).value_or(std::string(default_value));
}

void OwnSettings::set(std::string_view name, std::string value) {
  values_[lower(name)] = std::move(value);
}

Result<std::string> read_text_if_there(FileSystem& files, const std::string& path) {
  if (!TRY(files.status(path))) return std::string();
  Bytes text = TRY(read_file(files, path, kMaxBytes));
  return std::string(as_text(text));
}

Result<OwnConfiguration> read_own_configuration(FileSystem& files,
                                                const std::string& data_directory) {
  OwnConfiguration own;
  IncludeReader reader(files);
  for (const char* name : {"postgresql.conf", "postgresql.auto.conf"}) {
    const std::string path = join_path(data_directory, name);
    const pg::Configuration file = pg::Configuration::parse(TRY(read_text_if_there(files, path)));
    for (size_t index = 0; index < file.lines().size(); ++index) {
      const pg::ConfigurationLine& line = file.lines()[index];
      Settings settings;
      Problem problem = reader.read_line(line, data_directory, 0, settings);
      if (problem) {
        own.unreadable.push_back({name, index, line.raw, *problem});
        continue;
      }
      for (auto& [setting, value] : settings) own.settings.set(setting, std::move(value));
    }
  }
  return own;
}

}  // namespace walkback::restore
