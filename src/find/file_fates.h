// What became of the files that one transaction touched: truncated, rewritten, dropped, created, or
// only changed. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "find/relation_names.h"
#include "pg/types.h"
#include "wal/heap_records.h"
#include "wal/record.h"

namespace walkback::find {

enum class FileFate {
  kChanged,
  kTruncated,
  kRewritten,  // with the rows that it had: VACUUM FULL, CLUSTER, a move to another tablespace
  kAltered,  // rewritten, and the definition of columns changed: ALTER TABLE … TYPE … USING …
  kDropped,
  kCreated,
};
inline bool is_loss(FileFate fate) {
  return fate == FileFate::kTruncated || fate == FileFate::kDropped;
}
inline bool is_rewrite(FileFate fate) {
  return fate == FileFate::kRewritten || fate == FileFate::kAltered;
}

// What a transaction did to one relation file.
struct TouchedFile {
  wal::RelationLocator file;
  wal::RowCounts rows;
  FileFate fate = FileFate::kChanged;
  // Of a truncated, dropped or altered one: what it held, as far as statistics and the WAL seen
  // tell; -1 when not known.
  int64_t rows_gone = -1;
};

// As WAL tells it.
struct FileWork {
  bool committed = false;
  std::map<wal::RelationLocator, wal::RowCounts> rows;
  std::vector<wal::RelationLocator> created;  // in order
  // Cut to nothing: TRUNCATE of what the transaction itself gave another file before.
  std::set<wal::RelationLocator> emptied;
  std::vector<wal::RelationLocator> dropped;  // as the record of the commit lists them
};

struct FileFates {
  std::vector<TouchedFile> files;
  // Whose rows went on in which new file, and which one took over another's: truncations too.
  std::vector<std::pair<wal::RelationLocator, wal::RelationLocator>> moved, replaced;
  // New ones that may hold what another held.
  std::vector<wal::RelationLocator> perhaps_rewritten;
};
FileFates fates_of(const FileWork& work, const RelationNames& names);

}  // namespace walkback::find
