#include "base/progress.h"

namespace walkback {
namespace {

class SilentProgress final : public Progress {
 public:
  void begin(std::string_view, uint64_t) override {}
  void add_bytes(uint64_t) override {}
  void detail(std::string_view) override {}
  void note(std::string_view) override {}
};

}  // namespace

Progress& silent_progress() {
  static auto& progress = *new SilentProgress;
  return progress;
}

}  // namespace walkback
