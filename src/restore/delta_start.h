// The first writes of `recover --delta`: after them no server starts on the directory, what nobody
// else has is aside, and what does not belong to the backup is gone.
#pragma once

#include "base/file_system.h"
#include "base/result.h"
#include "restore/delta_survey.h"

namespace walkback::restore {

// In an order that may be ended anywhere and begun again: the mark, copies of the configuration,
// then pg_control out of the way, all durable before anything else is touched; then the WAL that is
// kept, durable before anything is removed. kConflict when a server was started meanwhile: its
// pg_control is put back.
Result<void> start_delta(FileSystem& files, const std::string& data_directory,
                         const DeltaSurvey& survey);

}  // namespace walkback::restore
