#include "front_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

namespace oximy {

SocketAddress::SocketAddress(const Endpoint& endpoint) {
  if (endpoint.family == Endpoint::Family::kIPv4) {
    auto* in = reinterpret_cast<sockaddr_in*>(&storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(endpoint.port);
    std::copy_n(endpoint.address.begin(), 4, reinterpret_cast<uint8_t*>(&in->sin_addr));
    length = sizeof *in;
  } else {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&storage);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(endpoint.port);
    std::copy_n(endpoint.address.begin(), 16, in6->sin6_addr.s6_addr);
    length = sizeof *in6;
  }
}

Endpoint SocketAddress::ToEndpoint() const {
  if (storage.ss_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&storage);
    return FromIPv4(reinterpret_cast<const uint8_t*>(&in->sin_addr), ntohs(in->sin_port));
  }
  const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&storage);
  return FromIPv6(in6->sin6_addr.s6_addr, ntohs(in6->sin6_port));
}

Endpoint LocalEndpoint(int fd) {
  SocketAddress address;
  address.length = sizeof address.storage;
  getsockname(fd, address.get(), &address.length);
  return address.ToEndpoint();
}

void CloseWillReset(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace oximy
