// Clusters of postgresql-common (Debian, Ubuntu): the configuration in /etc, started by
// pg_ctlcluster.
#pragma once

#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::restore {

struct DebianCluster {
  std::string version;      // "15"
  std::string name;         // "main"
  std::string config_file;  // "/etc/postgresql/15/main/postgresql.conf"
};

// The one whose data_directory is `pgdata`; nothing when there is none. What cannot be read is not
// it. `etc` is for tests.
std::optional<DebianCluster> find_debian_cluster(FileSystem& files, const std::string& pgdata,
                                                 const std::string& etc = "/etc/postgresql");

}  // namespace walkback::restore
