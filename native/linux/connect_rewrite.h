#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint.h"
#include "unique_fd.h"

namespace oximy {

/** Where connections of a network are sent: ports on its own loopback, 0 for a family that is left alone. */
struct RewriteTarget {
  /** What a connection's mark has to be. */
  uint32_t mark = 0;
  uint16_t port4 = 0;
  uint16_t port6 = 0;
};

/**
 * Sends connections of chosen networks to a listener on their own loopback, in the moment of connect(2): before a firewall
 * there sees them, to whom they are loopback's from the first packet on. BPF programs at the root of cgroup v2, where
 * getpeername(2) answers too with what was asked for (Linux 5.8). Nothing outlives the process: programs and maps go with
 * their descriptors.
 */
class ConnectRewrite {
 public:
  /** Nothing where it cannot be; `failure` says why. */
  static std::unique_ptr<ConnectRewrite> Attach(const std::vector<uint16_t>& ports, std::string& failure);

  /** From now on, for new connections of the network with this cookie (SO_NETNS_COOKIE). */
  bool Send(uint64_t network, const RewriteTarget& target);
  /** New connections go where they ask for again. */
  void Leave(uint64_t network);
  /** Where the socket with this cookie (SO_COOKIE) asked to go; of very many, the last ones are known. */
  std::optional<Endpoint> DestinationOf(uint64_t socket) const;

 private:
  ConnectRewrite() = default;

  UniqueFd targets_;
  UniqueFd rewritten_;
  std::vector<UniqueFd> links_;
};

}  // namespace oximy
