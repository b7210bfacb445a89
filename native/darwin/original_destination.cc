#include "original_destination.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "darwin/natlook.h"
#include "darwin/socket_table.h"
#include "implementation.h"
#include "unique_fd.h"

namespace oximy {

const char* const kImplementation = "darwin";

namespace {

static_assert(_IOWR('D', 23, xnu::pfioc_natlook) == xnu::kDiocNatLook);

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

/** Asks pf, as root. Out first: the connection left this machine before it was bent to the loopback. */
std::optional<Endpoint> AskPf(const Endpoint& client, const Endpoint& listener) {
  static const UniqueFd pf(open("/dev/pf", O_RDONLY | O_CLOEXEC));
  if (!pf) return std::nullopt;
  for (const auto direction : {PfDirection::kOut, PfDirection::kIn}) {
    auto question = BuildNatLook(client, listener, direction);
    if (ioctl(pf.get(), xnu::kDiocNatLook, &question) == 0) return ReadNatLook(question);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Endpoint> OriginalDestination(int fd) {
  const auto client = ReadName(getpeername, fd);
  const auto listener = ReadName(getsockname, fd);
  if (!client || !listener) return std::nullopt;
  if (const auto sockets = ReadSocketTable()) {
    if (const auto destination = DestinationOfClient(*sockets, *client, *listener)) return destination;
  }
  const auto destination = AskPf(*client, *listener);
  return destination && !(*destination == *listener) ? destination : std::nullopt;
}

}  // namespace oximy
