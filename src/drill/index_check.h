// Tables and their B-tree indexes, by PostgreSQL's own amcheck: rows that can be read as what they
// claim to be, indexes in order, and, if wanted, every row of a table found in each of its indexes.
#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "drill/proof.h"
#include "restore/spawn.h"
#include "scratch/scratch_server.h"

namespace walkback::drill {

// Not proved where this host has no pg_amcheck (PostgreSQL 14 brought it) or the server no amcheck
// to install. kCancelled when asked to stop.
Result<Proof> check_indexes(const scratch::ScratchServer& server, bool heap_all_indexed, int jobs,
                            const std::stop_token& stop);

// What pg_amcheck's end means. Pure.
Proof judge_amcheck(const restore::Finished& finished, bool heap_all_indexed);

}  // namespace walkback::drill
