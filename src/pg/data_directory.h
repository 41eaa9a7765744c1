// Names in a data directory: which files hold relations, and what a base backup leaves out.
//
// The rules are those of PostgreSQL's own base backup (src/backend/backup/basebackup.c, 13 to 18,
// and parse_filename_for_nontemp_relation in src/backend/storage/file/reinit.c). Paths are relative
// to the data directory, with "/" between their parts: "base/5/1259". Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "pg/types.h"
#include "pg/versions.h"

namespace walkback::pg {

constexpr Oid kDefaultTablespace = 1663;  // pg_default: base/
constexpr Oid kGlobalTablespace = 1664;   // pg_global: global/

enum class Fork : uint8_t { kMain = 0, kFreeSpaceMap = 1, kVisibilityMap = 2, kInit = 3 };

// A relation's file name: "16384", "16384_vm", "16384_fsm.2".
struct RelationName {
  Oid number = 0;  // relfilenode
  Fork fork = Fork::kMain;
  uint32_t segment = 0;  // of 1 GiB
  auto operator<=>(const RelationName&) const = default;
  static std::optional<RelationName> parse(std::string_view file_name);
  std::string text() const;
};

// Which relation fork a path is a segment of.
struct RelationFile {
  Oid tablespace = 0;
  Oid database = 0;  // 0 for shared relations, in global/
  RelationName name;
  auto operator<=>(const RelationFile&) const = default;
};

// "base/5/1259", "global/1262", "pg_tblspc/16390/PG_15_202209061/5/16391.1". Nothing for any other
// file, temporary relations and tablespace directories of another version among them.
std::optional<RelationFile> parse_relation_path(std::string_view path, const Version& version);

// "PG_15_202209061": the directory inside a tablespace that belongs to this version.
std::string tablespace_version_directory(const Version& version);

// "t3_16384": a session's temporary relation; its contents mean nothing after a restart.
bool is_temporary_relation_name(std::string_view file_name);

// Whether the path is, or lies in, a directory that initdb makes (subdirs[] in
// src/bin/initdb/initdb.c): a cluster without it is not one. All else in a data directory is the
// user's: configuration, logs, certificates.
bool is_postgresqls_own(std::string_view path);

// The directory is kept, empty; what it holds is removed or rebuilt when a server starts.
// pg_wal, pg_wal/archive_status and pg_wal/summaries are among them: WAL comes from the repository.
bool contents_left_out(std::string_view directory_path);

// A file (or, for "pgsql_tmp…", a directory) with this last part of its path is left out. Does not
// know of unlogged relations: see below.
bool left_out(std::string_view path);

// The unlogged relations of one directory: add all its file names, then ask. Of them only the init
// fork is kept; a starting server makes the others from it.
class UnloggedRelations {
 public:
  void add(std::string_view file_name);
  bool leaves_out(std::string_view file_name) const;

 private:
  std::unordered_set<Oid> with_init_fork_;
};

}  // namespace walkback::pg
