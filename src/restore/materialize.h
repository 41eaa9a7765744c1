// A backup's files, written into a directory in which no server has run yet.
#pragma once

#include <stop_token>
#include <string>

#include "base/file_system.h"
#include "base/progress.h"
#include "base/result.h"
#include "catalog/layout.h"
#include "catalog/manifest.h"
#include "pipeline/copy_out.h"
#include "restore/target_directory.h"
#include "store/object_store.h"

namespace walkback::restore {

// What is there before.
enum class Onto {
  kNothing,
  // A directory of the same cluster, where start_delta() took away what is not in the backup: what
  // is right stays.
  kSomeOfIt,
};

struct Materialized {
  catalog::ManifestConclusion conclusion;
  pipeline::CopyOutResult copied;
};

// What of the files is fetched.
enum class Fetch {
  kEverything,
  // What comes on demand (ondemand/file_source.h) is made with its size, and empty.
  kNotOnDemand,
};

// Makes the layout's directories, tablespace links and all files but pg_control and backup_label,
// which are returned: whoever calls decides when a server may start here. Of these only the links
// are durable yet.
Result<Materialized> materialize(const TargetLayout& layout, const catalog::LineageLayout& lineage,
                                 const catalog::BackupId& backup, Onto onto, Fetch fetch,
                                 int workers, FileSystem& files, store::ObjectStore& objects,
                                 Progress& progress, std::stop_token stop);

// Makes everything below the layout durable: one call for each file system it lies on.
Result<void> sync_layout(const TargetLayout& layout, FileSystem& files);

// Writes pg_control, durably. From here on PostgreSQL can start on the directory.
Result<void> write_control_file(const std::string& data_directory, ByteView pg_control,
                                FileSystem& files);

}  // namespace walkback::restore
