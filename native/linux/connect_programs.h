#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <vector>

#include "connect_recorder.h"
#include "endpoint.h"

namespace oximy {

/** What the connect programs record for a socket: the map's value by cookie, and the ring's event. */
struct RawConnectRecord {
  uint64_t pid_tgid;
  uint64_t uid_gid;
  /** Nanoseconds since boot. */
  uint64_t boot_time;
  char name[16];
};

struct ConnectEvent {
  uint64_t cookie;
  RawConnectRecord record;
  /** The cookie of the network namespace. */
  uint64_t network;
};

/** Key of the map from a socket's tuple to its cookie, as the sock_ops program fills it. */
struct TupleKey {
  uint8_t remote[16];
  uint8_t local[16];
  /** The port in network order, in the upper half: what bpf_sock_ops.remote_port holds. */
  uint32_t remote_port;
  uint32_t local_port;
};

TupleKey TupleKeyOf(const SocketTuple& tuple);

struct ConnectMaps {
  int by_cookie;
  int by_tuple;
  int ring;
};

/**
 * For the hook connect4 or connect6, which runs in the process that calls connect(): cookie → record, and an event.
 * Only for wanted streams, of the network namespace with this cookie or of all.
 */
std::vector<bpf_insn> AssembleConnectProgram(const ConnectMaps& maps, uint64_t netns_cookie,
                                             const WantedConnections& wanted, Endpoint::Family family);

/** For the hook sock_ops, when the socket has its local port and nothing has been sent yet: tuple → cookie. */
std::vector<bpf_insn> AssembleTupleProgram(const ConnectMaps& maps, uint64_t netns_cookie);

}  // namespace oximy
