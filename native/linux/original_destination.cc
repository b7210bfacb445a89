#include "original_destination.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "implementation.h"

namespace oximy {

const char* const kImplementation = "linux";

namespace {

// <linux/netfilter_ipv4.h> and <linux/netfilter_ipv6/ip6_tables.h>; those headers clash with <netinet/in.h>.
constexpr int kSoOriginalDst = 80;
constexpr int kIp6tSoOriginalDst = 80;

}  // namespace

// A dual-stack listener accepts IPv4 clients on an AF_INET6 socket, and conntrack supports only the option of the
// packets' family. The other one fails with ENOENT, so both are tried.
std::optional<Endpoint> OriginalDestination(int fd) {
  sockaddr_in v4{};
  socklen_t length = sizeof v4;
  if (getsockopt(fd, SOL_IP, kSoOriginalDst, &v4, &length) == 0 && v4.sin_family == AF_INET) {
    return FromIPv4(reinterpret_cast<const uint8_t*>(&v4.sin_addr), ntohs(v4.sin_port));
  }
  sockaddr_in6 v6{};
  length = sizeof v6;
  if (getsockopt(fd, SOL_IPV6, kIp6tSoOriginalDst, &v6, &length) == 0 && v6.sin6_family == AF_INET6) {
    return FromIPv6(reinterpret_cast<const uint8_t*>(&v6.sin6_addr), ntohs(v6.sin6_port));
  }
  return std::nullopt;
}

}  // namespace oximy
