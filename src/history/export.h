// The history in a table of any PostgreSQL database, for those who chart it there. The repository
// stays the truth: the table can be dropped and filled again.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/events.h"
#include "pgconn/connection.h"

namespace walkback::history {

// Makes public.backup_history where it is missing and puts every event into it, one row for each
// (cluster, id): what is there already is brought up to date, what was pruned from the repository
// stays. All or nothing. Returns how many rows were added or changed.
Result<size_t> export_history(const std::vector<catalog::Event>& events, const std::string& cluster,
                              pgconn::Connection& connection);

}  // namespace walkback::history
