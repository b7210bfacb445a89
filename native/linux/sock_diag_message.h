#pragma once

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <variant>

#include "endpoint.h"
#include "socket_owner.h"

namespace oximy {

/** NETLINK_SOCK_DIAG's question for one TCP socket by its exact tuple (linux/inet_diag.h). */
struct SockDiagRequest {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

SockDiagRequest BuildSockDiagRequest(const SocketTuple& tuple, uint32_t sequence);

enum class SockDiagFailure {
  /** The kernel knows no such socket. */
  kNotFound,
  /** An answer to another question: an earlier one that was given up, or a listener on the same port. */
  kOtherSocket,
  kMalformed,
};

/** Reads the answer, a datagram of any content, to the question for `tuple` with this sequence number. */
std::variant<SocketOwner, SockDiagFailure> ParseSockDiagAnswer(const uint8_t* data, size_t size,
                                                               const SocketTuple& tuple, uint32_t sequence);

}  // namespace oximy
