// Facts, from wherever they are. What cannot be seen is an error among them and stops nothing: a
// server that is down, or a repository that does not answer, is what health is asked about.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "catalog/names.h"
#include "health/facts.h"
#include "health/limits.h"
#include "pgconn/connection.h"
#include "store/object_store.h"

namespace walkback::health {

struct Subject {
  std::string cluster;
  std::string pgdata;  // empty: PostgreSQL is not looked at
};

// All but `files` and `clock` may be empty.
struct Sources {
  FileSystem& files;
  Clock& clock;
  std::function<Result<std::unique_ptr<pgconn::Connection>>()> connect;
  std::function<Result<store::ObjectStore*>()> repository;
  std::function<Looked<KeyFacts>()> keys;
  std::function<std::optional<catalog::Names>()> live_names;
  // Asked last, when the store has answered.
  std::function<std::optional<std::chrono::seconds>()> store_ahead;
};

// Facts::places are the caller's.
Facts gather(const Subject& subject, const Limits& limits, const Sources& sources,
             std::stop_token stop);

}  // namespace walkback::health
