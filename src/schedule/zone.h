// The clocks of a time zone: what they show when. Read from the system's tzdata; the process's own
// zone is neither asked nor changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"

namespace walkback::schedule {

// Seconds since 1970-01-01 00:00:00, of UTC or as the zone's calendar counts them.
using UtcSeconds = int64_t;
using LocalSeconds = int64_t;

// Cheap to copy; thread-safe.
class Zone {
 public:
  // "Europe/Berlin", "UTC": a file below /usr/share/zoneinfo. kInvalid for a name that is none,
  // kMissing when the system has no zones at all.
  static Result<Zone> find(FileSystem& files, std::string_view name);
  // A TZif file (RFC 8536) of version 2 or later, without leap seconds. kCorrupt for other bytes.
  static Result<Zone> parse(std::string_view name, ByteView file);

  const std::string& name() const { return name_; }

  int64_t offset_at(UtcSeconds time) const;  // seconds east of UTC
  // Where no clock changes from `from` until `to`.
  std::optional<int64_t> steady_offset(UtcSeconds from, UtcSeconds to) const;

  struct Instants {
    std::vector<UtcSeconds> at;  // in order; two where the time comes twice, none in a gap
    UtcSeconds gap_end = 0;      // where there is none
  };
  // When clocks show `local`.
  Instants instants_of(LocalSeconds local) const;

 private:
  struct Span {
    UtcSeconds begin = 0;  // up to the next one's
    int64_t offset_s = 0;
  };
  using Spans = std::vector<Span>;  // the first begins before all times
  friend class ZoneReader;
  Zone(std::string name, Spans spans)
      : name_(std::move(name)), spans_(std::make_shared<const Spans>(std::move(spans))) {}
  size_t span_at(UtcSeconds time) const;
  UtcSeconds end_of(size_t span) const;

  std::string name_;
  std::shared_ptr<const Spans> spans_;
};

}  // namespace walkback::schedule
