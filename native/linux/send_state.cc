#include "send_state.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace oximy {

std::optional<SendState> ReadSendState(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  if (info.tcpi_state == TCP_CLOSE || info.tcpi_state == TCP_TIME_WAIT) return std::nullopt;
  int unacknowledged = 0;  // tcp(7): SIOCOUTQ counts unacknowledged bytes, sent or not
  if (ioctl(fd, SIOCOUTQ, &unacknowledged) != 0) return std::nullopt;
  const bool peer_ended =
      info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_LAST_ACK || info.tcpi_state == TCP_CLOSING;
  return SendState{static_cast<uint32_t>(unacknowledged), peer_ended};
}

}  // namespace oximy
