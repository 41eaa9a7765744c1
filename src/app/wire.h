// Which implementation stands behind each interface. Nothing else in the program decides that.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/env.h"
#include "store/object_store.h"

namespace walkback::app {

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
