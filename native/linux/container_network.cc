#include "linux/container_network.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <thread>
#include <variant>

#include "linux/errno_text.h"
#include "linux/netlink_reports.h"
#include "linux/route_watch.h"
#include "linux/sock_diag_message.h"

namespace oximy {
namespace {

// Of <linux/in.h> and <linux/in6.h>, which clash with those of libc.
constexpr int kIpFreebind = 15;
constexpr int kIpv6Freebind = 78;
constexpr int kBacklog = 4096;
constexpr int kPortTries = 16;

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
  if (!four) return ErrnoText("no listener");
  listens_on_six = static_cast<bool>(six);
  diag = UniqueFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!diag) return ErrnoText("no netlink");
  watch = UniqueFd(OpenNetfilter(0, 1U << (NFNLGRP_NFTABLES - 1)));
  keep = UniqueFd(OpenNetfilter(addresses.keep()));
  routes = UniqueFd(OpenRouteWatch());
  if (!watch || !keep || !routes) return ErrnoText("no netlink");
  return {};
}

bool ContainerNetwork::IsChangedByOthers() const {
  bool is_others = false;
  const bool overflowed = TakeNetlinkReports(watch.get(), [&](const nlmsghdr& header) {
    is_others = !addresses.Has(header.nlmsg_pid);
    return !is_others;
  });
  return is_others || overflowed;
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
