// How a service tells whoever is watching how far it is. Services call it; the front draws it.
#pragma once

#include <cstdint>
#include <string_view>

namespace walkback {

// Thread-safe; calls must return quickly.
class Progress {
 public:
  virtual ~Progress() = default;
  // A new step begins: "copying files". `total_bytes` is 0 when it is not known.
  virtual void begin(std::string_view step, uint64_t total_bytes) = 0;
  virtual void add_bytes(uint64_t bytes) = 0;
  // What is known better now ("replaying WAL, at 2026-11-22 15:46:59"); replaces the last detail.
  virtual void detail(std::string_view text) = 0;
  // A line that stays: "2 pages fail their checksum, see ...".
  virtual void note(std::string_view line) = 0;
};

// Says nothing. Lives for the whole program.
Progress& silent_progress();

}  // namespace walkback
