// Failure as a value.
//
// A function that can fail returns Result<T>: a T, or an Error that says what the caller can do
// about it. "Not there", where that is an answer and not a failure, is an std::optional inside the
// Result. Nothing here is shared between threads; a Result is as thread-compatible as its T.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace walkback {

// What the caller can do, not where it came from.
enum class ErrorKind {
  kTransient,    // the same call may succeed later: a busy server, a broken connection
  kCorrupt,      // bytes are not what they claim to be
  kMissing,      // a thing that must exist does not
  kDenied,       // permissions or credentials
  kInvalid,      // the caller's input or configuration is wrong
  kUnsupported,  // understood, but not something this program or server can do
  kConflict,     // something else is already there: other bytes, a running server, a used directory
  kNoSpace,      // the disk or quota is full
  kCancelled,    // asked to stop, by the user or by another failure in the same group
  kIo,           // the operating system reported a failure that none of the above describes
};

// The stable, lower-case name used in JSON: "transient", "no_space", ...
std::string_view error_kind_name(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kIo;
  std::string message;  // what happened, one line, no trailing full stop
  std::string hint;     // what to do about it; empty when a caller further up knows better

  // "reading base/5/1259: Input/output error": context is added on the way up.
  Error with_context(std::string_view context) &&;
  // Sets the hint unless a callee, which knows more, already gave one.
  Error with_hint(std::string_view text) &&;
};

Error make_error(ErrorKind kind, std::string message, std::string hint = {});

// Where a value was taken for granted: stops the program.
[[noreturn]] void value_is_error(const Error& error);

// The error for the calling thread's `errno_value`, e.g. "opening /x: Permission denied".
Error errno_error(int errno_value, std::string_view what);

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // An error here stops the program, and is said.
  T& value() & {
    if (!ok()) value_is_error(error());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    if (!ok()) value_is_error(error());
    return *std::get_if<0>(&state_);
  }
  T value() && {
    if (!ok()) value_is_error(*std::get_if<1>(&state_));
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    CHECK(!ok());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    CHECK(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() const {
    if (!ok()) value_is_error(*error_);
  }

  const Error& error() const& {
    CHECK(!ok());
    return *error_;
  }
  Error&& error() && {
    CHECK(!ok());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

// `Result<void>` reads better as a success value.
inline Result<void> success() { return {}; }

// The value of `expression`, or return its error to our caller:
//   auto segment = TRY(archive.get(name));
//   TRY(file->sync());
#define TRY(expression) WALKBACK_TRY_AS(WALKBACK_TRY_NAME(__COUNTER__), expression, )

// As TRY, with context in front of the message.
#define TRY_CONTEXT(expression, context) \
  WALKBACK_TRY_AS(WALKBACK_TRY_NAME(__COUNTER__), expression, .with_context(context))

// Each use has a name of its own, so that one TRY may stand inside another.
#define WALKBACK_TRY_NAME(number) WALKBACK_TRY_CONCAT(try_result_, number)
#define WALKBACK_TRY_CONCAT(a, b) a##b
#define WALKBACK_TRY_AS(result, expression, add_context)            \
  __extension__({                                                   \
    auto&& result = (expression);                                   \
    if (!result.ok()) return std::move(result).error() add_context; \
    std::move(result).value();                                      \
  })

}  // namespace walkback
