// Every file of a cluster that a backup must hold, found as the walk goes.
//
// What is left out and why: pg/data_directory.h, which follows PostgreSQL's own base backup. Memory
// grows with the largest single directory, not with the cluster.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/progress.h"
#include "base/result.h"
#include "catalog/manifest.h"
#include "pg/control_file.h"
#include "pg/data_directory.h"
#include "pg/versions.h"
#include "pipeline/copy_in.h"

namespace walkback::backup {

// Where the cluster keeps its configuration, as the server says.
struct ConfigurationFiles {
  std::string config_file;
  std::string hba_file;
  std::string ident_file;
};

class DataDirectoryWalk final : public pipeline::FileSource {
 public:
  // Called for each directory before any file in it is handed out.
  using DirectorySink = std::function<Result<void>(const catalog::ManifestDirectory&)>;

  DataDirectoryWalk(FileSystem& files, std::string pgdata, const pg::ControlFile& control,
                    DirectorySink directories, Progress& progress);

  // Files outside the data directory come first; their SourceFile names begin with
  // kConfigurationPrefix.
  Result<void> add_configuration(const ConfigurationFiles& configuration);
  static constexpr std::string_view kConfigurationPrefix = "//configuration/";

  Result<std::optional<pipeline::SourceFile>> next() override;

  // Complete once next() has given nothing.
  const std::vector<catalog::ManifestTablespace>& tablespaces() const { return tablespaces_; }

 private:
  struct Pending {
    std::string path;
    std::string name;  // in the backup; empty for the data directory itself
  };

  Result<bool> enter_next();
  Result<void> enter_tablespaces();
  Result<void> add_entry(const DirectoryEntry& entry);
  Result<void> add_link(const std::string& path, const std::string& name);
  Result<void> add_directory(const std::string& path, const std::string& name);
  Result<void> add_file(const std::string& path, const std::string& name);
  Result<void> add_configuration_file(const std::string& path, const std::string& name);
  std::optional<pipeline::PageCheck> page_check(std::string_view name) const;

  FileSystem& files_;
  const std::string pgdata_;
  const pg::ControlFile control_;
  const pg::Version version_;
  const DirectorySink directories_;
  Progress& progress_;
  std::vector<Pending> to_enter_;
  // The directory being walked, and where in it.
  Pending current_;
  std::vector<DirectoryEntry> entries_;
  size_t position_ = 0;
  pg::UnloggedRelations unlogged_;
  std::vector<pipeline::SourceFile> ready_;
  std::vector<catalog::ManifestTablespace> tablespaces_;
};

}  // namespace walkback::backup
