#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace oximy {

using SideClock = std::chrono::steady_clock;

/**
 * Runs work that may never return, such as reading from a file system that does not respond, on at most
 * `kMostSideThreads` threads of their own. They end with the process. An owner (a user id) with a thread past its
 * deadline gets no further one until it returns: whoever blocks a thread delays only their own work. False when the
 * work is rejected. Accepted work may still be dropped, when its deadline passes before a thread is free: it is then
 * called with `false`.
 */
constexpr int kMostSideThreads = 8;
bool RunAside(uint32_t owner, SideClock::time_point deadline, std::function<void(bool in_time)> work);

}  // namespace oximy
