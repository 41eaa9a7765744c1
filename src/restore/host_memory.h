// How much memory a server may take here.
#pragma once

#include <cstdint>
#include <string>

#include "base/file_system.h"

namespace walkback::restore {

// The host's memory, or less where a cgroup of this process (a container, a unit with MemoryMax)
// allows less: version 2's memory.max and version 1's memory.limit_in_bytes, of the group and of
// all above it (Documentation/admin-guide/cgroup-v2.rst). What cannot be read limits nothing.
// `root` is where /proc and /sys are, for tests.
uint64_t usable_memory_bytes(FileSystem& files, const std::string& root = "");

}  // namespace walkback::restore
