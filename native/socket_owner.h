#pragma once

#include <cstdint>
#include <optional>

#include "endpoint.h"

namespace oximy {

/** What the kernel reports about the client's socket. */
struct SocketOwner {
  /** Inode number of the socket, as in /proc/PID/fd; 0 when no process holds the socket any more. */
  uint64_t inode = 0;
  /** User that created the socket. */
  std::optional<uint32_t> uid;
  /** Unique per boot: SO_COOKIE on Linux, 0 elsewhere. */
  uint64_t cookie = 0;
  /** Inode of the socket's cgroup v2 directory (Linux 5.8). */
  std::optional<uint64_t> cgroup_id;
  /** Process, where the kernel reports it directly (macOS). */
  std::optional<int> pid;
};

/** Looks up one TCP socket of this machine (this network namespace) by its exact tuple. Thread-safe. */
std::optional<SocketOwner> FindSocketOwner(const SocketTuple& tuple);

}  // namespace oximy
