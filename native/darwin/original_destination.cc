#include "original_destination.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "darwin/socket_table.h"
#include "implementation.h"

namespace oximy {

const char* const kImplementation = "darwin";

namespace {

using NameOfSocket = int (*)(int, sockaddr*, socklen_t*);

std::optional<Endpoint> ReadName(NameOfSocket read, int fd) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (read(fd, reinterpret_cast<sockaddr*>(&name), &length) != 0) return std::nullopt;
  if (name.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
    return FromIPv4(reinterpret_cast<const uint8_t*>(&v4.sin_addr), ntohs(v4.sin_port));
  }
  if (name.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    return FromIPv6(reinterpret_cast<const uint8_t*>(&v6.sin6_addr), ntohs(v6.sin6_port));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Endpoint> OriginalDestination(int fd) {
  const auto client = ReadName(getpeername, fd);
  const auto listener = ReadName(getsockname, fd);
  if (!client || !listener) return std::nullopt;
  // pf itself has a query for it (DIOCNATLOOK), but for root only, which this process is not.
  const auto sockets = ReadSocketTable();
  return sockets ? DestinationOfClient(*sockets, *client, *listener) : std::nullopt;
}

}  // namespace oximy
