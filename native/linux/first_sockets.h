#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "linux/ring_reader.h"
#include "unique_fd.h"

namespace oximy {

/**
 * Reports the first IPv4 or IPv6 socket of each network namespace. Nothing else reports namespaces without a link to this one,
 * such as those of rootless containers, whose tunnel opens a socket there before the container starts. A BPF program at the
 * root of cgroup v2 (Linux 5.14), which is detached when its descriptors are closed.
 */
class FirstSockets {
 public:
  /** Null on failure, with the reason in `failure`. @param own_network SO_NETNS_COOKIE of the one that is not reported */
  static std::unique_ptr<FirstSockets> Attach(uint64_t own_network, std::string& failure);

  /** Readable when there is something to take. */
  int fd() const { return ring_->fd(); }
  /** Whether there was one since the last call. Not thread-safe. */
  bool Take();

 private:
  FirstSockets() = default;

  UniqueFd seen_;
  UniqueFd link_;
  std::unique_ptr<RingReader> ring_;
};

}  // namespace oximy
