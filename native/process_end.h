#pragma once

#include <chrono>

namespace oximy {

/**
 * Ends this process after that time with that exit code, whatever its other threads do by then: exit(3) in Node waits
 * for its workers, and one that hangs in a system call, or in C++, does not end.
 */
void ExitAtLatest(std::chrono::milliseconds after, int code);

/** Ends this process, with code 1, that time after its parent ended. Call it once, as long as there is that parent. */
void OutliveParentAtMost(std::chrono::milliseconds after);

}  // namespace oximy
