// Times as HTTP headers write them: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace walkback::net {

// Nothing for any other form: the two obsolete ones are not sent by anything we talk to.
std::optional<Timestamp> parse_http_date(std::string_view text);

// A Retry-After header: seconds, or a date from which `now` is taken. Never negative.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, Timestamp now);

}  // namespace walkback::net
