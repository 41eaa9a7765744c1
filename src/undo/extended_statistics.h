// Extended statistics (CREATE STATISTICS) of tables that come back: `pg_dump --table` leaves them
// out, as objects of a schema and not of their table.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback::undo {

struct ExtendedStatistics {
  pg::Oid oid = 0;
  std::string schema, name, owner;  // unquoted
  std::string quoted;               // "public.\"Figures\""
};

// Of `tables`, an array of their OIDs as text.
Result<std::vector<ExtendedStatistics>> read_statistics(pgconn::Connection& then,
                                                        const std::string& tables);

// Empty where nothing keeps them from coming back. `made` are the schemas that come back as well.
Result<std::string> obstacle_to(const ExtendedStatistics& statistics,
                                const std::set<std::string>& made, pgconn::Connection& live);

// The statements that make them: CREATE STATISTICS first, of the table as it is called by now.
Result<std::vector<std::string>> statements_of(const ExtendedStatistics& statistics,
                                               pgconn::Connection& then);

}  // namespace walkback::undo
