// The directory of one scratch server: ours from before its first file until after its last.
//
//   DIRECTORY/NAME/walkback.scratch.json   whose it is; the last to go
//   DIRECTORY/NAME/data                    the data directory
//   DIRECTORY/NAME/data.tablespaces/OID    its tablespaces
//   DIRECTORY/NAME/.s.PGSQL.5432           its socket, where the path is short enough
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::scratch {

// What the mark says.
struct Mark {
  std::string purpose;  // "drill"
  std::string host;  // for people, and to know one's own directories after the host was restarted
  std::string process;  // catalog/process_identity.h
  std::string sockets;  // where its socket is, when that is no directory of ours in NAME
};

std::string data_directory_in(const std::string& root);
// Nothing when there is none; kCorrupt when it cannot be read.
Result<std::optional<Mark>> read_mark(FileSystem& files, const std::string& root);

class Place {
 public:
  // Makes DIRECTORY where it is missing, and NAME in it, mode 0700, locked and marked. kConflict
  // when NAME is there.
  static Result<std::unique_ptr<Place>> make(FileSystem& files, const std::string& root,
                                             const std::string& purpose);
  // What is still there when it is destroyed stays, marked, for whoever cleans up.
  ~Place() = default;

  const std::string& root() const { return root_; }
  std::string data_directory() const { return data_directory_in(root_); }
  const std::string& socket_directory() const { return mark_.sockets; }

  // Everything goes; no process may be at work in it.
  Result<void> remove();
  // It is somebody's now: the mark goes, and with it everybody's right to remove it.
  Result<void> keep();

 private:
  Place(FileSystem& files, std::string root) : files_(files), root_(std::move(root)) {}

  FileSystem& files_;
  const std::string root_;
  Mark mark_;
  std::unique_ptr<DirectoryLock> lock_;
};

// Of a place that nobody is at work in: kConflict when something is mounted below it.
Result<void> remove_place(FileSystem& files, const std::string& root, const std::string& sockets);

}  // namespace walkback::scratch
