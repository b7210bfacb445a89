#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <vector>

#include "endpoint.h"

namespace oximy {

/** Where a network's connections are redirected: the map's value by the network's cookie. */
struct RawRewriteTarget {
  /** The required mark of a connection. */
  uint32_t mark;
  /** In network order; 0 for a family that is left alone. */
  uint32_t port4;
  uint32_t port6;
};

/** The original destination of a connection: the map's value by the socket's cookie. */
struct RawRewritten {
  /** IPv4 in its mapped form. */
  uint8_t address[16];
  /** Both in network order. */
  uint32_t port;
  uint32_t listener_port;
};

struct RewriteMaps {
  int targets;
  int rewritten;
};

/**
 * For the hook connect4 or connect6: a TCP connection to one of the ports, in a network that has a target, goes to the
 * target on loopback instead, and its original destination is recorded. Leaves alone what the rules leave alone
 * (container_rules.h), as far as it is known here: loopback and multicast destinations, other marks, sockets bound to
 * a device. The network's own addresses are not known here: the acceptor forwards to them.
 */
std::vector<bpf_insn> AssembleRewriteProgram(const RewriteMaps& maps, const std::vector<uint16_t>& ports,
                                             Endpoint::Family family);

/** For the hook getpeername4 or getpeername6: the peer of such a connection is its original destination. */
std::vector<bpf_insn> AssemblePeerNameProgram(const RewriteMaps& maps, Endpoint::Family family);

}  // namespace oximy
