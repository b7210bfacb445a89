#include "front_listener.h"

#include <netinet/in.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace oximy {
namespace {

/** Attempts to find one free port for all addresses. */
constexpr int kPortTries = 32;
constexpr int kBacklog = 4096;

/** An open socket, or errno. */
int OpenListener(const Endpoint& at, Descriptor& socket) {
  const int family = at.family == Endpoint::Family::kIPv4 ? AF_INET : AF_INET6;
  socket.Reset(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return errno;
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  const SocketAddress address(at);
  const bool open = bind(socket.get(), address.get(), address.length) == 0 && listen(socket.get(), kBacklog) == 0;
  return open ? 0 : errno;
}

bool Absent(int error) { return error == EADDRNOTAVAIL || error == EAFNOSUPPORT; }

}  // namespace

std::vector<ListeningSocket> ListenAt(const std::vector<Endpoint>& addresses) {
  int error = EADDRNOTAVAIL;
  for (int tries = 0; tries < kPortTries; tries++) {
    std::vector<ListeningSocket> listening;
    uint16_t free_port = 0;
    bool again = false;
    for (Endpoint at : addresses) {
      const bool any_port = at.port == 0;
      if (any_port) at.port = free_port;
      Descriptor socket;
      const int failed = OpenListener(at, socket);
      if (failed == 0) {
        const Endpoint bound = LocalEndpoint(socket.get());
        if (any_port) free_port = bound.port;
        listening.push_back({std::move(socket), bound});
      } else if (!Absent(failed)) {
        error = failed;
        again = any_port && free_port != 0 && failed == EADDRINUSE;
        if (!again) throw std::system_error(failed, std::generic_category(), FormatAddress(at));
        break;
      }
    }
    if (again) continue;
    if (listening.empty()) break;
    return listening;
  }
  throw std::system_error(error, std::generic_category(), "no address to listen at");
}

}  // namespace oximy
