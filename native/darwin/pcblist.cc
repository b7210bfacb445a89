#include "darwin/pcblist.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "darwin/pcblist_layout.h"

namespace oximy {
namespace {

/** A record that is shorter than the known layout (an older system) is padded with zeros. */
template <typename T>
T ReadRecord(const uint8_t* record, size_t length) {
  T value{};
  std::memcpy(&value, record, std::min(length, sizeof value));
  return value;
}

Endpoint ReadEndpoint(uint8_t vflag, const uint8_t (&address)[16], uint16_t port) {
  return vflag & xnu::kIPv4 ? FromIPv4(address + 12, ntohs(port)) : FromIPv6(address, ntohs(port));
}

TcpSocket ReadInPcb(const xnu::xinpcb_n& pcb) {
  TcpSocket socket;
  socket.tuple.local = ReadEndpoint(pcb.inp_vflag, pcb.inp_laddr, pcb.inp_lport);
  socket.tuple.remote = ReadEndpoint(pcb.inp_vflag, pcb.inp_faddr, pcb.inp_fport);
  return socket;
}

}  // namespace

std::vector<TcpSocket> ParsePcbList(const uint8_t* data, size_t size) {
  std::vector<TcpSocket> sockets;
  if (size < sizeof(xnu::xinpgen)) return sockets;
  size_t position = std::max<size_t>(ReadRecord<xnu::xinpgen>(data, size).xig_len, sizeof(xnu::xinpgen));
  bool in_connection = false;
  while (position < size && size - position >= sizeof(xnu::xgen_n)) {
    const uint8_t* record = data + position;
    const auto head = ReadRecord<xnu::xgen_n>(record, sizeof(xnu::xgen_n));
    // The list ends with another xinpgen, which is shorter than any relevant record.
    if (head.xgn_len <= sizeof(xnu::xinpgen) || head.xgn_len > size - position) break;
    if (head.xgn_kind == xnu::kKindInPcb) {
      sockets.push_back(ReadInPcb(ReadRecord<xnu::xinpcb_n>(record, head.xgn_len)));
      in_connection = true;
    } else if (head.xgn_kind == xnu::kKindSocket && in_connection) {
      const auto socket = ReadRecord<xnu::xsocket_n>(record, head.xgn_len);
      sockets.back().uid = socket.so_uid;
      sockets.back().last_pid = socket.so_last_pid;
      sockets.back().effective_pid = socket.so_e_pid;
    } else if (head.xgn_kind == xnu::kKindTcpPcb && in_connection && head.xgn_len >= sizeof(xnu::xtcpcb_n)) {
      sockets.back().state = ReadRecord<xnu::xtcpcb_n>(record, head.xgn_len).t_state;
    }
    position += (static_cast<size_t>(head.xgn_len) + 7) & ~size_t{7};
  }
  return sockets;
}

std::optional<Endpoint> DestinationOfClient(const std::vector<TcpSocket>& sockets, const Endpoint& client,
                                            const Endpoint& listener) {
  std::optional<Endpoint> destination;
  for (const auto& socket : sockets) {
    if (!(socket.tuple.local == client) || socket.state == xnu::kClosed || socket.state == xnu::kTimeWait) continue;
    if (destination) return std::nullopt;
    destination = socket.tuple.remote;
  }
  return destination && !(*destination == listener) ? destination : std::nullopt;
}

}  // namespace oximy
