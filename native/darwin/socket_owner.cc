#include "socket_owner.h"

#include <arpa/inet.h>
#include <libproc.h>
#include <sys/proc_info.h>

#include <cstddef>
#include <vector>

#include "darwin/socket_table.h"

namespace oximy {
namespace {

// <sys/proc_info.h> is in the SDK, but may change with it; the fields read here must keep their offsets.
static_assert(sizeof(proc_fdinfo) == 8);
static_assert(offsetof(socket_fdinfo, psi) == 24);
static_assert(sizeof(in_sockinfo) == 80);
static_assert(offsetof(in_sockinfo, insi_vflag) == 24);
static_assert(offsetof(in_sockinfo, insi_faddr) == 32);
static_assert(offsetof(in_sockinfo, insi_laddr) == 48);
static_assert(sizeof(socket_fdinfo) == 792);

template <typename Address>
Endpoint ReadEndpoint(uint8_t vflag, const Address& address, int port) {
  const uint16_t host_port = ntohs(static_cast<uint16_t>(port));
  return vflag & INI_IPV4 ? FromIPv4(reinterpret_cast<const uint8_t*>(&address.ina_46.i46a_addr4), host_port)
                          : FromIPv6(reinterpret_cast<const uint8_t*>(&address.ina_6), host_port);
}

bool HoldsSocket(int pid, const SocketTuple& tuple) {
  const int size = proc_pidinfo(pid, PROC_PIDLISTFDS, 0, nullptr, 0);
  if (size <= 0) return false;
  std::vector<proc_fdinfo> descriptors(static_cast<size_t>(size) / sizeof(proc_fdinfo) + 16);
  const int used = proc_pidinfo(pid, PROC_PIDLISTFDS, 0, descriptors.data(),
                                static_cast<int>(descriptors.size() * sizeof(proc_fdinfo)));
  if (used <= 0) return false;
  descriptors.resize(static_cast<size_t>(used) / sizeof(proc_fdinfo));
  for (const auto& descriptor : descriptors) {
    if (descriptor.proc_fdtype != PROX_FDTYPE_SOCKET) continue;
    socket_fdinfo info{};
    if (proc_pidfdinfo(pid, descriptor.proc_fd, PROC_PIDFDSOCKETINFO, &info, sizeof info) != sizeof info) continue;
    if (info.psi.soi_kind != SOCKINFO_TCP) continue;
    const in_sockinfo& in = info.psi.soi_proto.pri_tcp.tcpsi_ini;
    if (ReadEndpoint(in.insi_vflag, in.insi_laddr, in.insi_lport) == tuple.local &&
        ReadEndpoint(in.insi_vflag, in.insi_faddr, in.insi_fport) == tuple.remote) {
      return true;
    }
  }
  return false;
}

/** Fallback: every descriptor of every process that we may inspect. Takes milliseconds instead of microseconds. */
std::optional<int> FindByDescriptors(const SocketTuple& tuple) {
  const int size = proc_listpids(PROC_ALL_PIDS, 0, nullptr, 0);
  if (size <= 0) return std::nullopt;
  std::vector<pid_t> pids(static_cast<size_t>(size) / sizeof(pid_t) + 64);
  const int used = proc_listpids(PROC_ALL_PIDS, 0, pids.data(), static_cast<int>(pids.size() * sizeof(pid_t)));
  if (used <= 0) return std::nullopt;
  pids.resize(static_cast<size_t>(used) / sizeof(pid_t));
  for (const pid_t pid : pids) {
    if (pid > 0 && HoldsSocket(pid, tuple)) return pid;
  }
  return std::nullopt;
}

}  // namespace

std::optional<SocketOwner> FindSocketOwner(const SocketTuple& tuple) {
  SocketOwner owner;
  if (const auto sockets = ReadSocketTable()) {
    for (const auto& socket : *sockets) {
      if (!(socket.tuple == tuple)) continue;
      owner.uid = socket.uid;
      if (socket.pid() > 0) owner.pid = socket.pid();
      if (owner.pid) return owner;
    }
    // The table is complete: a tuple that is missing from it has no owner.
    if (!owner.uid) return std::nullopt;
  }
  owner.pid = FindByDescriptors(tuple);
  return owner.pid || owner.uid ? std::optional<SocketOwner>(owner) : std::nullopt;
}

}  // namespace oximy
