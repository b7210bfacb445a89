#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <vector>

#include "endpoint.h"

namespace oximy {

/** Where a network's connections are sent: the value of the map by the network's cookie. */
struct RawRewriteTarget {
  /** What a connection's mark has to be. */
  uint32_t mark;
  /** In network order; 0 for a family whose connections are left alone. */
  uint32_t port4;
  uint32_t port6;
};

/** What a connection asked for: the value of the map by the socket's cookie. */
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
 * For the hook connect4 or connect6: a TCP connection to one of the ports, of a network that has a target, goes to the
 * target on loopback instead, and what it asked for is kept. Left alone is what the rules leave alone (container_rules.h),
 * as far as it can be told here: what goes to loopback or to many, what has another mark, what is bound to a device. The
 * network's own addresses cannot be told: whoever accepts the connection goes on to them.
 */
std::vector<bpf_insn> AssembleRewriteProgram(const RewriteMaps& maps, const std::vector<uint16_t>& ports,
                                             Endpoint::Family family);

/** For the hook getpeername4 or getpeername6: the peer of such a connection is what it asked for. */
std::vector<bpf_insn> AssemblePeerNameProgram(const RewriteMaps& maps, Endpoint::Family family);

}  // namespace oximy
