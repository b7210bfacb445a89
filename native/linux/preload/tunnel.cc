/**
 * oximy-preload.so, which `oximy run` preloads (LD_PRELOAD, ld.so(8)) into its command and all child processes: TCP
 * connections to port 443 go through the proxy of the run, including those of programs that ignore proxy variables.
 * The program gets a connected socket and talks to its server through it, in its own TLS session.
 *
 * The variables keep their meaning: a process that was given another proxy, or none, is left alone, and so is one with
 * NO_PROXY=*. If anything fails here, the connection is made as the program requested it.
 *
 * It runs in processes of any kind, so it has no dependencies: no C++ runtime, no heap, no threads, and from the C
 * library only functions that both glibc and musl have (it links against neither, and works with both).
 */
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cerrno>

#include <cstddef>
#include <cstdint>

#include "linux/preload/program.h"
#include "linux/preload/text.h"

namespace {

using oximy::preload::Text;

constexpr in_port_t kHttps = 443;
/** The proxy is on this machine and answers before it connects. A program's event loop is blocked meanwhile. */
constexpr int kConnectMs = 1000, kAnswerMs = 3000;
constexpr int kKnownSockets = 4096;

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

/** The address given by the program; `any.sa_family` is AF_UNSPEC unless it is a complete IPv4 or IPv6 address. */
Address AddressOf(const sockaddr* to, socklen_t length) {
  Address address{};
  if (to == nullptr) return address;
  if (to->sa_family == AF_INET && length >= sizeof address.v4) {
    address.v4 = *reinterpret_cast<const sockaddr_in*>(to);
  } else if (to->sa_family == AF_INET6 && length >= sizeof address.v6) {
    address.v6 = *reinterpret_cast<const sockaddr_in6*>(to);
  }
  return address;
}

/** The original destination of the socket with this descriptor, for getpeername(2); `any.sa_family` 0 if direct. */
Address destinations[kKnownSockets];

template <typename Function>
Function* Next(const char* name) {
  return dlsym == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int NextConnect(int fd, const sockaddr* to, socklen_t length) {
  static auto* const next = Next<int(int, const sockaddr*, socklen_t)>("connect");
  if (next != nullptr) return next(fd, to, length);
  return static_cast<int>(syscall(SYS_connect, fd, to, length));
}

int NextPeerName(int fd, sockaddr* peer, socklen_t* length) {
  static auto* const next = Next<int(int, sockaddr*, socklen_t*)>("getpeername");
  if (next != nullptr) return next(fd, peer, length);
  return static_cast<int>(syscall(SYS_getpeername, fd, peer, length));
}

bool IsSame(const char* one, const char* other) {
  while (*one != 0 && *one == *other) one++, other++;
  return *one == *other;
}

/** The value of a variable in its upper-case or else lower-case form. */
const char* Either(const char* upper, const char* lower) {
  const char* value = getenv(upper);
  return value != nullptr && *value != 0 ? value : getenv(lower);
}

/** The port in `PREFIX` PORT, in network order; 0 where the URL has another form. */
in_port_t PortAfter(const char* prefix, const char* url) {
  if (url == nullptr) return 0;
  for (; *prefix != 0; prefix++, url++) {
    if (*url != *prefix) return 0;
  }
  uint32_t port = 0;
  for (; *url >= '0' && *url <= '9' && port <= UINT16_MAX; url++) port = port * 10 + static_cast<uint32_t>(*url - '0');
  return *url == 0 && port <= UINT16_MAX ? htons(static_cast<uint16_t>(port)) : 0;
}

/** Whether this process is captured: it still has the run's proxy, and no variable makes it connect directly. */
bool IsCaptured() {
  const char* const proxy = getenv("OXIMY_RUN_PROXY");
  const char* const chosen = Either("HTTPS_PROXY", "https_proxy");
  if (proxy == nullptr || chosen == nullptr || !IsSame(proxy, chosen)) return false;
  const char* const exempt = Either("NO_PROXY", "no_proxy");
  return exempt == nullptr || !IsSame(exempt, "*");
}

/**
 * The run's proxy in the address family of `to`, port 0 where it has none. IPv6 has a listener of its own: an IPv6
 * socket once connected to an IPv4 address can never connect to IPv6 again (Linux, tcp_v6_connect), and it may have to.
 */
Address ProxyLike(const Address& to) {
  Address proxy{};
  proxy.any.sa_family = to.any.sa_family;
  if (to.any.sa_family == AF_INET) {
    proxy.v4.sin_port = PortAfter("http://127.0.0.1:", getenv("OXIMY_RUN_PROXY"));
    proxy.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else if (IN6_IS_ADDR_V4MAPPED(&to.v6.sin6_addr)) {
    proxy.v6.sin6_port = PortAfter("http://127.0.0.1:", getenv("OXIMY_RUN_PROXY"));
    proxy.v6.sin6_addr.s6_addr[10] = proxy.v6.sin6_addr.s6_addr[11] = 0xff;
    proxy.v6.sin6_addr.s6_addr32[3] = htonl(INADDR_LOOPBACK);
  } else {
    proxy.v6.sin6_port = PortAfter("http://[::1]:", getenv("OXIMY_RUN_PROXY_V6"));
    proxy.v6.sin6_addr.s6_addr[15] = 1;
  }
  return proxy;
}

in_port_t PortOf(const Address& address) {
  return address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port;
}

bool IsForeignV4(in_addr_t address) {
  const uint32_t host = ntohl(address);
  return host >> 24 != 127 && host != INADDR_ANY;
}

/** Whether a connection to it leaves this machine for an HTTPS server, at an address that CONNECT can name. */
bool IsHttpsElsewhere(const Address& to) {
  if (to.any.sa_family == AF_UNSPEC || PortOf(to) != htons(kHttps)) return false;
  if (to.any.sa_family == AF_INET) return IsForeignV4(to.v4.sin_addr.s_addr);
  const in6_addr& v6 = to.v6.sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return IsForeignV4(v6.s6_addr32[3]);
  return !IN6_IS_ADDR_LOOPBACK(&v6) && !IN6_IS_ADDR_UNSPECIFIED(&v6) && !IN6_IS_ADDR_LINKLOCAL(&v6);
}

bool IsTcp(int fd) {
  int protocol = 0;
  socklen_t length = sizeof protocol;
  return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 && protocol == IPPROTO_TCP;
}

int64_t NowMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

bool WaitFor(int fd, short events, int64_t until) {
  while (true) {
    const int64_t left = until - NowMs();
    if (left <= 0) return false;
    pollfd waiting{fd, events, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

/** Bound by the program to an address of its choice: it wants that route and no other. */
bool IsBound(int fd) {
  Address own{};
  socklen_t length = sizeof own;
  if (getsockname(fd, &own.any, &length) != 0) return true;
  if (own.any.sa_family == AF_INET) return own.v4.sin_addr.s_addr != htonl(INADDR_ANY);
  return !IN6_IS_ADDR_UNSPECIFIED(&own.v6.sin6_addr);
}

socklen_t SizeOf(const Address& address) {
  return address.any.sa_family == AF_INET ? sizeof address.v4 : sizeof address.v6;
}

enum class Reached { kYes, kNo, kWasConnected };

Reached Reach(int fd, const Address& proxy) {
  if (NextConnect(fd, &proxy.any, SizeOf(proxy)) == 0) return Reached::kYes;
  if (errno == EISCONN || errno == EALREADY) return Reached::kWasConnected;
  if (errno != EINPROGRESS && errno != EINTR) return Reached::kNo;
  if (!WaitFor(fd, POLLOUT, NowMs() + kConnectMs)) return Reached::kNo;
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0 ? Reached::kYes : Reached::kNo;
}

/** `203.0.113.9:443` or `[2001:db8::9]:443`. */
void AddAuthority(Text& text, const Address& to) {
  if (to.any.sa_family == AF_INET) {
    text.AddV4(to.v4.sin_addr.s_addr);
  } else if (IN6_IS_ADDR_V4MAPPED(&to.v6.sin6_addr)) {
    text.AddV4(to.v6.sin6_addr.s6_addr32[3]);
  } else {
    text.AddV6(to.v6.sin6_addr.s6_addr);
  }
  text.Add(":443");
}

/** Requests the tunnel and reads the proxy's answer off the socket, all of it and nothing beyond. */
bool OpenTunnel(int fd, const Address& to) {
  Text request;
  request.Add("CONNECT ");
  AddAuthority(request, to);
  request.Add(" HTTP/1.1\r\nHost: ");
  AddAuthority(request, to);
  request.Add("\r\n\r\n");
  // The empty buffer of a new socket takes it in one piece.
  if (send(fd, request.bytes(), request.size(), MSG_DONTWAIT | MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return false;
  }
  const int64_t until = NowMs() + kAnswerMs;
  char head[512];
  for (ssize_t seen = 0; WaitFor(fd, POLLIN, until);) {
    const ssize_t got = recv(fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
    if (got <= 0) return false;
    const size_t end = oximy::preload::HeadLength(head, static_cast<size_t>(got));
    if (end > 0) {
      return recv(fd, head, end, MSG_DONTWAIT) == static_cast<ssize_t>(end) && oximy::preload::IsEstablished(head, end);
    }
    if (got == sizeof head || got == seen) return false;
    seen = got;
  }
  return false;
}

/** Turns it back into a socket that was never connected (connect(2), AF_UNSPEC). */
void Disconnect(int fd) {
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  NextConnect(fd, &none, sizeof none);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int connect(int fd, const sockaddr* to, socklen_t length) {
  const bool is_known = fd >= 0 && fd < kKnownSockets;
  if (is_known) destinations[fd].any.sa_family = AF_UNSPEC;
  const Address destination = AddressOf(to, length);
  if (!IsHttpsElsewhere(destination) || !IsTcp(fd) || !IsCaptured()) return NextConnect(fd, to, length);
  const int before = errno;
  const Address proxy = ProxyLike(destination);
  if (PortOf(proxy) != 0 && !IsBound(fd)) {
    const Reached reached = Reach(fd, proxy);
    if (reached == Reached::kYes && OpenTunnel(fd, destination)) {
      if (is_known) destinations[fd] = destination;
      errno = before;
      return 0;
    }
    if (reached != Reached::kWasConnected) Disconnect(fd);
  }
  errno = before;
  return NextConnect(fd, to, length);
}

/** Returns the original destination where the kernel would return the proxy. */
extern "C" __attribute__((visibility("default"))) int getpeername(int fd, sockaddr* peer, socklen_t* length) {
  const socklen_t room = length == nullptr ? 0 : *length;
  const int result = NextPeerName(fd, peer, length);
  if (result != 0 || fd < 0 || fd >= kKnownSockets || destinations[fd].any.sa_family == AF_UNSPEC) return result;
  const Address destination = destinations[fd];
  // The descriptor may belong to another socket by now.
  Address now{};
  socklen_t size = sizeof now;
  if (NextPeerName(fd, &now.any, &size) != 0 || now.any.sa_family != destination.any.sa_family ||
      PortOf(now) != PortOf(ProxyLike(destination))) {
    return result;
  }
  const auto* const bytes = reinterpret_cast<const char*>(&destination);
  for (socklen_t i = 0; i < room && i < SizeOf(destination); i++) reinterpret_cast<char*>(peer)[i] = bytes[i];
  *length = SizeOf(destination);
  return 0;
}
