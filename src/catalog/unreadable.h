// One damaged or locked object must not hide all others from a reader who only looks.
//
// Who removes things must not look away: prune and its like give no OnUnreadable, and fail.
#pragma once

#include <functional>

#include "base/result.h"

namespace walkback::catalog {

// Is told of each object that is left out; its error names the object.
using OnUnreadable = std::function<void(const Error&)>;

// What is of the object itself or of who may read it, as opposed to a repository that does not
// answer.
inline bool is_unreadable(const Error& error) {
  return error.kind == ErrorKind::kCorrupt || error.kind == ErrorKind::kDenied ||
         error.kind == ErrorKind::kUnsupported;
}

// Nothing when the object's error was told; the error itself when nobody listens, or when it is the
// repository that does not answer.
template <typename T>
Result<std::optional<T>> or_left_out(Result<T> object, const OnUnreadable& unreadable) {
  if (object.ok()) return std::optional<T>(std::move(object).value());
  if (!unreadable || !is_unreadable(object.error())) return std::move(object).error();
  unreadable(object.error());
  return std::optional<T>();
}

}  // namespace walkback::catalog
