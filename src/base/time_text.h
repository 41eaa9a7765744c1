// Times as our own JSON and messages write them: ISO 8601, UTC, at most microseconds.
//
// What a user types as a recovery target has many more forms and is read elsewhere.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace walkback {

// "2026-11-22T15:46:59.123456Z"; without the fraction when it is zero. Years outside 0000 to 9999
// carry a sign ("+10000-01-01T00:00:00Z"), so every Timestamp has a text and parse_iso_utc() reads
// it back.
std::string to_iso_utc(Timestamp time);

// Reads what to_iso_utc() writes (one to six digits of fraction); anything else is kInvalid.
Result<Timestamp> parse_iso_utc(std::string_view text);

}  // namespace walkback
