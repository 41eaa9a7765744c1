#include "restore/host_lock.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/check.h"

namespace walkback::restore {

Result<std::optional<HostLock>> HostLock::take(std::string_view name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A first byte of zero makes it abstract.
  const std::string text = fmt::format("walkback/{}", name);
  CHECK(text.size() < sizeof(address.sun_path));
  std::memcpy(address.sun_path + 1, text.data(), text.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());

  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno_error(errno, "making a socket");
  HostLock lock(fd);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0) {
    return std::optional<HostLock>(std::move(lock));
  }
  if (errno == EADDRINUSE) return std::optional<HostLock>();
  return errno_error(errno, fmt::format("taking the lock {}", name));
}

HostLock::~HostLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace walkback::restore
