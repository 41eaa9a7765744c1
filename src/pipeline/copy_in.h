// From a data directory into packs: read, verify, compress, store, in parallel. Of a file that an
// earlier backup has, what changed since.
//
// The unit of work is a piece of one file of one frame's size, so a 1 GiB relation segment keeps
// every worker busy and no file is anybody's tail. Files are pulled one by one from a FileSource
// and given back one by one, so memory does not grow with their number.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/result.h"
#include "pg/types.h"
#include "repo/page_map.h"
#include "store/object_store.h"

namespace walkback::pipeline {

// How the pages of a relation fork are verified.
struct PageCheck {
  uint32_t first_block =
      0;  // of this file within the relation fork: segment number * blocks a segment
  bool checksums = false;  // the cluster has data checksums
};

// Which blocks of a file may differ from the parent's, as the WAL says.
struct BlocksToRead {
  std::vector<uint32_t> changed;   // ascending
  uint32_t all_from = UINT32_MAX;  // and all from here on
  // Failed their checksum in the parent, or on the disk then; ascending. They are read, and may
  // have been mended in whatever way.
  std::vector<uint32_t> damaged;
};

// The unit in which files are read again, in blocks: 16 MiB. Smaller, and a large file's page map
// would be fetched for little; larger, and backups would differ in what they read.
inline constexpr uint32_t kRereadBlocks = 2048;

// What an earlier backup has of a file. Only what it has not is stored again.
struct ParentCopy {
  std::function<Result<repo::PageMap>()> map;  // called by the thread that opens the file
  // Nothing: every block is read and compared.
  std::shared_ptr<const BlocksToRead> blocks;
  // Ascending: the turns, each of CopyInOptions::reread_blocks, whose blocks are read again
  // although the WAL names no change of theirs, to prove that there was none.
  std::vector<uint32_t> turns = {};
  // Packs too little of which is of use: what lies in them and is read in a turn is stored again.
  // May be null; outlives the copying.
  const repo::PackIds* thin_packs = nullptr;
};

struct SourceFile {
  std::string path;  // to open
  std::string name;  // in the backup: "base/5/16384.1"
  uint32_t mode = 0;
  Timestamp modified;
  uint64_t size_hint = 0;             // bytes when it was listed; the size when opened counts
  std::optional<PageCheck> relation;  // a relation's main fork or another file made of pages
  std::optional<ParentCopy> parent;
};

// A block that failed its checksum and claims to have been changed after the backup's start.
struct DoubtfulBlock {
  uint32_t block = 0;
  pg::Lsn lsn;
};

// A page that changed although the WAL since the parent names no change of it.
struct UnexplainedBlock {
  uint32_t block = 0;
  pg::Lsn lsn;                  // the page's
  bool maybe_replayed = false;  // it is behind the backup's start: the WAL has the change if it is
                                // not behind the backup's stop, too
};

struct CopiedFile {
  SourceFile source;
  repo::PageMap map;
  std::optional<repo::PageMap> parent;  // what source.parent gave
  bool is_as_parent = false;            // `map` is the parent's
  // Blocks of this file that still failed their checksum after being read again and whose LSN is
  // not one of this backup's: replay does not mend them. Where the WAL says that such a block had
  // not changed, the map has what the parent has of it, which was whole.
  std::vector<uint32_t> bad_blocks;
  // Those that replay mends if the backup's stop is at or behind their LSN, and does not otherwise.
  std::vector<DoubtfulBlock> doubtful_blocks;
  // Of those of one piece that are replayed, maybe, only the one with the largest LSN.
  std::vector<UnexplainedBlock> unexplained;
};

// Called from one thread at a time.
class FileSource {
 public:
  virtual ~FileSource() = default;
  virtual Result<std::optional<SourceFile>> next() = 0;
};

// Called from one thread at a time, in the order in which files were completed. A file that
// vanished before it was opened is not reported: its removal is in the WAL.
class CopiedFileSink {
 public:
  virtual ~CopiedFileSink() = default;
  virtual Result<void> accept(CopiedFile file) = 0;
};

struct CopyInOptions {
  int workers = 2;
  int compression_level = 3;
  uint32_t block_bytes = 8192;
  uint32_t frame_bytes = 1 << 20;  // content of one frame; measured: docs/design/frames.md
  uint32_t pack_bytes = 32 << 20;
  uint32_t reread_blocks = kRereadBlocks;
  std::string pack_prefix;  // "clusters/main/…/packs"
  pg::Lsn start_lsn;        // the backup's redo point: pages behind it are replayed
};

struct CopyInResult {
  uint64_t files = 0;
  uint64_t bytes_read = 0;    // from the data directory, pages read again included
  uint64_t bytes_reread = 0;  // of those: of pages that had not changed, as the WAL says
  uint64_t bytes_raw = 0;     // of all files
  uint64_t bytes_stored = 0;  // in packs
  std::vector<repo::PackFinisher::Stored> packs;
};

// On success every pack is durable. On failure or stop, packs already written stay as garbage for
// prune.
Result<CopyInResult> copy_in(FileSystem& files, store::ObjectStore& objects, Clock& clock,
                             Random& random, FileSource& source, CopiedFileSink& sink,
                             const CopyInOptions& options, Progress& progress,
                             std::stop_token stop);

}  // namespace walkback::pipeline
