#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "front_socket.h"

namespace oximy {

/** A kernel pipe between two sockets. 1 MiB is the default /proc/sys/fs/pipe-max-size. */
struct Pipe {
  static constexpr size_t kSize = 1 << 20;

  Descriptor out;
  Descriptor in;
  /** Bytes inside. */
  size_t held = 0;
};

/**
 * Lends pipes to flows while they hold bytes. Bounded: an unprivileged user has 64 MiB of pipe pages
 * (/proc/sys/fs/pipe-user-pages-soft), and each pipe takes two descriptors.
 */
class PipePool {
 public:
  /** Null when all are lent or the system provides none: copy then. */
  std::unique_ptr<Pipe> Take();
  /** A pipe that still holds bytes is closed, never reused. */
  void Give(std::unique_ptr<Pipe> pipe);

 private:
  static constexpr size_t kMost = 48;
  static constexpr size_t kMostIdle = 8;

  std::vector<std::unique_ptr<Pipe>> idle_;
  size_t lent_ = 0;
};

}  // namespace oximy
