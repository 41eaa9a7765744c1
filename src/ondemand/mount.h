// A FileTree where programs see it: mounted over the directory that it is of, by FUSE.
//
// Only processes of this user see it. When this process ends, however that ends, what is read there
// fails at once (ENOTCONN); the mount itself stays until somebody calls unmount().
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "ondemand/file_source.h"

namespace walkback::ondemand {

// As mountinfo has it of such a mount.
inline constexpr const char* kFileSystemType = "fuse.walkback";

class Mount {
 public:
  // `directory` is there, with all files in it: of those that come on demand only their sizes are
  // right. `prefix` as in FileTree. `source` outlives the mount. `threads` requests are worked on
  // at once. An error says what keeps this host from it, and the hint what would help.
  static Result<std::unique_ptr<Mount>> make(const std::string& directory,
                                             const std::string& prefix, FileSource& source,
                                             int threads);
  // Nothing is open below it any more; what is all the same fails from now on.
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

 private:
  class Session;
  explicit Mount(std::unique_ptr<Session> session);
  std::unique_ptr<Session> session_;
};

// Whether this host lets us: mounts something on a directory of its own, and takes it away again.
// What went once is not tried again.
Result<void> try_to_mount();

// Takes away what is mounted on `directory`, whether its process lives or not. Without anything
// mounted there it does nothing.
Result<void> unmount(const std::string& directory);

}  // namespace walkback::ondemand
