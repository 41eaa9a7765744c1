// Which file is which table: from what backups and the server remember, and from what WAL itself
// puts into the catalog, over drops and rewrites.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/names.h"
#include "pg/types.h"
#include "wal/catalog_files.h"
#include "wal/catalog_rows.h"
#include "wal/record.h"

namespace walkback::find {

struct SchemaAndName {
  std::string schema;
  std::string name;
  bool operator==(const SchemaAndName&) const = default;
};

struct RelationName {
  pg::Oid oid = 0;  // of a TOAST table: its table's, as are schema and name
  pg::Oid own_oid = 0;
  std::string database;  // "database 16385" when nobody knows it
  std::string schema;    // likewise
  std::string name;
  char kind = 0;        // relkind
  bool system = false;  // of PostgreSQL's own catalog
  int64_t rows = -1;    // as last estimated by ANALYZE; -1 when not known
  pg::Lsn rows_at;      // when that was looked up
  // What else it was called: before the window, or since.
  std::vector<SchemaAndName> also;
  // The partitioned tables that it is a partition of, the nearest first.
  std::vector<SchemaAndName> partition_of;
  // A table or a materialized view; not a TOAST table or an index.
  bool holds_rows() const { return kind == 'r' || kind == 'm'; }
  bool operator==(const RelationName&) const = default;
};

class RelationNames {
 public:
  // What is known already stays: add what was true nearest to the window first. `at` is where the
  // log was then.
  void add(const catalog::Names& names, pg::Lsn at);
  // Every `at` so far.
  const std::set<pg::Lsn>& looked_up_at() const { return looked_up_at_; }
  // Whose file WAL says one is, whatever becomes of the transaction; not what anything is called.
  void see_file(const wal::CatalogRow& row);
  // In these files, too, rows of the catalog are seen from now on.
  // Files that they had before are theirs still, for what was written there.
  void add_catalogs(const std::vector<wal::MovedCatalog>& moved);
  // Of a transaction that committed. In the order of the log: a later row is truer.
  void see(const wal::CatalogRow& row);
  // A rewrite drops what it replaces: a table of somebody's that is called like a rewrite's heap,
  // of a transaction that dropped these files, is none.
  void see(const wal::CatalogRow& row, const std::vector<wal::RelationLocator>& dropped);
  // Of one that did not commit, or whose end nobody has: what is known otherwise is truer.
  void see_if_unknown(const wal::CatalogRow& row);
  // ALTER DATABASE SET TABLESPACE: all files in its default one go on under their numbers there.
  void moved(pg::Oid database, pg::Oid to_tablespace);
  // The relation of file `from` went on in file `to`: TRUNCATE, VACUUM FULL, …
  void rewritten(const wal::RelationLocator& from, const wal::RelationLocator& to);

  // Another whenever something else may be known.
  uint64_t version() const { return version_; }
  // Nothing for a file that nobody knows.
  std::optional<RelationName> of(const wal::RelationLocator& file) const;
  enum class Nature { kOther, kToast, kCatalog };
  Nature nature_of(const wal::RelationLocator& file) const;
  // The catalog in whose file rows are seen; 0 for any other file.
  pg::Oid catalog_in(const wal::RelationLocator& file) const;
  std::string database(pg::Oid oid) const;
  bool has_database(std::string_view name) const;
  // Whether any relation that is known has such a name.
  bool any(const std::function<bool(const RelationName&)>& is_meant) const;
  // Where WAL itself says whose file it is.
  struct Row {
    pg::Oid oid = 0;
    bool is_rewrite = false;  // the temporary heap of VACUUM FULL, CLUSTER, ALTER TABLE
    bool is_first = false;  // nothing was known of the relation before: it was made with this file
    bool is_later = false;  // it had another before: that an update gave it this one is known
    pg::Xid xid = 0;        // of the transaction that gave it this one
  };
  std::optional<Row> row_of(const wal::RelationLocator& file) const;

 private:
  using Id = std::pair<pg::Oid, pg::Oid>;  // database, oid
  struct Relation {
    pg::Oid oid = 0;
    pg::Oid schema = 0;
    std::string name;
    char kind = 0;
    int64_t rows = -1;
    pg::Lsn rows_at;
    pg::Oid partition_of = 0;
    std::vector<std::pair<pg::Oid, std::string>> also;  // schema and name
    void call(pg::Oid other_schema, const std::string& other_name);
  };

  std::string schema(Id id) const;
  RelationName named(pg::Oid database, const Relation& relation) const;
  const Relation* relation_of(const wal::RelationLocator& file) const;
  // The table of a TOAST table, or of the index of one; nothing where nobody knows it.
  const Relation* table_of_toast(pg::Oid database, const Relation& toast) const;
  // A row has the bytes of its database's encoding; a server and a backup say it in UTF-8: what is
  // known stays where it can be the same.
  static std::string text_of(const wal::CatalogRow& row, const std::string* known);
  bool is_heap_of_rewrite(const wal::CatalogRow& row) const;
  wal::RelationLocator file_of(const wal::CatalogRow& row) const;

  uint64_t version_ = 1;
  std::set<pg::Lsn> looked_up_at_;
  std::map<pg::Oid, std::string> databases_;
  // The first is the one where the log is; the others it had before or has later.
  std::map<pg::Oid, std::vector<pg::Oid>> default_tablespaces_;
  std::map<Id, std::string> schemas_;
  std::map<Id, Relation> relations_;
  std::map<wal::RelationLocator, pg::Oid> files_;
  std::map<wal::RelationLocator, Row> rows_;
  std::map<Id, pg::Oid> moved_catalogs_;  // by database and file
  std::set<Id> met_;                      // in rows, whatever became of their transactions
  std::map<Id, pg::Oid> rewrite_of_;      // heaps of rewrites: whose place they took
  std::map<wal::RelationLocator, std::vector<wal::RelationLocator>> rewrites_;  // both ways
};

}  // namespace walkback::find
