#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace walkback {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr,
               "error: an internal assumption does not hold: %s (%s:%d)\n"
               "hint: nothing was acknowledged after this point; please report it with this line\n",
               condition, file, line);
  std::abort();
}

void value_is_error(const Error& error) {
  std::fprintf(stderr,
               "error: an internal assumption does not hold: a value was taken for granted: %s\n"
               "hint: nothing was acknowledged after this point; please report it with this line\n",
               error.message.c_str());
  std::abort();
}

std::string_view error_kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kTransient:
      return "transient";
    case ErrorKind::kCorrupt:
      return "corrupt";
    case ErrorKind::kMissing:
      return "missing";
    case ErrorKind::kDenied:
      return "denied";
    case ErrorKind::kInvalid:
      return "invalid";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kNoSpace:
      return "no_space";
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kIo:
      return "io";
  }
  return "io";
}

Error Error::with_context(std::string_view context) && {
  message = std::string(context) + ": " + message;
  return std::move(*this);
}

Error Error::with_hint(std::string_view text) && {
  if (hint.empty()) hint = text;
  return std::move(*this);
}

Error make_error(ErrorKind kind, std::string message, std::string hint) {
  return Error{kind, std::move(message), std::move(hint)};
}

namespace {

ErrorKind kind_of_errno(int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::kMissing;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::kDenied;
    case ENOSPC:
    case EDQUOT:
      return ErrorKind::kNoSpace;
    case EEXIST:
    case ENOTEMPTY:
      return ErrorKind::kConflict;
    case EINVAL:
    case ENAMETOOLONG:
    case EISDIR:
      return ErrorKind::kInvalid;
    case EAGAIN:
    case EINTR:
    case EMFILE:
    case ENFILE:
      return ErrorKind::kTransient;
    default:
      return ErrorKind::kIo;
  }
}

}  // namespace

Error errno_error(int errno_value, std::string_view what) {
  return make_error(kind_of_errno(errno_value),
                    std::string(what) + ": " + std::generic_category().message(errno_value));
}

}  // namespace walkback
