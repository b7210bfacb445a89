#pragma once

namespace oximy {

/**
 * From now on no thread of this process can make a socket, start a program or a process, look into another process, or
 * gain rights; descriptors that are open stay usable. False where the system has no such thing.
 */
bool Confine();

}  // namespace oximy
