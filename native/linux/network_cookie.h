#pragma once

#include <sys/socket.h>

#include <cstdint>

#include "unique_fd.h"

namespace oximy {

/** SO_NETNS_COOKIE of the network namespace that the calling thread is in; 0 before Linux 5.14, with errno. */
inline uint64_t NetworkCookie() {
  constexpr int kSoNetnsCookie = 71;  // <asm-generic/socket.h>
  const UniqueFd any(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  return getsockopt(any.get(), SOL_SOCKET, kSoNetnsCookie, &cookie, &length) == 0 ? cookie : 0;
}

}  // namespace oximy
