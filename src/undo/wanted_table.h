// The table that somebody named, on a server whose databases are looked through for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/server_names.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback::undo {

struct WantedTable {
  pg::Oid database = 0;
  std::string database_name;
  pg::Oid oid = 0;
  bool partitioned = false;
  bool unlogged = false;
};

// `name` has the parts of "payments", "public.payments", "shop.public.payments", or of
// "shop.payments" where that can mean nothing else. Without a schema none of PostgreSQL's own
// tables is meant.
// kMissing when there is none; kInvalid when there are several, with their names, and when it is no
// table that has rows of its own (a view, a foreign table).
Result<WantedTable> find_wanted_table(pgconn::Connection& server,
                                      const catalog::ConnectTo& connect_to,
                                      const std::vector<std::string>& name);

// The partitions of a table that have rows of their own, or the table itself. kUnsupported when one
// of them is a foreign table: its rows lie on another server, which nobody may disturb from a copy.
Result<std::vector<pg::Oid>> tables_with_rows(pgconn::Connection& server, pg::Oid table);

// What `pg_dump` is to be asked for to have all of a table: itself, its partitions, sequences of
// theirs.
Result<std::vector<pg::Oid>> parts_of_table(pgconn::Connection& server, pg::Oid table);

}  // namespace walkback::undo
