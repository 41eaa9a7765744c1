// Where a path really lies: on which file system, and where within it.
//
// A bind mount gives a directory a second path, and no walk up from there meets what is above it
// elsewhere: /mnt/x may be .../pgdata/base. The kernel's own table of mounts says so
// (proc_pid_mountinfo(5)).
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::restore {

struct TruePath {
  std::string device;  // "8:1", of the file system
  std::string path;    // within it
  auto operator<=>(const TruePath&) const = default;
};

class Mounts {
 public:
  // Of this process. Without any where there is no /proc.
  static Result<Mounts> read(FileSystem& files);
  explicit Mounts(std::string_view mountinfo);

  // `path` is absolute and without symbolic links; what of it does not exist yet lies where it will
  // be made. Nothing when the table does not say.
  std::optional<TruePath> of(std::string_view path) const;
  // Of what is mounted on this directory ("ext4"); nothing where nothing is.
  std::optional<std::string> type_at(std::string_view directory) const;
  // What is mounted on a directory below this one, hidden mounts among them.
  std::vector<std::string> below(std::string_view directory) const;
  // Those of them of this type of file system ("fuse.walkback"), the deepest first.
  std::vector<std::string> below(std::string_view directory, std::string_view type) const;

 private:
  struct Mount {
    int id = 0;
    int parent = 0;
    std::string device;
    std::string root;  // of the file system, what is mounted
    std::string point;
    std::string type;  // of the file system
  };
  const Mount* root_mount() const;
  std::vector<Mount> mounts_;
};

// Whether `path` is `directory` or below it, by their letters.
bool is_or_is_below(std::string_view path, std::string_view directory);

}  // namespace walkback::restore
