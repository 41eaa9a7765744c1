// What a table is made of, as far as undo needs it, asked of a server.
//
// Names of columns are as SQL writes them, quoted where they must be; those of keys and constraints
// are plain.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback::undo {

struct Column {
  std::string name;
  std::string type;        // as format_type() names it
  bool generated = false;  // its value follows from others'
  bool identity_always = false;
  bool is_number = false;  // int2, int4, int8, numeric: readable without quotes
  int number = 0;          // attnum: stays when the name changes
  // Of what the composite types in it are made, those in arrays, ranges and domains included; empty
  // where there is none. PostgreSQL reads a row's text by the places of its attributes, not by
  // their names: after ALTER TYPE … DROP and ADD ATTRIBUTE it takes a value for another's.
  std::string attributes;
  bool not_null = false;
  bool operator==(const Column&) const = default;

  // A value's text means the same in both.
  bool is_typed_as(const Column& other) const {
    return type == other.type && attributes == other.attributes;
  }
};

// A column compared with another's: `operator_name` is "=", or "OPERATOR(schema.=)" where the type
// is an extension's.
struct ComparedColumn {
  std::string column;
  std::string other;
  std::string operator_name = "=";
  bool operator==(const ComparedColumn&) const = default;
};

// A unique index of whole rows and plain columns.
struct UniqueKey {
  std::string name;
  bool primary = false;
  bool identifies = false;              // none of its columns is ever NULL
  std::vector<ComparedColumn> columns;  // each compared with itself
  bool operator==(const UniqueKey&) const = default;
};

struct TableName {
  pg::Oid oid = 0;
  std::string quoted;         // "public.\"Payments\""
  bool partitioned = false;   // read with its partitions
  std::string from() const {  // for FROM
    return partitioned ? quoted : "ONLY " + quoted;
  }
  bool operator==(const TableName&) const = default;
};

struct ForeignKey {
  std::string name;
  TableName from, to;                   // the referencing and the referenced table
  std::vector<ComparedColumn> columns;  // of `to`, with those of `from`
  bool operator==(const ForeignKey&) const = default;
};

// A CHECK constraint about plain columns.
struct Check {
  std::string name;
  std::string expression;            // over the columns as they are called
  std::vector<std::string> columns;  // those in it
  bool operator==(const Check&) const = default;
};

// A trigger or rule that fires in a replica's session, too.
struct Firing {
  std::string what;     // "trigger audit", "rule swallow"
  bool always = false;  // ENABLE ALWAYS, else ENABLE REPLICA
  bool on_insert = false, on_update = false, on_delete = false;
  bool conditional = false;
  std::vector<std::string> columns;  // only when one of these is set; empty: whichever is
  bool operator==(const Firing&) const = default;
};

struct TableShape {
  TableName name;
  std::string schema, table;  // unquoted
  char kind = 0;              // relkind
  std::vector<Column> columns;
  std::vector<UniqueKey> keys;
  // Columns that stand in any unique index or exclusion constraint; all of them where one of those
  // is about an expression or a part of the rows.
  std::vector<std::string> guarded;
  std::vector<ForeignKey> refers_to, referred_by;
  std::vector<pg::Oid> within;  // itself and the partitioned tables above it
  std::vector<Check> checks;
  std::vector<Firing> fires;  // see firing.h
  // Unique and exclusion constraints that PostgreSQL checks by triggers, which do not fire there.
  std::vector<std::string> deferrable;

  const Column* column(std::string_view wanted) const;
};

// Nothing when there is no such table.
Result<std::optional<TableShape>> read_shape(pgconn::Connection& server, pg::Oid table);

// Of a table by its name, partitioned or not, and of the one whose rows lie in a file; nothing when
// there is none.
Result<std::optional<pg::Oid>> find_table(pgconn::Connection& server, const std::string& schema,
                                          const std::string& table);
Result<std::optional<pg::Oid>> find_table_of_file(pgconn::Connection& server, pg::Oid tablespace,
                                                  pg::Oid file);

// Where a table's rows lie by now.
Result<pg::Oid> file_of_table(pgconn::Connection& server, pg::Oid table);

}  // namespace walkback::undo
