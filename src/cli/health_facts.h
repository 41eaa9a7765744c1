// What `status` and `metrics` look at, and what the configuration says of limits.
#pragma once

#include "cli/session.h"
#include "config/config.h"
#include "health/facts.h"
#include "health/limits.h"

namespace walkback::cli {

health::Limits health_limits(const config::Config& config);
// What is stored by class: a listing of everything, which a bucket is paid for. Asked for again
// when it is an hour old.
class StoredByClass {
 public:
  // To facts of a repository that answers: one that does not was waited for once. Nothing when it
  // cannot be listed now and never was.
  void add_to(health::Facts& facts, const config::Config& config, Session& session);

 private:
  void look(const config::Config& config, Session& session);

  std::optional<catalog::StoredObjects> stored_;
  std::chrono::nanoseconds listed_{0};
};

// What cannot be seen is one of the facts. Tells nobody.
health::Facts health_facts(const config::Config& config, const health::Limits& limits,
                           Session& session);

}  // namespace walkback::cli
