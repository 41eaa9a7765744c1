// A cluster of months: relations whose pages change, the log that says so, a server that backups
// are taken of, and a ledger of what each commit left.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "pgconn/connection.h"
#include "wal/test_log.h"

namespace walkback {

inline constexpr std::string_view kPgdata = "/pg";
inline constexpr size_t kRelations = 2;
inline constexpr uint32_t kBlocksOfRelation = 40;

// Which content a page has, and the end of the record that gave it.
struct PageState {
  uint64_t seed = 0;
  pg::Lsn lsn;
};
using PageStates = std::vector<PageState>;  // of relation after relation

wal::RelationLocator simulated_relation(size_t which);
std::string simulated_file(size_t which);  // "base/5/16384"
void make_simulated_page(const PageState& state, uint32_t block, MutableBytes page);

class SimulatedCluster {
 public:
  // Its files are below kPgdata in `files`.
  SimulatedCluster(FileSystem& files, ManualClock& clock, SeededRandom& random);

  // Changes some pages and commits; some of the pages are written, others stay in memory until a
  // checkpoint.
  void transact();
  // As archive_timeout does: ends a segment in which something was written.
  void switch_segment();

  // archive_command, for each finished segment in order, until one fails. What is archived goes
  // from pg_wal, but for the last ones.
  using Push = std::function<bool(const std::string& path)>;
  void archive(const Push& push);
  // All before this is archived.
  pg::Lsn archived_until() const;

  // Answers what a backup asks. The cluster changes while the backup copies, and `push` archives
  // what ends with it.
  std::unique_ptr<pgconn::Connection> connect(Push push);

  struct Commit {
    Timestamp time;
    pg::Lsn record;
    PageStates pages;  // as they are before the record: with what it commits
  };
  const std::vector<Commit>& commits() const { return commits_; }

 private:
  class Session;

  pg::Lsn checkpoint();
  pg::Lsn end_backup(pg::Lsn start);
  void flush_log();
  void write_page(size_t which);
  std::string wal_path(uint64_t number) const;

  FileSystem& files_;
  ManualClock& clock_;
  SeededRandom& random_;
  wal::TestLog log_;
  pg::Lsn flushed_;
  uint64_t next_to_archive_ = 1;
  uint64_t oldest_in_pg_wal_ = 1;
  pg::Xid next_xid_ = 700;
  PageStates pages_;
  std::vector<bool> dirty_;
  std::vector<Commit> commits_;
};

}  // namespace walkback
