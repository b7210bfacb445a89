#include "linux/container_network.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <variant>

#include "linux/route_watch.h"
#include "linux/sock_diag_message.h"

namespace oximy {
namespace {

// Of <asm-generic/socket.h>, <linux/in.h> and <linux/in6.h>, which clash with those of libc.
constexpr int kSoNetnsCookie = 71;
constexpr int kIpFreebind = 15;
constexpr int kIpv6Freebind = 78;
constexpr int kBacklog = 4096;
constexpr int kPortTries = 16;
/** Of what is reported of a network's rules at once; the next turn has more. */
constexpr int kMostReports = 32;

/** Listens on loopback, which a new network has not set up yet, at this port or a free one. */
UniqueFd Listen(int family, uint16_t port, uint16_t& bound) {
  UniqueFd listener(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener) return {};
  const int on = 1;
  sockaddr_storage address{};
  socklen_t length;
  if (family == AF_INET) {
    setsockopt(listener.get(), IPPROTO_IP, kIpFreebind, &on, sizeof on);
    auto* four = reinterpret_cast<sockaddr_in*>(&address);
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    length = sizeof *four;
  } else {
    setsockopt(listener.get(), IPPROTO_IPV6, kIpv6Freebind, &on, sizeof on);
    setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    auto* six = reinterpret_cast<sockaddr_in6*>(&address);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    six->sin6_addr = IN6ADDR_LOOPBACK_INIT;
    length = sizeof *six;
  }
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) return {};
  if (listen(listener.get(), kBacklog) != 0) return {};
  socklen_t size = sizeof address;
  if (getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  bound = ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);  // at the same place in both
  return listener;
}

}  // namespace

std::string DescribeError(const char* what, int error) { return std::string(what) + ": " + std::strerror(error); }

uint64_t NetworkCookie() {
  const UniqueFd any(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  return getsockopt(any.get(), SOL_SOCKET, kSoNetnsCookie, &cookie, &length) == 0 ? cookie : 0;
}

bool RunIn(int space, const std::function<void()>& work) {
  bool done = false;
  std::thread([&] {
    if (setns(space, CLONE_NEWNET) != 0) return;
    work();
    done = true;
  }).join();
  return done;
}

std::string ContainerNetwork::OpenSockets() {
  // One port for both families, as the rules name one.
  for (int tries = 0; tries < kPortTries; tries++) {
    four = Listen(AF_INET, 0, port);
    if (!four) break;
    six = Listen(AF_INET6, port, port);
    // Without IPv6 there is none to listen for.
    if (six || errno != EADDRINUSE) break;
    four = UniqueFd();
  }
  if (!four) return DescribeError("no listener", errno);
  listens_on_six = static_cast<bool>(six);
  diag = UniqueFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!diag) return DescribeError("no netlink", errno);
  watch = UniqueFd(OpenNetfilter(0, 1U << (NFNLGRP_NFTABLES - 1)));
  keep = UniqueFd(OpenNetfilter(addresses.keep()));
  routes = UniqueFd(OpenRouteWatch());
  if (!watch || !keep || !routes) return DescribeError("no netlink", errno);
  return {};
}

bool ContainerNetwork::IsChangedByOthers() const {
  for (int i = 0; i < kMostReports; i++) {
    alignas(nlmsghdr) uint8_t report[16384];
    const ssize_t size = recv(watch.get(), report, sizeof report, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == ENOBUFS;
    auto left = static_cast<uint32_t>(size);
    for (auto* header = reinterpret_cast<nlmsghdr*>(report); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (!addresses.Has(header->nlmsg_pid)) return true;
    }
  }
  return false;
}

std::optional<SocketOwner> ContainerNetwork::FindOwner(const SocketTuple& tuple, uint32_t sequence) const {
  if (tuple.local.family != tuple.remote.family) return std::nullopt;
  const auto request = BuildSockDiagRequest(tuple, sequence);
  if (send(diag.get(), &request, sizeof request, 0) != static_cast<ssize_t>(sizeof request)) return std::nullopt;
  for (;;) {
    alignas(nlmsghdr) uint8_t answer[8192];
    const ssize_t size = recv(diag.get(), answer, sizeof answer, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::nullopt;
    const auto result = ParseSockDiagAnswer(answer, static_cast<size_t>(size), tuple, sequence);
    if (const auto* owner = std::get_if<SocketOwner>(&result)) return *owner;
    // The answer to an earlier question; the next one may be ours.
    if (std::get<SockDiagFailure>(result) == SockDiagFailure::kOtherSocket) continue;
    return std::nullopt;
  }
}

}  // namespace oximy
