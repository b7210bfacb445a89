#pragma once

#include <cstdint>
#include <optional>

namespace oximy {

/** How much of what was sent on a TCP socket its peer has received. */
struct SendState {
  /** Bytes sent or queued that the peer's system has not acknowledged. */
  uint32_t unacknowledged;
  /** The peer has ended its side: its FIN has arrived. */
  bool peer_ended;
};

/** Nothing when the connection is reset or closed, or `fd` is no TCP socket. */
std::optional<SendState> ReadSendState(int fd);

}  // namespace oximy
