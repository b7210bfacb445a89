#pragma once

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <variant>

#include "endpoint.h"
#include "socket_owner.h"

namespace oximy {

/** NETLINK_SOCK_DIAG's request for one TCP socket by its exact tuple (linux/inet_diag.h). */
struct SockDiagRequest {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

SockDiagRequest BuildSockDiagRequest(const SocketTuple& tuple, uint32_t sequence);

enum class SockDiagFailure {
  /** The kernel has no such socket. */
  kNotFound,
  /** The answer to another request: an earlier one that was abandoned, or a listener on the same port. */
  kOtherSocket,
  kMalformed,
};

/** Parses the answer, an arbitrary datagram, to the request for `tuple` with this sequence number. */
std::variant<SocketOwner, SockDiagFailure> ParseSockDiagAnswer(const uint8_t* data, size_t size,
                                                               const SocketTuple& tuple, uint32_t sequence);

}  // namespace oximy
