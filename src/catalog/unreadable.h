// One damaged or locked object must not hide all others from a reader who only looks.
//
// Who removes things must not look away: prune and its like give no OnUnreadable, and fail.
#pragma once

#include <functional>

#include "base/result.h"

namespace walkback::catalog {

// Is told of each object that is left out; its error names the object.
using OnUnreadable = std::function<void(const Error&)>;

// Nothing when the object's error was told; the error itself when nobody listens, or when it is the
// repository that does not answer.
template <typename T>
Result<std::optional<T>> or_left_out(Result<T> object, const OnUnreadable& unreadable) {
  if (object.ok()) return std::optional<T>(std::move(object).value());
  const ErrorKind kind = object.error().kind;
  const bool of_the_object =
      kind == ErrorKind::kCorrupt || kind == ErrorKind::kDenied || kind == ErrorKind::kUnsupported;
  if (!unreadable || !of_the_object) return std::move(object).error();
  unreadable(object.error());
  return std::optional<T>();
}

}  // namespace walkback::catalog
