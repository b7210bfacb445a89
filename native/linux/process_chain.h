#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "connect_recorder.h"

namespace oximy {

/** Reads processes with their ancestors; caches the ancestors, which are mostly the same few. For one thread. */
class ProcessChainReader {
 public:
  /**
   * Empty when the process is gone. A process that started after `boot_time` (nanoseconds) has reused the pid: the one
   * wanted is then gone, too.
   */
  ProcessChain Read(int pid, uint64_t boot_time);

 private:
  using Clock = std::chrono::steady_clock;
  struct Remembered {
    std::shared_ptr<const ProcessInfo> process;
    Clock::time_point seen;
  };

  std::shared_ptr<const ProcessInfo> Ancestor(int pid);

  std::unordered_map<int, Remembered> ancestors_;
};

}  // namespace oximy
