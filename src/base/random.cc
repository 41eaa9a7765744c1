#include "base/random.h"

#include <sys/random.h>

#include <cerrno>

#include "base/check.h"

namespace walkback {
namespace {

class SystemRandom final : public Random {
 public:
  void fill(MutableBytes out) override {
    while (!out.empty()) {
      ssize_t got = ::getrandom(out.data(), out.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      // Names and keys that could be guessed or could collide are worse than stopping.
      CHECK(got > 0);
      out = out.subspan(static_cast<size_t>(got));
    }
  }
};

}  // namespace

uint64_t Random::next_u64() {
  uint64_t value = 0;
  fill(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

std::string Random::hex(size_t bytes) {
  Bytes random(bytes);
  fill(random);
  return to_hex(random);
}

Random& system_random() {
  static auto& random = *new SystemRandom;
  return random;
}

}  // namespace walkback
