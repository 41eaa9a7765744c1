// Symbolic links in a data directory: which a backup follows, leaves out, or refuses.
//
// PostgreSQL's own base backup leaves out every link that is not a tablespace's or pg_wal
// (sendDir() in src/backend/backup/basebackup.c). What it leaves out without a word may be a whole
// database.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "pg/versions.h"

namespace walkback::backup {

enum class LinkKind {
  kFile,              // taken as a file: configuration, a certificate, a relation
  kEmptiedDirectory,  // pg_wal and its like: kept as an empty directory
  kForeign,           // nothing of PostgreSQL's, such as a log directory: left out
  kGone,              // removed meanwhile
};

struct Link {
  LinkKind kind = LinkKind::kGone;
  std::string target;  // as the link has it
};

// `path` is a link, `name` what it is called in the data directory. kUnsupported for a link to a
// directory among PostgreSQL's own, and for one there that leads nowhere: without what is behind it
// the backup would be of no use.
Result<Link> judge_link(FileSystem& files, const std::string& path, const std::string& name);

// Before anything is copied: judges the links where PostgreSQL has directories, tablespaces
// included. Does not look into databases; there the walk meets them.
Result<void> refuse_linked_directories(FileSystem& files, const std::string& pgdata,
                                       const pg::Version& version);

}  // namespace walkback::backup
