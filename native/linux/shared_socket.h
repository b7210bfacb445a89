#pragma once

#include <vector>

#include "linux/descriptors.h"

namespace oximy {

/** Of the processes that share the socket over fork, the one that uses it: see FindProcess() for the rule. */
int UserOfSharedSocket(const SocketInProc& socket, int holder, int descriptor);

/** The children of all threads of the process: each thread has its own. */
std::vector<int> ChildrenOf(int pid);

}  // namespace oximy
