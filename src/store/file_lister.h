// Walks a directory as object names: in byte order of the whole names, without reading more than it
// must.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "store/object_store.h"

namespace walkback::store {

// As ObjectStore::list(). Files whose path is no ObjectKey (lost+found, .tmp) are not objects; what
// vanishes while it is walked is left out. Memory is that of the largest directories on one path
// down.
Result<void> list_files(FileSystem& files, const std::string& root, std::string_view prefix,
                        std::string_view after, const ObjectStore::Visitor& visit);

// As ObjectStore::list_folders().
Result<std::vector<std::string>> list_file_folders(FileSystem& files, const std::string& root,
                                                   std::string_view folder);

}  // namespace walkback::store
