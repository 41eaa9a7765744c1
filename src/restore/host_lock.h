// A name that one process of this host holds at a time.
//
// An abstract Unix socket (unix(7)), bound and never used: whoever holds it, it ends with the
// process, however that ends; no file stays behind, and no directory must be writable. It is seen
// within one network namespace, as ports are. Linux only.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace walkback::restore {

class HostLock {
 public:
  // Nothing when it is held, by this process or another.
  static Result<std::optional<HostLock>> take(std::string_view name);

  HostLock(HostLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  HostLock& operator=(HostLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  HostLock(const HostLock&) = delete;
  HostLock& operator=(const HostLock&) = delete;
  ~HostLock();

 private:
  explicit HostLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace walkback::restore
