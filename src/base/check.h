// A broken assumption of ours stops the program, in release builds too: going on could lose data.
#pragma once

namespace walkback {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

#define CHECK(condition)                        \
  (__builtin_expect(!!(condition), 1) ? (void)0 \
                                      : ::walkback::check_failed(#condition, __FILE__, __LINE__))

}  // namespace walkback
