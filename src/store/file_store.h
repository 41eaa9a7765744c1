// A directory as an object store.
//
// An object is a file; a put is: temporary file in ROOT/.tmp, write, fsync, rename without
// replacing, fsync of the directory (and of each directory made on the way, in its parent). So an
// object that can be seen is whole, and one that was acknowledged is durable. A name found taken is
// made durable before kAlreadyExists is answered: the process that renamed it may have died before
// its own fsync.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "base/random.h"
#include "store/object_store.h"

namespace walkback::store {

// `root` exists or its parent does; then the first put makes it. A root that was there and is gone
// (its file system is no longer mounted) is kMissing to every call: it must not look like an empty
// store. Directories are never removed, so that a writer need not look again at those it found
// durable. `files` and `random` outlive the store.
Result<std::unique_ptr<ObjectStore>> open_file_store(FileSystem& files, Random& random,
                                                     std::string root);

// Removes temporary files older than `age`: what killed writers left behind. Returns how many.
Result<uint64_t> sweep_temporary_files(FileSystem& files, const std::string& root, Clock& clock,
                                       std::chrono::hours age);

}  // namespace walkback::store
