#pragma once

#include <chrono>

namespace oximy {

/**
 * Ends this process after that time with that exit code, whatever its other threads are doing: exit(3) in Node waits
 * for its workers, and one that hangs in a system call or in C++ never ends.
 */
void ExitAtLatest(std::chrono::milliseconds after, int code);

/** Ends this process, with code 1, that long after its parent ended. Call it once, while that parent exists. */
void OutliveParentAtMost(std::chrono::milliseconds after);

}  // namespace oximy
