#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "linux/ring_reader.h"
#include "unique_fd.h"

namespace oximy {

/**
 * Told when the first socket of IPv4 or IPv6 is made in a network namespace: of one without a link to this one nobody else
 * tells, such as that of a container without root, whose tunnel makes a socket there before the container starts. A BPF
 * program at the root of cgroup v2 (Linux 5.14), which goes with its descriptors.
 */
class FirstSockets {
 public:
  /** Nothing where it cannot be; `failure` says why. @param own_network SO_NETNS_COOKIE of the one that is not told of */
  static std::unique_ptr<FirstSockets> Attach(uint64_t own_network, std::string& failure);

  /** Readable when there is something to take. */
  int fd() const { return ring_->fd(); }
  /** Whether there was one since the last call. For one thread. */
  bool Take();

 private:
  FirstSockets() = default;

  UniqueFd seen_;
  UniqueFd link_;
  std::unique_ptr<RingReader> ring_;
};

}  // namespace oximy
