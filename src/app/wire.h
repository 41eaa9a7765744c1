// Which implementation stands behind each interface. Nothing else in the program decides that.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/env.h"
#include "store/object_store.h"

namespace walkback::app {

// The store that a repository's URL names: file:///path, the path taken as it is written (no
// percent-encoding). kUnsupported, naming what is read, for another scheme; kInvalid for a path
// that is not absolute.
Result<std::unique_ptr<store::ObjectStore>> open_store(const std::string& url);

// The process's own world. One for each process.
class Wiring {
 public:
  Wiring();
  ~Wiring();
  Wiring(const Wiring&) = delete;
  Wiring& operator=(const Wiring&) = delete;

  cli::Env& env();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace walkback::app
