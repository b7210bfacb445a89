#include "send_state.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/tcp_fsm.h>
#include <sys/socket.h>

namespace oximy {

std::optional<SendState> ReadSendState(int fd) {
  tcp_connection_info info{};  // <netinet/tcp.h>; the send buffer holds what is not acknowledged
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_CONNECTION_INFO, &info, &length) != 0) return std::nullopt;
  if (info.tcpi_state == TCPS_CLOSED || info.tcpi_state == TCPS_TIME_WAIT) return std::nullopt;
  const bool peer_ended =
      info.tcpi_state == TCPS_CLOSE_WAIT || info.tcpi_state == TCPS_LAST_ACK || info.tcpi_state == TCPS_CLOSING;
  return SendState{info.tcpi_snd_sbbytes, peer_ended};
}

}  // namespace oximy
