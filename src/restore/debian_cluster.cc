#include "restore/debian_cluster.h"

#include "pg/configuration.h"

namespace walkback::restore {

namespace {

std::vector<std::string> folders(FileSystem& files, const std::string& path) {
  std::vector<std::string> names;
  const Result<std::vector<DirectoryEntry>> entries = files.list(path);
  if (!entries.ok()) return names;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.type == FileType::kDirectory) names.push_back(entry.name);
  }
  return names;
}

bool is_of(FileSystem& files, const std::string& config_file, const std::string& pgdata) {
  const Result<Bytes> text = read_file(files, config_file, 1 << 20);
  if (!text.ok()) return false;
  const std::optional<std::string> said =
      pg::Configuration::parse(as_text(*text)).value("data_directory");
  if (!said) return false;
  if (*said == pgdata) return true;
  const Result<std::string> one = files.canonical(*said);
  const Result<std::string> other = files.canonical(pgdata);
  return one.ok() && other.ok() && *one == *other;
}

}  // namespace

std::optional<DebianCluster> find_debian_cluster(FileSystem& files, const std::string& pgdata,
                                                 const std::string& etc) {
  if (pgdata.empty()) return std::nullopt;
  for (const std::string& version : folders(files, etc)) {
    for (const std::string& name : folders(files, join_path(etc, version))) {
      std::string config_file =
          join_path(join_path(join_path(etc, version), name), "postgresql.conf");
      if (is_of(files, config_file, pgdata)) {
        return DebianCluster{version, name, std::move(config_file)};
      }
    }
  }
  return std::nullopt;
}

}  // namespace walkback::restore
