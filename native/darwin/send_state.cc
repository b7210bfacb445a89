#include "send_state.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace oximy {
namespace {

// XNU bsd/netinet/tcp_fsm.h, which not every SDK has.
constexpr uint8_t kClosed = 0, kCloseWait = 5, kClosing = 7, kLastAck = 8, kTimeWait = 10;

}  // namespace

std::optional<SendState> ReadSendState(int fd) {
  tcp_connection_info info{};  // <netinet/tcp.h>; the send buffer holds unacknowledged bytes
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_CONNECTION_INFO, &info, &length) != 0) return std::nullopt;
  if (info.tcpi_state == kClosed || info.tcpi_state == kTimeWait) return std::nullopt;
  const bool peer_ended = info.tcpi_state == kCloseWait || info.tcpi_state == kLastAck || info.tcpi_state == kClosing;
  return SendState{info.tcpi_snd_sbbytes, peer_ended};
}

}  // namespace oximy
