#pragma once

namespace oximy {

/**
 * From now on no thread of this process can create a socket, start a program or a process, inspect another process, or
 * gain privileges; open descriptors stay usable. False where the system has no such facility.
 */
bool Confine();

}  // namespace oximy
