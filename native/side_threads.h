#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace oximy {

using SideClock = std::chrono::steady_clock;

/**
 * Runs work that may never return, such as reading a file of a file system that does not answer, on at most
 * `kMostSideThreads` threads of their own. They belong to the process and end with it. An owner (a user id) that has
 * a thread which is past its deadline gets no further one until it returns: whoever blocks one blocks only himself.
 * False when the work is not taken. Work taken may still be dropped, when its deadline passes before a thread is free:
 * then it is called with `false`.
 */
constexpr int kMostSideThreads = 8;
bool RunAside(uint32_t owner, SideClock::time_point deadline, std::function<void(bool in_time)> work);

}  // namespace oximy
