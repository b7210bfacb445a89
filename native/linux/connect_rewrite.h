#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint.h"
#include "unique_fd.h"

namespace oximy {

/** Where connections of a network are redirected: ports on its own loopback, 0 for a family that is left alone. */
struct RewriteTarget {
  /** The required mark of a connection. */
  uint32_t mark = 0;
  uint16_t port4 = 0;
  uint16_t port6 = 0;
};

/**
 * Redirects connections of chosen networks to a listener on their own loopback, at connect(2): a firewall there sees
 * loopback connections from the first packet on. BPF programs at the root of cgroup v2; there getpeername(2) also
 * returns the original destination (Linux 5.8). Nothing outlives the process: programs and maps are freed with their
 * descriptors.
 */
class ConnectRewrite {
 public:
  /** Null where it is not possible; `failure` is then the reason. */
  static std::unique_ptr<ConnectRewrite> Attach(const std::vector<uint16_t>& ports, std::string& failure);

  /** Takes effect for new connections of the network with this cookie (SO_NETNS_COOKIE). */
  bool Send(uint64_t network, const RewriteTarget& target);
  /** New connections reach their own destinations again. */
  void Leave(uint64_t network);
  /** The original destination of the socket with this cookie (SO_COOKIE); only the most recent ones are kept. */
  std::optional<Endpoint> DestinationOf(uint64_t socket) const;

 private:
  ConnectRewrite() = default;

  UniqueFd targets_;
  UniqueFd rewritten_;
  std::vector<UniqueFd> links_;
};

}  // namespace oximy
