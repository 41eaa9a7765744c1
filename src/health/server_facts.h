// What a running server says of itself.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "health/facts.h"
#include "pgconn/connection.h"

namespace walkback::health {

// Sets a statement_timeout: a server that hangs must not keep whoever asks how it is.
// ArchiverFacts::archives_elsewhere is left for who knows the repository.
Result<ServerFacts> read_server(pgconn::Connection& connection, Clock& clock);

}  // namespace walkback::health
