// Every page of every relation file, by PostgreSQL's own pg_checksums, once the server is stopped:
// those that nobody asked for are read here.
#pragma once

#include <stop_token>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "drill/proof.h"
#include "restore/spawn.h"

namespace walkback::drill {

// Of a cluster that was shut down in order. Not proved where it has no page checksums, or this host
// no pg_checksums. kCancelled when asked to stop.
Result<Proof> check_pages(FileSystem& files, const std::string& data_directory,
                          const std::string& binaries, const std::stop_token& stop);

// What pg_checksums' end means. Pure.
Proof judge_checksums(const restore::Finished& finished);

}  // namespace walkback::drill
