#pragma once

#include <cstdint>
#include <optional>

namespace oximy {

/** How far the peer of a TCP socket is with what was sent to it. */
struct SendState {
  /** Bytes that were sent or wait to be, and that the peer's system has not acknowledged. */
  uint32_t unacknowledged;
  /** The peer has ended its side: its FIN is here. */
  bool peer_ended;
};

/** Nothing when the connection is reset or closed, or `fd` is no TCP socket. */
std::optional<SendState> ReadSendState(int fd);

}  // namespace oximy
