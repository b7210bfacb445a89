#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "endpoint.h"

namespace oximy {

/** One socket of the sysctl net.inet.tcp.pcblist_n. */
struct TcpSocket {
  SocketTuple tuple;
  uint32_t uid = 0;
  /** Last process that used it. */
  int last_pid = 0;
  /** Process on whose behalf it is used, when a system daemon acts for an app; else 0. */
  int effective_pid = 0;
  /** TCPS_… of <netinet/tcp_fsm.h>; -1 where the list does not contain it. */
  int state = -1;

  /** The effective one first: nsurlsessiond and WebKit's network process are not apps themselves. */
  int pid() const { return effective_pid != 0 ? effective_pid : last_pid; }
};

/** Walks the records by their length and kind, so that new kinds or fields do no harm. */
std::vector<TcpSocket> ParsePcbList(const uint8_t* data, size_t size);

/**
 * The original destination of the client with this address, taken from its own socket: pf rewrites packets, not
 * sockets. Nothing when no socket or more than one has that local address, or when it connected to `listener` itself.
 * The list includes sockets in TIME_WAIT (in_pcblist.c), whose ports may be in use again: they are skipped.
 */
std::optional<Endpoint> DestinationOfClient(const std::vector<TcpSocket>& sockets, const Endpoint& client,
                                            const Endpoint& listener);

}  // namespace oximy
