// What a cluster's databases, schemas and relations were called at one moment, and which files were
// whose. Saved with each backup, so that what is dropped later still has a name.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/frame.h"
#include "pg/types.h"
#include "store/object_store.h"

namespace walkback::catalog {

struct NamedRelation {
  pg::Oid oid = 0;
  std::string name;
  pg::Oid tablespace = 0;    // its file's, the database's default looked up
  pg::Oid file = 0;          // relfilenode, pg_filenode.map looked up; 0 for a partitioned one
  char kind = 0;             // relkind
  int64_t rows = -1;         // reltuples: what ANALYZE estimated; -1 for nothing
  pg::Oid partition_of = 0;  // a partitioned table of the same database; 0 for none
  bool operator==(const NamedRelation&) const = default;
};

struct NamedSchema {
  pg::Oid oid = 0;
  std::string name;
  std::vector<NamedRelation> relations;  // with a file, or partitioned; none that is temporary
  bool operator==(const NamedSchema&) const = default;
};

struct NamedDatabase {
  pg::Oid oid = 0;
  std::string name;
  pg::Oid tablespace = 0;            // its default
  std::vector<NamedSchema> schemas;  // shared catalogs are in each database
  bool operator==(const NamedDatabase&) const = default;
};

struct Names {
  std::vector<NamedDatabase> databases;
  std::vector<std::string> not_asked;  // databases that have no schemas here, for want of a session
  std::optional<pg::SystemIdentifier> server;  // that said so; not saved
  bool operator==(const Names&) const = default;
};

// Written in pieces: memory does not grow with the number of relations. One thread at a time;
// nothing is seen of it before finish(), and nothing ever when it is destroyed unfinished.
class NamesWriter {
 public:
  virtual ~NamesWriter() = default;
  // A database may come in several pieces, one after another, and a schema in several of them.
  virtual Result<void> add(const NamedDatabase& piece) = 0;
  virtual Result<void> add_not_asked(const std::string& database) = 0;
  // Durable on success; returns what the object ends with, for the backup's manifest.
  virtual Result<codec::Sha256> finish() = 0;
};
Result<std::unique_ptr<NamesWriter>> create_names(store::ObjectStore& objects,
                                                  const store::ObjectKey& key);

// The pieces of one database as one.
void add_piece(Names& names, NamedDatabase piece);

// All at once. Durable. As finish().
Result<codec::Sha256> put_names(store::ObjectStore& objects, const store::ObjectKey& key,
                                const Names& names);
// kMissing when there is none: from a backup of a program that saved none. kCorrupt when any byte
// was changed.
Result<Names> get_names(store::ObjectStore& objects, const store::ObjectKey& key);
// With what finish() returned when they were saved.
struct SavedNames {
  Names names;
  codec::Sha256 seal{};
};
Result<SavedNames> get_saved_names(store::ObjectStore& objects, const store::ObjectKey& key);

}  // namespace walkback::catalog
