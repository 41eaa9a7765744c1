#include "catalog/server_directory.h"

namespace walkback::catalog {

Result<bool> is_server_directory(FileSystem& files, const std::string& servers,
                                 const std::string& pgdata) {
  const Result<std::string> seen = files.canonical(servers);
  return (seen.ok() ? *seen : servers) == TRY(files.canonical(pgdata));
}

}  // namespace walkback::catalog
